"""Who holds a TCP congestion control: sockets and defaults of every network namespace.

Two ways. Exactly: by the struct that each socket points to (`tcp_iter`). Where the kernel refuses
that, by the congestion control's name (`sockets`). Details come from inet_diag in both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import TypeVar

from stops_tui.bpf.errors import BpfError
from stops_tui.btf import Btf, BtfError
from stops_tui.kernels.live import sockets
from stops_tui.kernels.live.netns import Namespaces
from stops_tui.kernels.live.owners import NOBODY, Owner, owners
from stops_tui.kernels.live.proc import read_small
from stops_tui.kernels.live.sockets import Wanted
from stops_tui.kernels.live.tcp_iter import ClosedSocket, TcpCounts, TcpWalks
from stops_tui.kernels.users import RawNetns, RawSocket, RawTcpGroup, RawTcpNetns, RawTcpUsers

MOST_GROUPED = 100_000
"""Sockets of one namespace that are sorted into groups; beyond, they are counted only."""

LISTING_SECONDS = 30.0
"""That a namespace may take to list its sockets: 100,000 of them take 12."""

_DEFAULT = "/proc/sys/net/ipv4/tcp_congestion_control"
"""The calling thread's namespace's."""

T = TypeVar("T")

Peer = tuple[int, str]
"""A socket's inode, and its peer's address."""


class TcpUsers:
    """Looks for them. Safe for several threads.

    Args:
        btf: Of vmlinux.
        namespaces: Those of this host.
    """

    def __init__(self, btf: Btf, namespaces: Namespaces) -> None:
        self._walks = TcpWalks(btf)
        self._namespaces = namespaces

    def counts(self, maps: Mapping[int, str]) -> RawTcpUsers:
        """See `Users.tcp`."""
        if not maps:
            return RawTcpUsers()
        missing = sockets.missing()
        try:
            with self._walks.counting(maps) as count:
                looks, unseen = self._namespaces.everywhere(lambda netns: count(netns.inode))
            found = _merged(looks, self._walks.closed(maps))
            hidden, by_name = "processes and details of TCP sockets", ""
        except (BpfError, BtfError) as error:
            looks, unseen = self._namespaces.everywhere(
                lambda _: _by_name(maps, not missing), LISTING_SECONDS
            )
            found = _merged(looks, ())
            hidden, by_name = "TCP sockets", f"a BPF iterator is refused: {error}"
        if missing and (found or by_name):
            unseen.append(f"{hidden}: {missing}")
        return RawTcpUsers(found, by_name, tuple(unseen))

    def groups(
        self, map_id: int, name: str, namespaces: Collection[int], most: int
    ) -> dict[int, tuple[RawTcpGroup, ...]]:
        """See `Users.tcp_groups`."""

        def peers(_: int, wanted: Wanted | None) -> list[Peer]:
            return sockets.peers(name, wanted, MOST_GROUPED)

        found = self._listed(map_id, namespaces, MOST_GROUPED, peers)
        for listed, closed in found.values():
            listed += [(inode, "") for inode in closed - {inode for inode, _ in listed}]
        owned = owners({inode for listed, _ in found.values() for inode, _ in listed} - {0})
        return {netns: _grouped(listed, owned, most) for netns, (listed, _) in found.items()}

    def sockets(self, map_id: int, name: str, netns: int, most: int) -> tuple[RawSocket, ...]:
        """See `Users.tcp_sockets`."""

        def details(netns: int, wanted: Wanted | None) -> list[RawSocket]:
            return sockets.sockets(netns, name, wanted, most)

        for listed, closed in self._listed(map_id, [netns], most, details).values():
            others = closed - {socket.inode for socket in listed}
            listed += [RawSocket(netns, "CLOSE", "", "", inode) for inode in sorted(others)]
            owned = owners({socket.inode for socket in listed[:most]} - {0})
            return tuple(_owned(socket, owned) for socket in listed[:most])
        return ()

    def _listed(
        self,
        map_id: int,
        namespaces: Collection[int],
        most: int,
        look: Callable[[int, Wanted | None], list[T]],
    ) -> dict[int, tuple[list[T], set[int]]]:
        """What `look` finds in each namespace, and the inodes of sockets that it may not know.

        It is given what tells the map's sockets; None where only the name does.
        """
        closed: dict[int, set[int]] = {netns: set() for netns in namespaces}
        try:
            for socket in self._walks.closed([map_id]):
                closed.setdefault(socket.netns, set()).add(socket.inode)
            with self._walks.listing(map_id) as cookies:
                found = self._in_each(
                    namespaces, lambda netns: look(netns, Wanted(cookies(most), closed[netns]))
                )
        except (BpfError, BtfError):
            found = self._in_each(namespaces, lambda netns: look(netns, None))
        return {netns: (listed, closed[netns]) for netns, listed in found.items()}

    def _in_each(
        self, namespaces: Collection[int], look: Callable[[int], list[T]]
    ) -> dict[int, list[T]]:
        found = {}
        for netns in namespaces:
            with suppress(OSError):  # `counts` tells of it
                found[netns] = self._namespaces.in_one(netns, partial(look, netns), LISTING_SECONDS)
        return found


def _by_name(maps: Mapping[int, str], listed: bool) -> TcpCounts:
    """Of the calling thread's namespace."""
    counts = sockets.counts_by_name() if listed else Counter[str]()
    default = read_small(_DEFAULT).decode("utf-8", "backslashreplace").strip()
    return (
        {map_id: counts[name] for map_id, name in maps.items() if counts[name]},
        frozenset(map_id for map_id, name in maps.items() if name == default),
    )


def _merged(
    looks: Iterable[tuple[RawNetns, TcpCounts]], closed: Collection[ClosedSocket]
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


def _grouped(
    listed: Iterable[Peer], owned: Mapping[int, Owner], most: int
) -> tuple[RawTcpGroup, ...]:
    counts = Counter((*owned.get(inode, NOBODY), peer) for inode, peer in listed)
    ordered = sorted(counts.items(), key=lambda group: (-group[1], group[0]))
    return tuple(RawTcpGroup(number, *key) for key, number in ordered[:most])


def _owned(socket: RawSocket, owned: Mapping[int, Owner]) -> RawSocket:
    pid, comm = owned.get(socket.inode, NOBODY)
    return socket._replace(pid=pid, comm=comm)
