"""Instances of queueing disciplines, by rtnetlink.

Source: rtnetlink(7), include/uapi/linux/rtnetlink.h and gen_stats.h, net/sched/sch_api.c.
"""

from __future__ import annotations

import socket
from collections.abc import Collection, Iterator
from itertools import chain

from stops_tui.kernels.live import netlink
from stops_tui.kernels.live.netns import Namespaces
from stops_tui.kernels.live.proc import read_small
from stops_tui.kernels.users import RawNetns, RawQdisc, RawQdiscs

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
    for message in netlink.qdiscs():
        if (kind := message.get_attr("TCA_KIND")) in kinds:
            yield _qdisc(netns, kind, message)


def _qdisc(netns: RawNetns, kind: str, message: netlink.Message) -> RawQdisc:
    stats = message.get_attr("TCA_STATS2")
    sent = (stats and stats.get_attr("TCA_STATS_BASIC")) or {}
    waiting = (stats and stats.get_attr("TCA_STATS_QUEUE")) or {}
    return RawQdisc(
        kind=kind,
        netns=netns,
        device=_device(message["index"]),
        handle=number(message["handle"]),
        parent=_PARENTS.get(message["parent"]) or number(message["parent"]),
        packets=sent.get("packets", 0),
        backlog=waiting.get("backlog", 0),
        qlen=waiting.get("qlen", 0),
        drops=waiting.get("drops", 0),
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
