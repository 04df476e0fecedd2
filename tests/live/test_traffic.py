"""Traffic of this host with itself, under a congestion control of our own."""

from __future__ import annotations

import resource
from contextlib import closing
from pathlib import Path

import pytest

from stops_tui.kernels.live import traffic as module
from stops_tui.kernels.live.kernel import LiveKernel
from stops_tui.kernels.live.traffic import LiveTraffic
from stops_tui.kernels.writes import ReadOnly
from tests.support.live import Kit, eventually


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def tcp_sockets() -> list[list[str]]:
    """The TCP sockets of this network namespace, by the columns of /proc/net/tcp."""
    return [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]


def port(address: str) -> str:
    return address.rpartition(":")[2]


def our_ports() -> set[str]:
    """The ports of the sockets that this process has open."""
    ours = {str(fd.stat().st_ino) for fd in Path("/proc/self/fd").iterdir() if fd.is_socket()}
    return {port(each[1]) for each in tcp_sockets() if each[9] in ours}


def waiting(ports: set[str]) -> int:
    """Sockets in TIME_WAIT (06: include/net/tcp_states.h) that had one of these ports."""
    found = [{port(end) for end in each[1:3]} for each in tcp_sockets() if each[3] == "06"]
    return sum(bool(ends & ports) for ends in found)


@pytest.mark.parametrize("number", [1, 20])
def test_each_connection_holds_the_map_once(kit: Kit, number: int) -> None:
    before = open_files()
    with kit.tcp_map() as ops:
        with closing(LiveTraffic(ops.name, number)) as traffic:
            assert eventually(lambda: traffic.seen.open == number)
            assert ops.refcnt == 1 + number
            assert eventually(lambda: traffic.seen.sent > 0)
            ports = our_ports()
        assert len(ports) > number
        assert eventually(lambda: traffic.seen.ended)
        assert traffic.seen.problem == ""
        assert eventually(lambda: ops.refcnt == 1)
        assert waiting(ports) == 0
    assert eventually(lambda: open_files() == before)


def test_more_connections_than_open_files_are_allowed(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_files() + 20, hard))
    try:
        with kit.tcp_map() as ops:
            with closing(LiveTraffic(ops.name, 50)) as traffic:
                assert eventually(lambda: traffic.seen.open == 50), "the soft limit is raised"
            assert eventually(lambda: traffic.seen.ended)
            assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 100, "and is as it was"
            monkeypatch.setattr(module, "OTHER_FILES", -100)
            with closing(LiveTraffic(ops.name, 50)) as traffic:
                assert eventually(lambda: traffic.seen.ended)
            assert "connections fit: raise the limit of open files" in traffic.seen.problem
            assert eventually(lambda: ops.refcnt == 1)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize(("limit", "most"), [("MOST_SECONDS", 0.2), ("MOST_BYTES", 1)])
def test_it_ends_by_itself(
    kit: Kit, monkeypatch: pytest.MonkeyPatch, limit: str, most: float
) -> None:
    monkeypatch.setattr(module, limit, most)
    with kit.tcp_map() as ops:
        with closing(LiveTraffic(ops.name, 2)) as traffic:
            assert eventually(lambda: traffic.seen.ended)
        assert eventually(lambda: ops.refcnt == 1)


def test_a_name_that_nobody_registered() -> None:
    traffic = LiveTraffic("stops_nobody", 3)
    assert eventually(lambda: traffic.seen.ended)
    assert traffic.seen.problem == "the kernel has no congestion control of this name any more"


def test_read_only_opens_nothing() -> None:
    with closing(LiveKernel.open()) as kernel:
        with pytest.raises(ReadOnly):
            kernel.traffic("reno", 1)
        kernel.writes.armed = True
        with closing(kernel.traffic("reno", 1)) as traffic:
            assert eventually(lambda: traffic.seen.open == 1)
        assert eventually(lambda: traffic.seen.ended)
