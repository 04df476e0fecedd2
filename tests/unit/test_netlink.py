"""Netlink dumps of this kernel, without root: every error is told, and nothing is left open."""

from __future__ import annotations

import gc
import socket
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from errno import EINVAL, ENOENT
from itertools import islice
from pathlib import Path

import pytest
from pyroute2.netlink import NETLINK_SOCK_DIAG
from pyroute2.netlink.diag import SOCK_DIAG_BY_FAMILY, MarshalDiag, inet_diag_req

from stops_tui.kernels.live import netlink
from stops_tui.kernels.live.netlink import Message, qdiscs, tcp_sockets

ALL, NO_FAMILY, NO_PROTOCOL = (1 << 14) - 1, 77, 253


@pytest.fixture
def listening() -> Iterator[list[int]]:
    """The ports of some sockets."""
    there = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    yield [each.getsockname()[1] for each in there]
    for each in there:
        each.close()


def in_a_thread(look: Callable[[], None]) -> None:
    thread = threading.Thread(target=look)
    thread.start()
    thread.join()


def open_files() -> list[Path]:
    return sorted(Path("/proc/self/fd").iterdir())


def dump_of_no_protocol() -> Iterator[Message]:
    request = inet_diag_req()
    request["sdiag_family"], request["sdiag_protocol"] = socket.AF_INET, NO_PROTOCOL
    return netlink._dump(NETLINK_SOCK_DIAG, MarshalDiag(), SOCK_DIAG_BY_FAMILY, request)


def test_an_error_that_is_the_answer_is_raised() -> None:
    with pytest.raises(OSError) as refused:
        list(tcp_sockets(NO_FAMILY, ALL))
    assert refused.value.errno == EINVAL


def test_an_error_that_ends_a_dump_is_raised() -> None:
    with pytest.raises(OSError) as refused:
        list(dump_of_no_protocol())
    assert refused.value.errno == ENOENT


def test_a_protocol_that_there_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(netlink, "NETLINK_SOCK_DIAG", 31)
    before = open_files()
    with pytest.raises(OSError):
        list(tcp_sockets(socket.AF_INET, ALL))
    assert open_files() == before


def test_nothing_is_left_open(listening: list[int]) -> None:
    def looks() -> None:
        ports = {message["idiag_sport"] for message in tcp_sockets(socket.AF_INET, ALL)}
        assert ports >= set(listening)
        assert list(qdiscs())
        assert len(list(islice(tcp_sockets(socket.AF_INET, ALL), 1))) == 1
        for refused in (tcp_sockets(NO_FAMILY, ALL), dump_of_no_protocol()):
            with pytest.raises(OSError):
                list(refused)

    in_a_thread(looks)
    before = open_files()
    gc.disable()
    try:
        in_a_thread(looks)
        assert open_files() == before
    finally:
        gc.enable()


def test_messages_go_with_their_last_user() -> None:
    """They wait for no collector, which would stop every thread for the whole of a dump."""
    with ExitStack() as stack:
        for _ in range(50):
            stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        gc.disable()
        try:
            messages = [weakref.ref(each) for each in tcp_sockets(socket.AF_INET, ALL)]
            assert len(messages) >= 50
            assert sum(message() is not None for message in messages) <= 1
        finally:
            gc.enable()
