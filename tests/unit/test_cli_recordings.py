"""`record`, and looking at what it wrote."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from stops_tui.kernels.recording.error import RecordingError
from stops_tui.kernels.recording.kernel import RecordedKernel
from tests.unit.test_cli import FAKE, ROOT, run


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "story.stops"


def started(file: Path, *more: str) -> subprocess.Popen[str]:
    """A recorder that has looked at the kernel some times."""
    command = [*FAKE, "record", str(file), "--interval", "0.1", *more]
    recorder = subprocess.Popen(command, cwd=ROOT, text=True, stderr=subprocess.PIPE)
    for _ in range(300):
        time.sleep(0.1)
        if looks(file) > 3:
            return recorder
    recorder.kill()
    raise AssertionError("it records nothing")


def looks(file: Path) -> int:
    """How many looks are in a file that may just begin."""
    with suppress(RecordingError):
        return len(RecordedKernel(str(file)).moments())
    return 0


def listed(file: Path, *more: str) -> Any:
    return json.loads(run("list", "--json", "--replay", str(file), *more).stdout)


def test_it_ends_by_hand_and_says_how_to_see_it(file: Path) -> None:
    recorder = started(file)
    recorder.send_signal(signal.SIGINT)
    _, told = recorder.communicate(timeout=30)
    assert recorder.returncode == 0
    assert f"{file.stat().st_size:,} bytes; it was ended by hand" in told
    assert f"stops-tui replay {file}" in told
    assert RecordedKernel(str(file)).ended == "it was ended by hand"


def test_one_that_was_killed_is_read_to_its_last_look(file: Path) -> None:
    recorder = started(file)
    recorder.kill()
    recorder.communicate(timeout=30)
    assert {each["id"]: each["refcnt"] for each in listed(file)}[58] == 7
    assert RecordedKernel(str(file)).ended == ""


def test_its_time_and_its_size_end_it(file: Path, tmp_path: Path) -> None:
    done = run("record", str(file), "--duration", "0.2", "--interval", "0.1")
    assert (done.returncode, "its time was over" in done.stderr) == (0, True)
    assert run("record", str(tmp_path / "b"), "--max-size", "1").returncode == 2


def test_reports_are_of_the_moment(file: Path) -> None:
    run("record", str(file), "--duration", "1", "--interval", "0.1")
    first, last = listed(file, "--at", "+0"), listed(file)
    assert {each["id"] for each in first} ^ {each["id"] for each in last} == {61, 62}
    assert {each["id"]: each["refcnt"] for each in first}[58] == 6
    assert {each["id"]: each["refcnt"] for each in last}[58] == 7
    for verb in ("dump", "types", "progs"):
        assert run(verb, "--json", "--replay", str(file)).stdout.startswith("[")
    assert "dctcp_ssthresh" in run("prog", "id", "25", "--replay", str(file)).stdout


def test_nothing_is_overwritten_and_nonsense_is_told(file: Path) -> None:
    file.write_text("precious")
    for exit_code, *arguments in ((74, "record", file), (1, "list", "--replay", file)):
        done = run(*map(str, arguments))
        assert done.returncode == exit_code
        assert done.stderr.startswith(f"stops-tui: {file}: ")
        assert done.stderr.count("\n") == 1
    assert file.read_text() == "precious"
    assert "expected +90" in run("list", "--replay", "x", "--at", "soon").stderr


def test_names_are_left_out_where_asked(file: Path) -> None:
    run("record", str(file), "--duration", "0.1", "--redact")
    assert b"scx_simple" not in run("list", "--replay", str(file)).stdout.encode()
    assert "(redacted)" in run("list", "--replay", str(file)).stdout


def test_the_demo_kernel_needs_nothing_and_is_the_same_each_time() -> None:
    first = json.loads(run("list", "--demo", "--json").stdout)
    assert [each["name"] for each in first] == [
        each["name"] for each in json.loads(run("--demo", "list", "--json").stdout)
    ]
    assert {each["kernel_struct_ops"] for each in first} == {
        *("tcp_congestion_ops", "sched_ext_ops", "Qdisc_ops", "hid_bpf_ops"),
    }
    for verb in ("dump", "types", "progs"):
        assert run(verb, "--demo").returncode == 0
