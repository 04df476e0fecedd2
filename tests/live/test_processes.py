"""Real file descriptors of real processes, and what is said where they may not be seen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from stops_tui.bpf.syscall import opened
from stops_tui.kernels.kernel import RawFd
from stops_tui.kernels.live.processes import Processes
from tests.support.child import in_child
from tests.support.live import Kit


@contextmanager
def holder(*fds: int) -> Iterator[subprocess.Popen[bytes]]:
    """A process that has inherited these file descriptors, and sleeps."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, pass_fds=fds) as process:
        assert process.stdin
        try:
            yield process
        finally:
            process.stdin.close()


def held_by(looker: Processes, pid: int) -> list[RawFd]:
    return [fd for fd in looker.look()[0] if fd.pid == pid]


def test_a_map_a_program_and_a_link_are_told_apart(kit: Kit) -> None:
    with (
        kit.program() as prog_fd,
        kit.tcp_map(link=True) as ops,
        ops.link() as link,
        holder(prog_fd, ops.fd, link.fd) as process,
    ):
        prog_id = kit.bpf.prog_get_info_by_fd(prog_fd).id
        assert set(held_by(Processes(), process.pid)) == {
            RawFd(process.pid, "cat", prog_fd, "prog", prog_id),
            RawFd(process.pid, "cat", ops.fd, "map", ops.id),
            RawFd(process.pid, "cat", link.fd, "link", link.id),
        }


def test_a_link_that_was_opened_again_is_one_too(kit: Kit) -> None:
    with (
        kit.tcp_map(link=True) as ops,
        ops.link() as link,
        opened(kit.bpf.link_get_fd_by_id(link.id)) as fd,
        holder(fd) as process,
    ):
        found = held_by(Processes(), process.pid)
        assert found == [RawFd(process.pid, "cat", fd, "link", link.id)]


def test_a_process_that_ended_is_no_holder(kit: Kit) -> None:
    looker = Processes()
    with kit.tcp_map(state="INIT") as ops:
        with holder(ops.fd) as process:
            assert held_by(looker, process.pid)
        assert not held_by(looker, process.pid)


def test_this_process_is_left_out(kit: Kit) -> None:
    with kit.tcp_map(state="INIT"):
        assert not held_by(Processes(), os.getpid())


OPENS_AND_CLOSES = """
import os, sys
from stops_tui.bpf.syscall import Bpf
bpf = Bpf()
print("ready", flush=True)
for line in sys.stdin:
    words = line.split()
    if words[0] == "open":
        print(bpf.map_get_fd_by_id(int(words[1])), flush=True)
    else:
        os.close(int(words[1]))
        print("closed", flush=True)
"""


def test_what_a_process_opens_and_closes_later_is_seen(kit: Kit) -> None:
    """The cache of those that did not run must never hide one that did, however shortly."""
    looker = Processes()
    with (
        kit.tcp_map(state="INIT") as first,
        kit.tcp_map(state="INIT") as second,
        subprocess.Popen(
            [sys.executable, "-c", OPENS_AND_CLOSES],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        assert process.stdin and process.stdout

        def tell(line: str) -> str:
            assert process.stdin and process.stdout
            print(line, file=process.stdin, flush=True)
            return process.stdout.readline().strip()

        assert process.stdout.readline() == "ready\n"
        assert held_by(looker, process.pid) == []
        for ops in (first, second, first, second) * 5:
            fd = int(tell(f"open {ops.id}"))
            assert [(held.fd, held.id) for held in held_by(looker, process.pid)] == [(fd, ops.id)]
            # The same number stands for another map next: an id must not be remembered by it.
            tell(f"close {fd}")
            if ops is second:
                assert held_by(looker, process.pid) == []
        process.stdin.close()


def test_what_may_not_be_looked_at_is_said(kit: Kit) -> None:
    looker = Processes()

    def as_nobody() -> list[list[Any]]:
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
        fds, unseen = looker.look()
        return [[fd.id for fd in fds], list(unseen)]

    with kit.tcp_map(state="INIT") as ops, holder(ops.fd):
        ids, unseen = in_child(as_nobody)
    assert ids == []
    assert any(
        words.startswith("open files of ")
        and words.endswith(": Permission denied (CAP_SYS_PTRACE is missing)")
        for words in unseen
    )


LOOK = """
import json
from stops_tui.kernels.live.processes import Processes
print(json.dumps(Processes().look()[1]))
"""


@pytest.mark.parametrize(
    ("namespaces", "expected"),
    [
        (["--pid", "--fork", "--mount-proc"], True),
        # Another namespace's /proc: pids do not fit, and nothing may be taken from CPU clocks.
        (["--pid", "--fork"], True),
        (["--mount"], False),
    ],
)
def test_another_pid_namespace_is_said(namespaces: list[str], expected: bool) -> None:
    answer = subprocess.run(
        ["unshare", *namespaces, sys.executable, "-c", LOOK],
        capture_output=True,
        text=True,
        check=True,
    )
    unseen = json.loads(answer.stdout)
    assert ("processes outside of this PID namespace" in unseen) is expected
