"""TCP sockets as inet_diag tells them, with the kernel's answers made here."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from errno import ENOENT, EPERM, EPROTONOSUPPORT

import pytest
from pyroute2.netlink.diag import inet_diag_msg

from stops_tui.kernels.live import sockets
from stops_tui.kernels.live.netlink import Message
from stops_tui.kernels.live.sockets import Wanted
from tests.support.netlink_messages import attribute, decoded

ESTABLISHED, TIME_WAIT, LISTEN, BOUND_INACTIVE = 1, 6, 10, 13
INFO, CONG = 2, 4


def diag(
    state: int,
    local: tuple[str, int],
    remote: tuple[str, int] = ("0.0.0.0", 0),
    *,
    cong: str = "",
    inode: int = 0,
    cookie: int = 0,
    info: bytes = b"",
) -> tuple[int, bytes]:
    """A socket's family and struct inet_diag_msg with its attributes."""
    family = socket.AF_INET6 if ":" in local[0] else socket.AF_INET
    ends = [socket.inet_pton(family, host).ljust(16, b"\0") for host, _ in (local, remote)]
    body = struct.pack("=BBBB", family, state, 0, 0)
    body += struct.pack(">HH", local[1], remote[1]) + b"".join(ends)
    body += struct.pack("=IQIIIII", 0, cookie, 0, 0, 0, 0, inode)
    body += attribute(INFO, info) if info else b""
    body += attribute(8, b"\0")  # INET_DIAG_SHUTDOWN, which nobody asked for
    body += attribute(CONG, cong.encode() + b"\0") if cong else b""
    return family, body


def tcp_info(cwnd: int, rtt: int, acked: int, received: int) -> bytes:
    info = bytearray(240)
    struct.pack_into("=I", info, 68, rtt)
    struct.pack_into("=I", info, 80, cwnd)
    struct.pack_into("=QQ", info, 120, acked, received)
    return bytes(info)


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, bytes]]:
    """What is put here is answered; each family's to its own request."""
    there: list[tuple[int, bytes]] = []

    def answer(family: int, states: int, *extensions: int) -> Iterator[Message]:
        for its_family, body in there if states else []:
            if family == its_family:
                yield decoded(inet_diag_msg, body)

    monkeypatch.setattr(sockets, "tcp_sockets", answer)
    return there


def test_counts_by_name(host: list[tuple[int, bytes]]) -> None:
    host += [
        diag(ESTABLISHED, ("192.0.2.1", 80), ("192.0.2.2", 999), cong="bpf_cc"),
        diag(LISTEN, ("0.0.0.0", 80), cong="bpf_cc"),
        diag(LISTEN, ("::", 80), ("::", 0), cong="bpf_cc"),
        diag(ESTABLISHED, ("::ffff:192.0.2.1", 80), ("::ffff:192.0.2.2", 9), cong="cubic"),
        diag(TIME_WAIT, ("192.0.2.1", 80), ("192.0.2.2", 998)),
    ]
    assert sockets.counts_by_name() == {"bpf_cc": 3, "cubic": 1}


def test_all_that_is_known_of_a_socket(host: list[tuple[int, bytes]]) -> None:
    info = tcp_info(10, 1_500, 2**40, 77)
    host += [
        diag(LISTEN, ("0.0.0.0", 80), cong="cc", inode=5),
        diag(BOUND_INACTIVE, ("127.0.0.1", 81), cong="cc", inode=6),
        diag(ESTABLISHED, ("::1", 80), ("::1", 999), cong="cc", inode=7, info=info),
        diag(ESTABLISHED, ("::1", 80), ("::1", 998), cong="ccc", inode=8),
    ]
    found = sockets.sockets(42, "cc", None, 10)
    assert [(s.state, s.local, s.remote, s.inode) for s in found] == [
        ("LISTEN", "0.0.0.0:80", "", 5),
        ("BOUND_INACTIVE", "127.0.0.1:81", "", 6),
        ("ESTABLISHED", "[::1]:80", "[::1]:999", 7),
    ]
    last = found[-1]
    assert (last.netns, last.cwnd, last.rtt_us) == (42, 10, 1_500)
    assert (last.bytes_acked, last.bytes_received) == (2**40, 77)
    assert len(sockets.sockets(42, "cc", None, 2)) == 2


def test_cookies_tell_sockets_of_one_name_apart(host: list[tuple[int, bytes]]) -> None:
    host += [
        diag(ESTABLISHED, ("192.0.2.1", 80), (f"192.0.2.{n}", 99), cong="cc", cookie=n, inode=n)
        for n in range(1, 9)
    ]
    assert [s.inode for s in sockets.sockets(0, "cc", Wanted({2, 7}), 10)] == [2, 7]
    assert sockets.peers("cc", Wanted({2, 7}), 10) == [(2, "192.0.2.2"), (7, "192.0.2.7")]
    assert sockets.peers("cc", Wanted({2, 7}), 1) == [(2, "192.0.2.2")]
    assert len(sockets.peers("cc", None, 10)) == 8
    assert [s.inode for s in sockets.sockets(0, "cc", Wanted({2}, {3}), 10)] == [2, 3]


def test_a_socket_without_a_peer(host: list[tuple[int, bytes]]) -> None:
    host.append(diag(LISTEN, ("::", 80), ("::", 0), cong="cc", inode=5))
    assert sockets.peers("cc", None, 10) == [(5, "")]


def test_a_state_that_is_newer_than_this_program(host: list[tuple[int, bytes]]) -> None:
    host.append(diag(40, ("192.0.2.1", 80), cong="cc"))
    assert sockets.sockets(0, "cc", None, 1)[0].state == "40"


@pytest.mark.parametrize(
    ("errno", "words"),
    [
        (ENOENT, "this kernel has no inet_diag for TCP: modprobe tcp_diag"),
        (EPROTONOSUPPORT, "this kernel has no sock_diag: modprobe inet_diag"),
        (EPERM, "Operation not permitted"),
    ],
)
def test_a_kernel_that_lists_no_sockets(
    monkeypatch: pytest.MonkeyPatch, errno: int, words: str
) -> None:
    def refuse(*_: object) -> Iterator[Message]:
        raise OSError(errno, "Operation not permitted")
        yield

    monkeypatch.setattr(sockets, "tcp_sockets", refuse)
    assert sockets.missing() == words
    with pytest.raises(OSError, match=words):
        sockets.counts_by_name()


def test_a_kernel_without_ipv6(
    host: list[tuple[int, bytes]], monkeypatch: pytest.MonkeyPatch
) -> None:
    host.append(diag(LISTEN, ("0.0.0.0", 80), cong="cc"))

    def refuse(family: int, *_: int) -> Iterator[Message]:
        if family == socket.AF_INET6:
            raise OSError(ENOENT, "")
        yield from (decoded(inet_diag_msg, body) for _, body in host)

    monkeypatch.setattr(sockets, "tcp_sockets", refuse)
    assert sockets.counts_by_name() == {"cc": 1}
