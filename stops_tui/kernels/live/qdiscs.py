"""Instances of queueing disciplines, by rtnetlink.

Source: rtnetlink(7), include/uapi/linux/rtnetlink.h and gen_stats.h, net/sched/sch_api.c.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Collection, Iterator
from itertools import chain

from stops_tui.kernels.live.netlink import ROUTE, Message, attributes, dump, text
from stops_tui.kernels.live.netns import Namespaces
from stops_tui.kernels.live.proc import read_small
from stops_tui.kernels.users import RawNetns, RawQdisc, RawQdiscs

_RTM_GETQDISC = 38

_TCMSG = struct.Struct("=B3xiIII")
"""struct tcmsg: family, device index, handle, parent, info."""

_KIND, _STATS2, _DUMP_INVISIBLE = 1, 7, 10
"""TCA_KIND, TCA_STATS2, TCA_DUMP_INVISIBLE: without the last, default ones of classes are left
out (since Linux 4.12; older kernels overlook it)."""
_BASIC, _QUEUE = 1, 3
"""TCA_STATS_BASIC, TCA_STATS_QUEUE."""

_PACKETS = struct.Struct("=8xI")
_WAITING = struct.Struct("=III")
"""qlen, backlog, drops."""

_REQUEST = _TCMSG.pack(socket.AF_UNSPEC, 0, 0, 0, 0) + struct.pack("=HH", 4, _DUMP_INVISIBLE)

_PARENTS = {0xFFFF_FFFF: "root", 0xFFFF_FFF1: "ingress"}
"""TC_H_ROOT, TC_H_INGRESS (include/uapi/linux/pkt_sched.h)."""

_DEFAULT = "/proc/sys/net/core/default_qdisc"
"""Only the initial network namespace has it (net/core/sysctl_net_core.c: net_core_table)."""


def qdiscs(namespaces: Namespaces, kinds: Collection[str]) -> RawQdiscs:
    """See `Users.qdiscs`."""
    looks, unseen = namespaces.everywhere(
        lambda netns: (list(_instances(netns, kinds)), _default())
    )
    default = next((default for _, (_, default) in looks if default), "")
    if not default:
        unseen.append("net.core.default_qdisc: only the host's own network namespace has it")
    return RawQdiscs(
        tuple(chain.from_iterable(instances for _, (instances, _) in looks)),
        default,
        tuple(unseen),
    )


def _instances(netns: RawNetns, kinds: Collection[str]) -> Iterator[RawQdisc]:
    for message in dump(ROUTE, _RTM_GETQDISC, _REQUEST):
        chunk, start, end = message
        for kind, at, after in attributes(chunk, start + _TCMSG.size, end):
            if kind == _KIND and (name := text(chunk, at, after)) in kinds:
                yield _qdisc(netns, name, message)


def _qdisc(netns: RawNetns, kind: str, message: Message) -> RawQdisc:
    chunk, start, end = message
    _, index, handle, parent, _ = _TCMSG.unpack_from(chunk, start)
    packets = qlen = backlog = drops = 0
    for outer, at, after in attributes(chunk, start + _TCMSG.size, end):
        if outer != _STATS2:
            continue
        for inner, value, value_end in attributes(chunk, at, after):
            size = value_end - value
            if inner == _BASIC and size >= _PACKETS.size:
                (packets,) = _PACKETS.unpack_from(chunk, value)
            elif inner == _QUEUE and size >= _WAITING.size:
                qlen, backlog, drops = _WAITING.unpack_from(chunk, value)
    return RawQdisc(
        kind=kind,
        netns=netns,
        device=_device(index),
        handle=number(handle),
        parent=_PARENTS.get(parent) or number(parent),
        packets=packets,
        backlog=backlog,
        qlen=qlen,
        drops=drops,
    )


def number(handle: int) -> str:
    """A handle as tc writes it: `8001:`, `1:10`, `:1`, `0:`."""
    major, minor = handle >> 16, handle & 0xFFFF
    if not minor:
        return f"{major:x}:"
    return f"{major:x}:{minor:x}" if major else f":{minor:x}"


def _device(index: int) -> str:
    """The device's name in the calling thread's namespace; its number once it is gone."""
    try:
        return socket.if_indextoname(index)
    except OSError:
        return f"device {index}"


def _default() -> str:
    try:
        return read_small(_DEFAULT).decode("utf-8", "backslashreplace").strip()
    except OSError:
        return ""
