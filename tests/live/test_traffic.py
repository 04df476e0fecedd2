"""Traffic of this host with itself, under a congestion control of our own."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from stops_tui.kernels.live import traffic as module
from stops_tui.kernels.live.kernel import LiveKernel
from stops_tui.kernels.live.traffic import LiveTraffic
from stops_tui.kernels.writes import ReadOnly
from tests.support.live import Kit, eventually


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def waiting() -> int:
    """Sockets in TIME_WAIT."""
    words = Path("/proc/net/sockstat").read_text().split()
    return int(words[words.index("tw") + 1])


@pytest.mark.parametrize("number", [1, 20])
def test_each_connection_holds_the_map_once(kit: Kit, number: int) -> None:
    before, waited = open_files(), waiting()
    with kit.tcp_map() as ops:
        traffic = LiveTraffic(ops.name, number)
        try:
            assert eventually(lambda: traffic.seen.open == number)
            assert ops.refcnt == 1 + number
            assert eventually(lambda: traffic.seen.sent > 0)
        finally:
            traffic.close()
        assert eventually(lambda: traffic.seen.ended)
        assert traffic.seen.problem == ""
        assert eventually(lambda: ops.refcnt == 1)
        assert waiting() <= waited
    assert eventually(lambda: open_files() == before)


def test_more_connections_than_open_files_are_allowed(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_files() + 20, hard))
    try:
        with kit.tcp_map() as ops:
            traffic = LiveTraffic(ops.name, 50)
            assert eventually(lambda: traffic.seen.open == 50), "the soft limit is raised"
            traffic.close()
            assert eventually(lambda: traffic.seen.ended)
            assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 100, "and is as it was"
            monkeypatch.setattr(module, "OTHER_FILES", -100)
            traffic = LiveTraffic(ops.name, 50)
            assert eventually(lambda: traffic.seen.ended)
            assert "connections fit: raise the limit of open files" in traffic.seen.problem
            assert eventually(lambda: ops.refcnt == 1)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_it_ends_by_itself(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    with kit.tcp_map() as ops:
        monkeypatch.setattr(module, "MOST_SECONDS", 0.2)
        traffic = LiveTraffic(ops.name, 2)
        assert eventually(lambda: traffic.seen.ended)
        monkeypatch.setattr(module, "MOST_SECONDS", 60)
        monkeypatch.setattr(module, "MOST_BYTES", 1)
        traffic = LiveTraffic(ops.name, 2)
        assert eventually(lambda: traffic.seen.ended)
        assert eventually(lambda: ops.refcnt == 1)


def test_a_name_that_nobody_registered() -> None:
    traffic = LiveTraffic("stops_nobody", 3)
    assert eventually(lambda: traffic.seen.ended)
    assert traffic.seen.problem == "the kernel has no congestion control of this name any more"


def test_read_only_opens_nothing() -> None:
    kernel = LiveKernel.open()
    with pytest.raises(ReadOnly):
        kernel.traffic("reno", 1)
    kernel.writes.armed = True
    traffic = kernel.traffic("reno", 1)
    assert eventually(lambda: traffic.seen.open == 1)
    traffic.close()
    assert eventually(lambda: traffic.seen.ended)
