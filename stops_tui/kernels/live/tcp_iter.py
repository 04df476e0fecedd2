"""Which map a TCP socket belongs to, told exactly: by the struct that it points to.

inet_diag knows a congestion control by its name, which two maps may share after a swap or once one
is unregistered. A BPF program that walks all sockets compares `icsk_ca_ops` with the address of
each map's own struct tcp_congestion_ops (net/ipv4/tcp_ipv4.c: bpf_iter_tcp;
kernel/bpf/bpf_struct_ops.c: bpf_struct_ops_map.kvalue). Offsets come from the live BTF; needs the
iterators and helpers of Linux 5.12. The kernel locks each socket for the moment
that the program looks at it.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

from stops_tui.bpf.info import MAP_TYPE_HASH, MAP_TYPE_STRUCT_OPS
from stops_tui.bpf.insns import (
    R0,
    R1,
    R2,
    R3,
    R6,
    R7,
    R8,
    R10,
    Insn,
    PseudoLoad,
    alu,
    atomic,
    call,
    exit_,
    ld_imm64,
    ldx,
    mov,
    stx,
)
from stops_tui.bpf.iterator import Helper, iterator, run, skip
from stops_tui.bpf.syscall import BPF_F_NO_PREALLOC, Bpf, opened
from stops_tui.btf import Btf, place_of

_RETURN = (mov(R0, 0), exit_())
_TCP_CLOSE = 7
"""include/net/tcp_states.h"""

_ADDRESS = struct.Struct("=QQ")
"""A map id, the address of its struct bpf_struct_ops_map."""
_PLACE = struct.Struct("=QQ")
"""What is counted for: the address of a map's struct, the inode of a network namespace."""
_COUNTS = struct.Struct("=QQ")
"""Sockets that point to the struct; whether the namespace's default does."""
_CLOSED = struct.Struct("=QQQ")
"""The struct that a socket points to, its inode, that of its network namespace."""
_COOKIE = struct.Struct("=Q")

_MOST_AT_ONCE = 64
"""Namespaces that are walked at the same time: one, unless some hang."""

_CA_OPS = "inet_conn.icsk_ca_ops"
_COMMON = "inet_conn.icsk_inet.sk.__sk_common"


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


class TcpWalk:
    """Walks over sockets for some maps. See `tcp_walk`."""

    def __init__(
        self, btf: Btf, addresses: dict[int, int], counts_fd: int, count_link: int
    ) -> None:
        self._btf = btf
        self._addresses = addresses
        self._counts_fd = counts_fd
        self._count_link = count_link

    def count(self, netns: int) -> tuple[dict[int, int], frozenset[int]]:
        """Sockets by map, and the maps that are the default, in the calling thread's namespace.

        In a hash table of connections, that is, or listening: for the others see `closed`.

        Args:
            netns: The inode of that namespace.

        Raises:
            BpfError: The walk could not begin.
            OSError: It broke off.
        """
        bpf = Bpf()
        places = {
            map_id: _PLACE.pack(address, netns) for map_id, address in self._addresses.items()
        }
        for place in places.values():
            bpf.map_update_elem(self._counts_fd, bytes(_COUNTS.size), place)
        for _ in run(bpf, self._count_link):
            pass  # it only counts
        counts = {}
        for map_id, place in places.items():
            value = bpf.map_lookup_elem(self._counts_fd, _COUNTS.size, place)
            bpf.map_delete_elem(self._counts_fd, place)
            counts[map_id] = _COUNTS.unpack(value)
        return (
            {map_id: sockets for map_id, (sockets, _) in counts.items() if sockets},
            frozenset(map_id for map_id, (_, default) in counts.items() if default),
        )

    def closed(self) -> set[ClosedSocket]:
        """The sockets that no hash table has, found by the files of all processes, everywhere."""
        bpf, map_ids = Bpf(), {address: map_id for map_id, address in self._addresses.items()}
        found = set()
        with iterator(bpf, self._btf, "task_file", _list_closed(self._btf), "stops_closed") as link:
            for chunk in run(bpf, link):
                for address, inode, netns in _CLOSED.iter_unpack(chunk):
                    if address in map_ids:
                        found.add(ClosedSocket(map_ids[address], inode, netns))
        return found

    def cookies(self, map_id: int, most: int) -> set[int]:
        """What inet_diag tells a map's sockets by: the first `most` in the thread's namespace."""
        bpf, cookies = Bpf(), set[int]()
        if map_id not in self._addresses:
            return cookies  # it is gone: normal
        program = _list_cookies(self._btf, self._addresses[map_id])
        with iterator(bpf, self._btf, "tcp", program, "stops_cookies") as link:
            for chunk in run(bpf, link):
                cookies.update(cookie for (cookie,) in _COOKIE.iter_unpack(chunk))
                if len(cookies) >= most:
                    break
        return cookies


