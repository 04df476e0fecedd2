"""TCP sockets of the calling thread's network namespace, by inet_diag.

Source: sock_diag(7), include/uapi/linux/inet_diag.h, net/ipv4/inet_diag.c. Sockets in no hash
table, such as one that is neither bound nor connected, are not in it.
"""

from __future__ import annotations

import socket
import struct
from collections import Counter
from collections.abc import Container, Iterator
from errno import ENOENT, EPROTONOSUPPORT
from itertools import islice
from typing import NamedTuple

from stops_tui.kernels.live.netlink import SOCK_DIAG, Message, attributes, dump, text
from stops_tui.kernels.users import RawSocket

_SOCK_DIAG_BY_FAMILY = 20

_REQUEST = struct.Struct("=BBBBI48x")
"""struct inet_diag_req_v2: family, protocol, extensions, states; any address."""

_SOCKET = struct.Struct("=BBxx2s2s16s16sIQ16xI")
"""struct inet_diag_msg: family, state, ports and addresses of both ends, device, cookie, inode."""

_TOLD_AT, _TOLD = 44, struct.Struct("=Q16xI")
"""Of the same, what a socket is told by: cookie and inode."""

_INFO, _CONG = 2, 4
"""INET_DIAG_INFO, INET_DIAG_CONG."""

_TCP_INFO = struct.Struct("=68xI8xI36xQQ")
"""struct tcp_info: rtt, snd_cwnd, bytes_acked, bytes_received (since Linux 4.2)."""

STATES = (
    "",
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "TIME_WAIT",
    "CLOSE",
    "CLOSE_WAIT",
    "LAST_ACK",
    "LISTEN",
    "CLOSING",
    "NEW_SYN_RECV",
    "BOUND_INACTIVE",
)
"""include/net/tcp_states.h; the last is inet_diag's alone, since Linux 6.8."""

_ALL_STATES = (1 << len(STATES)) - 1

_MISSING = {
    ENOENT: "this kernel has no inet_diag for TCP: modprobe tcp_diag",
    EPROTONOSUPPORT: "this kernel has no sock_diag: modprobe inet_diag",
}


class Wanted(NamedTuple):
    """What some sockets of one namespace are told by.

    Attributes:
        cookies: Of those in a hash table of connections.
        inodes: Of the others: inet_diag knows only those that are bound.
    """

    cookies: Container[int] = ()
    inodes: Container[int] = ()


def missing() -> str:
    """Why no socket can be listed on this host, with the remedy; "" if they can be."""
    try:
        for _ in _dump(states=0):
            pass  # there is none in no state
    except OSError as error:
        return error.strerror or str(error)
    return ""


def counts_by_name() -> Counter[str]:
    """How many sockets use each congestion control.

    Raises:
        OSError: They cannot be listed, with the remedy.
    """
    counts: Counter[bytes] = Counter()
    for chunk, start, end in _dump(_CONG):
        for kind, at, after in attributes(chunk, start + _SOCKET.size, end):
            if kind == _CONG:
                counts[chunk[at:after]] += 1
                break
    return Counter({text(name, 0, len(name)): number for name, number in counts.items()})


def sockets(netns: int, name: str, wanted: Wanted | None, most: int) -> list[RawSocket]:
    """The first `most` sockets, without their owners.

    Args:
        netns: The inode of the namespace, for the records.
        name: Their congestion control's.
        wanted: Which of them; None: all under the name.
        most: Where to stop.

    Raises:
        OSError: They cannot be listed, with the remedy.
    """
    return [_detailed(netns, message) for message in islice(_matching(name, wanted, _INFO), most)]


def peers(name: str, wanted: Wanted | None, most: int) -> list[tuple[int, str]]:
    """Of the first `most` such sockets each inode, and the peer's address, "" without a peer.

    Raises:
        OSError: They cannot be listed, with the remedy.
    """
    return [_peer(message) for message in islice(_matching(name, wanted), most)]


def _matching(name: str, wanted: Wanted | None, *extensions: int) -> Iterator[Message]:
    if wanted is not None:
        for message in _dump(*extensions):
            chunk, start, _ = message
            cookie, inode = _TOLD.unpack_from(chunk, start + _TOLD_AT)
            if cookie in wanted.cookies or inode in wanted.inodes:
                yield message
        return
    named = name.encode(errors="surrogateescape") + b"\0"
    for message in _dump(_CONG, *extensions):
        chunk, start, end = message
        for kind, at, after in attributes(chunk, start + _SOCKET.size, end):
            if kind == _CONG and chunk[at:after] == named:
                yield message


def _dump(*extensions: int, states: int = _ALL_STATES) -> Iterator[Message]:
    """All TCP sockets in these states. One of IPv6 that speaks to an IPv4 address is in IPv6's."""
    asked = sum(1 << extension - 1 for extension in extensions)
    for family in (socket.AF_INET, socket.AF_INET6):
        request = _REQUEST.pack(family, socket.IPPROTO_TCP, asked, 0, states)
        try:
            for message in dump(SOCK_DIAG, _SOCK_DIAG_BY_FAMILY, request):
                if message[2] - message[1] >= _SOCKET.size:
                    yield message
        except OSError as error:
            if error.errno == ENOENT and family == socket.AF_INET6:
                return  # a kernel without IPv6
            if error.errno in _MISSING:
                raise OSError(error.errno, _MISSING[error.errno]) from error
            raise


def _detailed(netns: int, message: Message) -> RawSocket:
    chunk, start, end = message
    family, state, local_port, remote_port, local, remote, _, _, inode = _SOCKET.unpack_from(
        chunk, start
    )
    rtt = cwnd = acked = received = 0
    for kind, at, after in attributes(chunk, start + _SOCKET.size, end):
        if kind == _INFO and after - at >= _TCP_INFO.size:
            rtt, cwnd, acked, received = _TCP_INFO.unpack_from(chunk, at)
    return RawSocket(
        netns=netns,
        state=STATES[state] if state < len(STATES) else str(state),
        local=_end(family, local, local_port),
        remote=_end(family, remote, remote_port),
        inode=inode,
        cwnd=cwnd,
        rtt_us=rtt,
        bytes_acked=acked,
        bytes_received=received,
    )


def _peer(message: Message) -> tuple[int, str]:
    chunk, start, _ = message
    family, _, _, port, _, address, _, _, inode = _SOCKET.unpack_from(chunk, start)
    return inode, _address(family, address) if any(port) else ""


def _end(family: int, address: bytes, port: bytes) -> str:
    """`192.0.2.1:80` or `[2001:db8::1]:80`; "" without a port."""
    if not any(port):
        return ""
    host = _address(family, address)
    number = int.from_bytes(port, "big")
    return f"[{host}]:{number}" if ":" in host else f"{host}:{number}"


def _address(family: int, address: bytes) -> str:
    if family == socket.AF_INET:
        return socket.inet_ntop(family, address[:4])
    return socket.inet_ntop(socket.AF_INET6, address)
