"""The audit file: whole lines, for its owner alone, and never in the way."""

from __future__ import annotations

import json
import os
import resource
import signal
import stat
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from stops_tui.audit import Audit, default_path
from stops_tui.kernels.writes import Call

CALL = Call(1_700_000_000.25, "BPF_OBJ_PIN", {"path": "/sys/fs/bpf/x", "link": 22}, 0, "")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_line_tells_the_call(tmp_path: Path) -> None:
    audit = Audit(tmp_path / "state" / "stops-tui" / "audit.jsonl")
    audit.append(CALL)
    audit.append(replace(CALL, result=7, error="EEXIST: taken"))
    first, second = lines(audit.path)
    assert first == {
        "time": "2023-11-14T22:13:20.250+00:00",
        "pid": os.getpid(),
        "uid": os.getuid(),
        "call": "BPF_OBJ_PIN",
        "arguments": {"path": "/sys/fs/bpf/x", "link": 22},
        "result": 0,
        "error": "",
    }
    assert (second["result"], second["error"]) == (7, "EEXIST: taken")
    assert audit.problem == ""


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    umask = os.umask(0)
    try:
        audit = Audit(tmp_path / "state" / "stops-tui" / "audit.jsonl")
        audit.append(CALL)
        assert (mode(audit.path), mode(audit.path.parent)) == (0o600, 0o700)
        audit.path.chmod(0o644)
        audit.append(CALL)
        assert mode(audit.path) == 0o600
    finally:
        os.umask(umask)


def test_hostile_text_stays_in_its_line(tmp_path: Path) -> None:
    audit = Audit(tmp_path / "audit.jsonl")
    hostile = 'a\nb\x1b[31m\u2028\udcff"}'
    audit.append(replace(CALL, arguments={"path": hostile}))
    assert audit.path.read_bytes().count(b"\n") == 1
    assert audit.path.read_bytes().isascii()
    assert b"\x1b" not in audit.path.read_bytes()
    assert lines(audit.path)[0]["arguments"] == {"path": hostile}


def test_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    target.write_text("precious")
    (tmp_path / "audit.jsonl").symlink_to(target)
    told: list[str] = []
    audit = Audit(tmp_path / "audit.jsonl", told.append)
    audit.append(CALL)
    assert target.read_text() == "precious"
    assert told == [audit.problem]
    assert "was not written" in audit.problem


def test_a_fifo_is_neither_waited_for_nor_filled(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "audit.jsonl")
    audit = Audit(tmp_path / "audit.jsonl")
    audit.append(CALL)
    assert audit.problem
    reader = os.open(audit.path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        audit.append(CALL)
        assert "no regular file" in audit.problem
        assert os.read(reader, 100) == b""
    finally:
        os.close(reader)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    audit = Audit(tmp_path / "file" / "stops-tui" / "audit.jsonl")
    audit.append(CALL)
    assert "was not written" in audit.problem


def test_a_full_disk_breaks_nothing_and_swallows_no_later_line(tmp_path: Path) -> None:
    """A limit on file sizes ends a write half-way, as a full file system does."""
    audit = Audit(tmp_path / "audit.jsonl")
    audit.append(CALL)
    size = audit.path.stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, hard))
    try:
        audit.append(CALL)
        assert "full" in audit.problem
        audit.append(CALL)
        assert "was not written" in audit.problem
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert audit.path.stat().st_size == size
    Audit(audit.path).append(CALL)  # another process's
    first, second = lines(audit.path)
    assert first == second


def test_many_threads_write_whole_lines(tmp_path: Path) -> None:
    audits = [Audit(tmp_path / "audit.jsonl") for _ in range(8)]
    threads = [
        threading.Thread(target=lambda a=audit: [a.append(CALL) for _ in range(50)])
        for audit in audits
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lines(audits[0].path)) == 400


def test_its_place_is_the_state_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert default_path() == tmp_path / "stops-tui" / "audit.jsonl"
    assert Audit().path == default_path()