@contextmanager
def tcp_walk(bpf: Bpf, btf: Btf, map_ids: Collection[int]) -> Iterator[TcpWalk]:
    """What walks over sockets for these maps; nothing of it stays in the kernel after the block.

    Raises:
        BpfError: The kernel has no such iterator, or refuses it.
        BtfError: Its structs are not as they are known.
    """
    addresses = _addresses(bpf, btf, map_ids)
    with ExitStack() as stack:
        counts_fd = bpf.map_create(
            map_type=MAP_TYPE_HASH,
            key_size=_PLACE.size,
            value_size=_COUNTS.size,
            max_entries=max(len(addresses), 1) * _MOST_AT_ONCE,
            flags=BPF_F_NO_PREALLOC,
            name="stops_counts",
        )
        stack.enter_context(opened(counts_fd))
        count = iterator(bpf, btf, "tcp", _count(btf, counts_fd), "stops_count")
        yield TcpWalk(btf, addresses, counts_fd, stack.enter_context(count))


def _addresses(bpf: Bpf, btf: Btf, map_ids: Collection[int]) -> dict[int, int]:
    """Where each map's own struct X is; maps that are gone are left out."""
    struct_x = place_of(btf, "bpf_struct_ops_map", "kvalue.data")
    with iterator(bpf, btf, "bpf_map", _list_maps(btf), "stops_maps") as link:
        found = dict(pair for chunk in run(bpf, link) for pair in _ADDRESS.iter_unpack(chunk))
    return {map_id: found[map_id] + struct_x for map_id in map_ids if map_id in found}


# The programs. A context holds the iterator's meta, then what it is at now: NULL at the end.


def _list_maps(btf: Btf) -> list[Insn]:
    """Write the id and address of every struct_ops map."""
    listed = [
        ldx("u32", R1, R7, place_of(btf, "bpf_map", "id")),
        stx("u64", R10, -16, R1),
        stx("u64", R10, -8, R7),
        *_write(btf, _ADDRESS.size),
    ]
    at_map = [
        ldx("u32", R1, R7, place_of(btf, "bpf_map", "map_type")),
        *skip("!=", R1, MAP_TYPE_STRUCT_OPS, listed),
    ]
    return [ldx("u64", R6, R1, 0), ldx("u64", R7, R1, 8), *skip("==", R7, 0, at_map), *_RETURN]


