"""TCP: sockets, and network namespaces whose default a congestion control is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from stops_tui.kernels.users import RawTcpGroup, RawTcpNetns, RawTcpUsers, Users
from stops_tui.struct_ops.account.account import NETNS_DEFAULT, SOCKETS, Found, Owner, Part
from stops_tui.struct_ops.account.asked import Asked, Known
from stops_tui.struct_ops.account.words import listing, netns_phrase, netns_text, process
from stops_tui.struct_ops.text import count

GROUPS = 100
"""Of a namespace: how many groups of sockets are looked into for their processes."""
NAMESPACES = 8
"""In how many namespaces that is done, those with the most sockets first."""
NAMED = 2
"""Processes that are named in a sentence."""

_UNBOUND = "sockets that no hash table lists and no process has open, as one being passed on"
_NON_RESTRICTED = 1
"""TCP_CONG_NON_RESTRICTED (include/net/tcp.h)."""
_FORGOTTEN = (
    "a network namespace that was refused it as its default, for its flags lack NON_RESTRICTED: "
    "the kernel never gives that reference back"
)
"""tcp_set_default_congestion_control() (net/ipv4/tcp_cong.c), since Linux 5.13."""


def look(asked: Asked) -> Mapping[int, Found]:
    """What holds each map that is held at all; the others are not looked for."""
    held = {known.map.id: known.name for known in asked.maps if known.map.holders}
    wanted = [known for known in asked.each() if known.map.id in held]
    if not wanted:
        return {}
    seen = asked.users.tcp(held)
    return {known.map.id: _found(asked, known, seen) for known in wanted}


def _found(asked: Asked, known: Known, seen: RawTcpUsers) -> Found:
    here = [n for n in seen.namespaces if known.map.id in n.sockets or known.map.id in n.defaults]
    rivals = asked.rivals(known)
    if rivals and seen.by_name:
        unseen = (*seen.unseen, *_undecided(known, rivals, here, seen.by_name))
        return Found(unseen=unseen, could_hold=_could_hold(known))
    parts = (*_sockets(asked.users, known, here), *_defaults(known, here))
    return Found(parts, unseen=seen.unseen, could_hold=_could_hold(known))


def _could_hold(known: Known) -> tuple[str, ...]:
    flags = known.data.get("flags")
    free = isinstance(flags, int) and flags & _NON_RESTRICTED
    return (_UNBOUND,) if free else (_UNBOUND, _FORGOTTEN)


def _undecided(
    known: Known, rivals: Sequence[int], here: Sequence[RawTcpNetns], why: str
) -> Iterator[str]:
    """What is under the name of several maps, so that it is not known which of them it holds."""
    maps = " or ".join(map(str, sorted((known.map.id, *rivals))))
    for netns in here:
        what = [count(n, "TCP socket")] if (n := netns.sockets.get(known.map.id)) else []
        what += ["the default"] if known.map.id in netns.defaults else []
        where = netns_phrase(netns.netns)
        yield f"{listing(what)} of {where}, of map {maps}: known by name only ({why})"


def _sockets(users: Users, known: Known, here: Sequence[RawTcpNetns]) -> Iterator[Part]:
    counts = [(netns.sockets.get(known.map.id, 0), netns.netns) for netns in here]
    counts.sort(key=lambda counted: -counted[0])
    few = [netns.inode for n, netns in counts[:NAMESPACES] if n]
    found = users.tcp_groups(known.map.id, known.name, few, GROUPS) if few else {}
    for n, netns in counts:
        if not n:
            return
        groups = found.get(netns.inode, ())
        owners = _owners(groups)
        listed = sum(owner.n for owner in owners)
        whose = _whose(owners, all_=listed >= n)
        yield Part(
            SOCKETS,
            n,
            netns_text(netns),
            whose.removeprefix(" of "),
            phrase=f"{count(n, 'TCP socket')}{whose} in {netns_phrase(netns)}",
            place=netns,
            owners=owners,
            groups=groups,
        )


def _owners(groups: Sequence[RawTcpGroup]) -> tuple[Owner, ...]:
    """The processes of groups of sockets, the most sockets first."""
    counts: dict[tuple[int, str], int] = {}
    for group in groups:
        key = group.pid, group.comm
        counts[key] = counts.get(key, 0) + group.sockets
    owners = [Owner(pid, comm, n) for (pid, comm), n in counts.items()]
    return tuple(sorted(owners, key=lambda owner: (-owner.n, owner.pid)))


def _whose(owners: Sequence[Owner], all_: bool) -> str:
    """` of nginx (pid 812)`; "" where no process is known."""
    seen = [process(owner.pid, owner.comm) for owner in owners if owner.pid]
    others = len(seen) > NAMED or (seen and (not all_ or len(seen) < len(owners)))
    named = seen[:NAMED] + ["others"] * bool(others)
    return f" of {listing(named)}" if named else ""


def _defaults(known: Known, here: Sequence[RawTcpNetns]) -> Iterator[Part]:
    for each in here:
        if known.map.id in each.defaults:
            yield Part(
                NETNS_DEFAULT,
                1,
                netns_text(each.netns),
                "net.ipv4.tcp_congestion_control",
                phrase=netns_phrase(each.netns),
                place=each.netns,
            )
