"""Who holds a TCP congestion control: sockets and defaults of every network namespace.

Two ways. Exactly: by the struct that each socket points to (`tcp_iter`). Where the kernel refuses
that, by the congestion control's name (`sockets`). Details come from inet_diag in both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from stops_tui.bpf.errors import BpfError
from stops_tui.bpf.syscall import Bpf
from stops_tui.btf import Btf, BtfError
from stops_tui.kernels.live import sockets
from stops_tui.kernels.live.netns import Namespaces
from stops_tui.kernels.live.owners import NOBODY, Owner, owners
from stops_tui.kernels.live.proc import read_small
from stops_tui.kernels.live.tcp_iter import ClosedSocket, tcp_walk
from stops_tui.kernels.users import RawNetns, RawSocket, RawTcpGroup, RawTcpNetns, RawTcpUsers

MOST_GROUPED = 100_000
"""Sockets of one namespace that are sorted into groups; beyond, they are counted only."""

DETAIL_SECONDS = 30.0
"""That a namespace may take to list its sockets: asked for by a person who waits."""

_DEFAULT = "/proc/sys/net/ipv4/tcp_congestion_control"
"""The calling thread's namespace's."""

_Users = tuple[dict[int, int], frozenset[int]]
"""Sockets by map, and the maps that are the default."""


class TcpUsers:
    """Looks for them. Safe for several threads.

    Args:
        btf: Of vmlinux.
        namespaces: Those of this host.
    """

    def __init__(self, btf: Btf, namespaces: Namespaces) -> None:
        self._btf = btf
        self._namespaces = namespaces

    def counts(self, maps: Mapping[int, str]) -> RawTcpUsers:
        """See `Users.tcp`."""
        if not maps:
            return RawTcpUsers()
        missing = sockets.missing()
        try:
            with tcp_walk(Bpf(), self._btf, maps) as walk:
                looks, unseen = self._namespaces.everywhere(lambda netns: walk.count(netns.inode))
                found = _merged(looks, walk.closed())
                hidden, by_name = "processes and details of TCP sockets", ""
        except (BpfError, BtfError) as error:
            looks, unseen = self._namespaces.everywhere(lambda _: _by_name(maps, not missing))
            found = _merged(looks, ())
            hidden, by_name = "TCP sockets", f"a BPF iterator is refused: {error}"
        if missing and (found or by_name):
            unseen.append(f"{hidden}: {missing}")
        return RawTcpUsers(found, by_name, tuple(unseen))

    def groups(self, map_id: int, name: str, netns: int, most: int) -> tuple[RawTcpGroup, ...]:
        """See `Users.tcp_groups`."""
        with suppress(OSError):  # `counts` tells it
            wanted = self._wanted(map_id, netns, MOST_GROUPED)
            look = partial(sockets.peers, name, wanted.cookies, MOST_GROUPED)
            found = self._namespaces.in_one(netns, look, DETAIL_SECONDS)
            found += [(inode, "") for inode in wanted.closed - {inode for inode, _ in found}]
            owned = owners({inode for inode, _ in found} - {0})
            counts = Counter((*owned.get(inode, NOBODY), peer) for inode, peer in found)
            ordered = sorted(counts.items(), key=lambda group: (-group[1], group[0]))
            return tuple(RawTcpGroup(number, *key) for key, number in ordered[:most])
        return ()

    def listed(self, map_id: int, name: str, netns: int, most: int) -> tuple[RawSocket, ...]:
        """See `Users.tcp_sockets`."""
        with suppress(OSError):  # `counts` tells it
            wanted = self._wanted(map_id, netns, most)
            look = partial(sockets.sockets, netns, name, wanted.cookies, most)
            found = self._namespaces.in_one(netns, look, DETAIL_SECONDS)
            closed = wanted.closed - {socket.inode for socket in found}
            found += [RawSocket(netns, "CLOSE", "", "", inode) for inode in sorted(closed)]
            found = found[:most]
            owned = owners({socket.inode for socket in found} - {0})
            return tuple(_owned(socket, owned.get(socket.inode, NOBODY)) for socket in found)
        return ()

    def _wanted(self, map_id: int, netns: int, most: int) -> _Wanted:
        try:
            with tcp_walk(Bpf(), self._btf, [map_id]) as walk:
                look = partial(walk.cookies, map_id, most)
                cookies = self._namespaces.in_one(netns, look, DETAIL_SECONDS)
                closed = {socket.inode for socket in walk.closed() if socket.netns == netns}
                return _Wanted(frozenset(cookies), frozenset(closed))
        except (BpfError, BtfError):
            return _Wanted()


class _Wanted(NamedTuple):
    """What a map's sockets in one namespace are told by.

    Attributes:
        cookies: Of those in a hash table; None: only the congestion control's name tells.
        closed: The inodes of the others.
    """

    cookies: frozenset[int] | None = None
    closed: frozenset[int] = frozenset()


def _by_name(maps: Mapping[int, str], listed: bool) -> _Users:
    """Of the calling thread's namespace."""
    counts = sockets.counts_by_name() if listed else Counter[str]()
    default = read_small(_DEFAULT).decode("utf-8", "backslashreplace").strip()
    return (
        {map_id: counts[name] for map_id, name in maps.items() if counts[name]},
        frozenset(map_id for map_id, name in maps.items() if name == default),
    )


def _merged(
    looks: Iterable[tuple[RawNetns, _Users]], closed: Collection[ClosedSocket]
) -> tuple[RawTcpNetns, ...]:
    """By namespace, with the sockets that no hash table has; those with nothing are left out."""
    by_netns: dict[int, Counter[int]] = {}
    for socket in closed:
        by_netns.setdefault(socket.netns, Counter())[socket.map_id] += 1
    found = [
        RawTcpNetns(netns, Counter(numbers) + by_netns.pop(netns.inode, Counter()), defaults)
        for netns, (numbers, defaults) in looks
    ]
    found += [RawTcpNetns(RawNetns(inode), numbers) for inode, numbers in by_netns.items()]
    return tuple(each for each in found if each.sockets or each.defaults)


def _owned(socket: RawSocket, owner: Owner) -> RawSocket:
    return socket._replace(pid=owner[0], comm=owner[1])
