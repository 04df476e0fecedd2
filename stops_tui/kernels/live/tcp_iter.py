"""Which map a TCP socket belongs to, told exactly: by the struct that it points to.

inet_diag knows a congestion control by its name, which two maps may share after a swap or once one
is unregistered. A BPF program that walks all sockets compares `icsk_ca_ops` with the address of
each map's own struct tcp_congestion_ops (net/ipv4/tcp_ipv4.c: bpf_iter_tcp;
kernel/bpf/bpf_struct_ops.c: bpf_struct_ops_map.kvalue). Needs the iterators and helpers of
Linux 5.12. The kernel locks each socket for the moment that the program looks at it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from stops_tui.bpf.info import MAP_TYPE_HASH
from stops_tui.bpf.iterator import iterator, run
from stops_tui.bpf.syscall import BPF_F_NO_PREALLOC, Bpf, opened
from stops_tui.btf import Btf, place_of
from stops_tui.kernels.live import tcp_programs as programs
from stops_tui.kernels.live.shared import Shared
from stops_tui.kernels.live.tcp_programs import ADDRESS, CLOSED, COOKIE, COUNTS, PLACE

_MOST_AT_ONCE = 64
"""Namespaces that are walked at the same time: one, unless some hang."""

TcpCounts = tuple[dict[int, int], frozenset[int]]
"""Sockets by map, and the maps that are the default."""


class ClosedSocket(NamedTuple):
    """A socket that is in no hash table of connections: new, bound only, or reset by its peer.

    Attributes:
        map_id: The map that it belongs to.
        inode: As in /proc/PID/fd.
        netns: The inode of its network namespace.
    """

    map_id: int
    inode: int
    netns: int


class TcpWalks:
    """Walks over all sockets, for some maps. Safe for several threads.

    Each walk loads what it needs and unloads it: nothing stays in the kernel. All raise BpfError
    where the kernel has no such iterator or refuses it, BtfError where its structs are not as they
    are known, and OSError where a walk broke off.

    Args:
        btf: Of vmlinux.
    """

    def __init__(self, btf: Btf) -> None:
        self._btf = btf
        self._found: dict[int, int] = {}

    @contextmanager
    def counting(self, map_ids: Collection[int]) -> Iterator[Callable[[int], TcpCounts]]:
        """What counts the sockets of these maps in the calling thread's network namespace.

        In a hash table of connections, that is, or listening: for the others see `closed`. It is
        given the inode of that namespace.
        """
        bpf, addresses, shared = Bpf(), self._addresses(map_ids), Shared()
        with shared as stack:
            counts_fd = bpf.map_create(
                map_type=MAP_TYPE_HASH,
                key_size=PLACE.size,
                value_size=COUNTS.size,
                max_entries=max(len(addresses), 1) * _MOST_AT_ONCE,
                flags=BPF_F_NO_PREALLOC,
                name="stops_counts",
            )
            stack.enter_context(opened(counts_fd))
            program = programs.count(self._btf, counts_fd)
            link = stack.enter_context(iterator(bpf, self._btf, "tcp", program, "stops_count"))

            def count(netns: int) -> TcpCounts:
                with shared:
                    return _count(addresses, counts_fd, link, netns)

            yield count

    @contextmanager
    def listing(self, map_id: int) -> Iterator[Callable[[int], set[int]]]:
        """What lists the sockets of a map in the calling thread's network namespace.

        It gives the cookies that inet_diag knows them by, and is given how many are enough.
        """
        address = self._addresses([map_id]).get(map_id)
        if address is None:
            yield lambda _: set()  # it is gone: normal
            return
        program, shared = programs.list_cookies(self._btf, address), Shared()
        with shared as stack:
            link = stack.enter_context(iterator(Bpf(), self._btf, "tcp", program, "stops_cookies"))

            def cookies(most: int) -> set[int]:
                with shared:
                    return _cookies(link, most)

            yield cookies

    def closed(self, map_ids: Collection[int]) -> set[ClosedSocket]:
        """The sockets that no hash table has, found by the files of all processes, everywhere."""
        ids, found = {at: map_id for map_id, at in self._addresses(map_ids).items()}, set()
        bpf, program = Bpf(), programs.list_closed(self._btf)
        with iterator(bpf, self._btf, "task_file", program, "stops_closed") as link:
            for chunk in run(bpf, link):
                for address, inode, netns in CLOSED.iter_unpack(chunk):
                    if address in ids:
                        found.add(ClosedSocket(ids[address], inode, netns))
        return found

    def _addresses(self, map_ids: Collection[int]) -> dict[int, int]:
        """Where each map's own struct X is; maps that are gone are left out.

        Remembered, as no map moves, but only while the map is there: another may take its place.
        """
        bpf = Bpf()
        there = [map_id for map_id in map_ids if bpf.map_get_next_id(map_id - 1) == map_id]
        known = self._found
        if not known.keys() >= set(there):
            known = self._found = self._look_up(bpf)
        return {map_id: known[map_id] for map_id in there if map_id in known}

    def _look_up(self, bpf: Bpf) -> dict[int, int]:
        """The addresses of all struct_ops maps."""
        struct_x = place_of(self._btf, "bpf_struct_ops_map", "kvalue.data")
        program = programs.list_maps(self._btf)
        with iterator(bpf, self._btf, "bpf_map", program, "stops_maps") as link:
            pairs = [pair for chunk in run(bpf, link) for pair in ADDRESS.iter_unpack(chunk)]
        return {map_id: address + struct_x for map_id, address in pairs}


def _count(addresses: dict[int, int], counts_fd: int, link: int, netns: int) -> TcpCounts:
    bpf = Bpf()
    places = {map_id: PLACE.pack(address, netns) for map_id, address in addresses.items()}
    for place in places.values():
        bpf.map_update_elem(counts_fd, bytes(COUNTS.size), place)
    for _ in run(bpf, link):
        pass  # it only counts
    counts = {}
    for map_id, place in places.items():
        counts[map_id] = COUNTS.unpack(bpf.map_lookup_elem(counts_fd, COUNTS.size, place))
        bpf.map_delete_elem(counts_fd, place)
    return (
        {map_id: sockets for map_id, (sockets, _) in counts.items() if sockets},
        frozenset(map_id for map_id, (_, default) in counts.items() if default),
    )


def _cookies(link: int, most: int) -> set[int]:
    found = set[int]()
    for chunk in run(Bpf(), link):
        found.update(cookie for (cookie,) in COOKIE.iter_unpack(chunk))
        if len(found) >= most:
            break
    return found
