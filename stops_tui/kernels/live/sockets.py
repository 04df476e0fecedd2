"""TCP sockets of the calling thread's network namespace, by inet_diag.

Source: sock_diag(7), include/uapi/linux/inet_diag.h, net/ipv4/inet_diag.c. Sockets in no hash
table, such as one that is neither bound nor connected, are not in it.
"""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Container, Iterator
from errno import ENOENT, EPROTONOSUPPORT
from itertools import islice
from typing import NamedTuple

from stops_tui.kernels.live.netlink import Message, tcp_sockets
from stops_tui.kernels.users import RawSocket

_INFO, _CONG = 2, 4
"""INET_DIAG_INFO, INET_DIAG_CONG."""

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
    names = (message.get_attr("INET_DIAG_CONG") for message in _dump(_CONG))
    return Counter(name for name in names if name)  # one in TIME_WAIT has none any more


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
    if wanted is None:
        for message in _dump(_CONG, *extensions):
            if message.get_attr("INET_DIAG_CONG") == name:
                yield message
        return
    for message in _dump(*extensions):
        if message["idiag_cookie"] in wanted.cookies or message["idiag_inode"] in wanted.inodes:
            yield message


def _dump(*extensions: int, states: int = _ALL_STATES) -> Iterator[Message]:
    """All TCP sockets in these states. One of IPv6 that speaks to an IPv4 address is in IPv6's."""
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            yield from tcp_sockets(family, states, *extensions)
        except OSError as error:
            if error.errno == ENOENT and family == socket.AF_INET6:
                return  # a kernel without IPv6
            if error.errno in _MISSING:
                raise OSError(error.errno, _MISSING[error.errno]) from error
            raise


def _detailed(netns: int, message: Message) -> RawSocket:
    state = message["idiag_state"]
    info = message.get_attr("INET_DIAG_INFO") or {}
    return RawSocket(
        netns=netns,
        state=STATES[state] if state < len(STATES) else str(state),
        local=_end(message["idiag_src"], message["idiag_sport"]),
        remote=_end(message["idiag_dst"], message["idiag_dport"]),
        inode=message["idiag_inode"],
        cwnd=info.get("tcpi_snd_cwnd", 0),
        rtt_us=info.get("tcpi_rtt", 0),
        bytes_acked=info.get("tcpi_bytes_acked", 0),
        bytes_received=info.get("tcpi_bytes_received", 0),
    )


def _peer(message: Message) -> tuple[int, str]:
    return message["idiag_inode"], message["idiag_dst"] if message["idiag_dport"] else ""


def _end(host: str, port: int) -> str:
    """`192.0.2.1:80` or `[2001:db8::1]:80`; "" without a port."""
    if not port:
        return ""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