def _count(btf: Btf, counts_fd: int) -> list[Insn]:
    """Count a socket for the struct that it points to; at the end, what the default points to."""
    add = [alu("+=", R0, R8), mov(R1, 1), atomic("add", "u64", R0, 0, R1)]
    look_up = [  # R1: the struct; R2: the namespace; R8: where in _COUNTS
        stx("u64", R10, -16, R1),
        ldx("u32", R2, R2, place_of(btf, "net", "ns.inum")),
        stx("u64", R10, -8, R2),
        *ld_imm64(R1, counts_fd, PseudoLoad.MAP_FD),
        mov(R2, R10),
        alu("+=", R2, -_PLACE.size),
        call(Helper.MAP_LOOKUP_ELEM),
        *skip("==", R0, 0, add),
    ]
    of_default = [
        call(Helper.GET_CURRENT_TASK_BTF),
        ldx("u64", R1, R0, place_of(btf, "task_struct", "nsproxy")),
        ldx("u64", R2, R1, place_of(btf, "nsproxy", "net_ns")),
        ldx("u64", R1, R2, place_of(btf, "net", "ipv4.tcp_congestion_control")),
        mov(R8, 8),
        *look_up,
        *_RETURN,
    ]
    of_socket = [
        ldx("u64", R1, R0, place_of(btf, "tcp_sock", _CA_OPS)),
        ldx("u64", R2, R0, place_of(btf, "tcp_sock", f"{_COMMON}.skc_net.net")),
        mov(R8, 0),
        *look_up,
    ]
    return [
        ldx("u64", R1, R1, 8),
        *skip("!=", R1, 0, of_default),
        call(Helper.SKC_TO_TCP_SOCK),
        *skip("==", R0, 0, of_socket),
        *_RETURN,
    ]


def _list_cookies(btf: Btf, address: int) -> list[Insn]:
    """Write the cookie of every socket that points to `address`."""
    of_map = [
        mov(R1, R7),
        call(Helper.GET_SOCKET_COOKIE),
        stx("u64", R10, -8, R0),
        *_write(btf, _COOKIE.size),
    ]
    at_socket = [
        ldx("u64", R1, R0, place_of(btf, "tcp_sock", _CA_OPS)),
        *ld_imm64(R2, address),
        *skip("!=", R1, R2, of_map),
    ]
    at_any = [mov(R1, R7), call(Helper.SKC_TO_TCP_SOCK), *skip("==", R0, 0, at_socket)]
    return [ldx("u64", R6, R1, 0), ldx("u64", R7, R1, 8), *skip("==", R7, 0, at_any), *_RETURN]


def _list_closed(btf: Btf) -> list[Insn]:
    """Write of every file that is a TCP socket in TCP_CLOSE: what it points to, and where it is."""
    closed = [
        ldx("u64", R1, R0, place_of(btf, "tcp_sock", _CA_OPS)),
        stx("u64", R10, -24, R1),
        ldx("u64", R1, R7, place_of(btf, "file", "f_inode")),
        ldx("u64", R1, R1, place_of(btf, "inode", "i_ino")),
        stx("u64", R10, -16, R1),
        ldx("u64", R1, R0, place_of(btf, "tcp_sock", f"{_COMMON}.skc_net.net")),
        ldx("u32", R1, R1, place_of(btf, "net", "ns.inum")),
        stx("u64", R10, -8, R1),
        *_write(btf, _CLOSED.size),
    ]
    at_tcp = [
        ldx("u8", R1, R0, place_of(btf, "tcp_sock", f"{_COMMON}.skc_state")),
        *skip("!=", R1, _TCP_CLOSE, closed),
    ]
    at_socket = [
        ldx("u64", R1, R0, place_of(btf, "socket", "sk")),
        *skip("==", R1, 0, [call(Helper.SKC_TO_TCP_SOCK), *skip("==", R0, 0, at_tcp)]),
    ]
    at_file = [mov(R1, R7), call(Helper.SOCK_FROM_FILE), *skip("==", R0, 0, at_socket)]
    # After meta: task, fd, file.
    return [ldx("u64", R6, R1, 0), ldx("u64", R7, R1, 24), *skip("==", R7, 0, at_file), *_RETURN]


def _write(btf: Btf, size: int) -> Sequence[Insn]:
    """Hand the last `size` bytes of the stack to the reader; R6 is the iterator's meta."""
    return (
        ldx("u64", R1, R6, place_of(btf, "bpf_iter_meta", "seq")),
        mov(R2, R10),
        alu("+=", R2, -size),
        mov(R3, size),
        call(Helper.SEQ_WRITE),
    )
