"""The walk over /proc: over folders laid out as it is, and over the real one without BPF."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from stops_tui.kernels.kernel import RawFd
from stops_tui.kernels.live import processes
from stops_tui.kernels.live.processes import Processes


def add_process(proc: Path, pid: int, comm: bytes, fds: dict[int, tuple[str, str]]) -> None:
    """Lay out /proc/PID; `fds`: number → link text, fdinfo."""
    for folder in ("fd", "fdinfo"):
        (proc / str(pid) / folder).mkdir(parents=True)
    (proc / str(pid) / "comm").write_bytes(comm + b"\n")
    for fd, (link, fdinfo) in fds.items():
        (proc / str(pid) / "fd" / str(fd)).symlink_to(link)
        (proc / str(pid) / "fdinfo" / str(fd)).write_text(fdinfo)


def test_only_struct_ops_maps_programs_and_links_are_reported(tmp_path: Path) -> None:
    add_process(
        tmp_path,
        812,
        b"bpftool",
        {
            0: ("/dev/null", "pos:\t0\n"),
            3: ("anon_inode:bpf-map", "pos:\t0\nmap_type:\t26\nmap_id:\t58\n"),
            4: ("anon_inode:bpf_link", "pos:\t0\nlink_id:\t22\nmap_id:\t58\n"),
            5: ("socket:[12]", "map_id:\t1\n"),
            6: ("anon_inode:bpf-map", "pos:\t0\nmap_type:\t2\nmap_id:\t59\n"),
        },
    )
    add_process(
        tmp_path, 9, b"a\xff\n\x1b[1m", {7: ("anon_inode:bpf-prog", "pos:\t0\nprog_id:\t83\n")}
    )
    (tmp_path / "sys").mkdir()
    fds, _ = Processes(tmp_path).look()
    assert fds == (
        RawFd(9, "a\\xff\n\x1b[1m", 7, "prog", 83),
        RawFd(812, "bpftool", 3, "map", 58),
        RawFd(812, "bpftool", 4, "link", 22),
    )


def test_this_process_is_left_out_by_its_number_in_this_proc(tmp_path: Path) -> None:
    """In another PID namespace's /proc somebody else may have ours."""
    a_map = {3: ("anon_inode:bpf-map", "pos:\t0\nmap_type:\t26\nmap_id:\t58\n")}
    for pid, comm in (os.getpid(), b"other"), (os.getpid() + 1, b"stops-tui"):
        add_process(tmp_path, pid, comm, a_map)
    (tmp_path / "self").symlink_to(str(os.getpid() + 1))
    fds, _ = Processes(tmp_path).look()
    assert fds == (RawFd(os.getpid(), "other", 3, "map", 58),)


def test_what_vanishes_meanwhile_is_left_out(tmp_path: Path) -> None:
    add_process(tmp_path, 5, b"gone", {3: ("anon_inode:bpf-map", "map_id:\t58\n")})
    (tmp_path / "5/fdinfo/3").unlink()
    (tmp_path / "6").mkdir()  # its fd folder is gone already
    fds, unseen = Processes(tmp_path).look()
    assert fds == ()
    assert not [words for words in unseen if "open files of" in words]


def test_without_proc_it_says_so(tmp_path: Path) -> None:
    assert Processes(tmp_path).look() == ((), (f"processes: {tmp_path} is not mounted",))


@pytest.fixture
def sleeper() -> Iterator[int]:
    """A process that runs no more: its CPU clock stands still."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin and process.stdout
        process.stdin.write(b"ready\n")
        process.stdin.flush()
        process.stdout.readline()
        yield process.pid
        process.stdin.close()


def test_a_process_that_did_not_run_is_not_walked_again(
    sleeper: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    walked: list[int] = []
    walk = processes._walk

    def counting(proc: Path, pid: int, cpu_ns: int) -> processes._Seen:
        walked.append(pid)
        return walk(proc, pid, cpu_ns)

    monkeypatch.setattr(processes, "_walk", counting)
    looker = Processes()
    for _ in range(5):
        looker.look()
    # Once more at most: it may still have been on its way to sleep when first seen.
    assert 1 <= walked.count(sleeper) <= 2


def test_hidepid_is_a_mount_option_with_several_names() -> None:
    hiding = ["hidepid=1", "hidepid=2", "hidepid=4", "hidepid=invisible", "hidepid=ptraceable"]
    for option in hiding:
        assert processes._HIDING.fullmatch(option)
    for option in ["hidepid=0", "hidepid=off", "rw", "gid=4"]:
        assert not processes._HIDING.fullmatch(option)
