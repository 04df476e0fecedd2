"""The BPF programs that walk over sockets, and what they write. See `tcp_iter`.

Offsets come from the live BTF. A context holds the iterator's meta, then what it is at now: NULL at
the end.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from stops_tui.bpf.info import MAP_TYPE_STRUCT_OPS
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
from stops_tui.bpf.iterator import Helper, skip
from stops_tui.btf import Btf, place_of

ADDRESS = struct.Struct("=QQ")
"""A map id, the address of its struct bpf_struct_ops_map."""
PLACE = struct.Struct("=QQ")
"""What is counted for: the address of a map's struct, the inode of a network namespace."""
COUNTS = struct.Struct("=QQ")
"""Sockets that point to the struct; whether the namespace's default does."""
CLOSED = struct.Struct("=QQQ")
"""The struct that a socket points to, its inode, that of its network namespace."""
COOKIE = struct.Struct("=Q")
"""What inet_diag tells a socket by."""

_RETURN = (mov(R0, 0), exit_())
_TCP_CLOSE = 7
"""include/net/tcp_states.h"""

_CA_OPS = "inet_conn.icsk_ca_ops"
_COMMON = "inet_conn.icsk_inet.sk.__sk_common"


def list_maps(btf: Btf) -> list[Insn]:
    """Write the id and address of every struct_ops map."""
    listed = [
        ldx("u32", R1, R7, place_of(btf, "bpf_map", "id")),
        stx("u64", R10, -16, R1),
        stx("u64", R10, -8, R7),
        *_write(btf, ADDRESS.size),
    ]
    at_map = [
        ldx("u32", R1, R7, place_of(btf, "bpf_map", "map_type")),
        *skip("!=", R1, MAP_TYPE_STRUCT_OPS, listed),
    ]
    return [ldx("u64", R6, R1, 0), ldx("u64", R7, R1, 8), *skip("==", R7, 0, at_map), *_RETURN]


def count(btf: Btf, counts_fd: int) -> list[Insn]:
    """Count a socket for the struct that it points to; at the end, what the default points to."""
    add = [alu("+=", R0, R8), mov(R1, 1), atomic("add", "u64", R0, 0, R1)]
    look_up = [  # R1: the struct; R2: the namespace; R8: where in COUNTS
        stx("u64", R10, -16, R1),
        ldx("u32", R2, R2, place_of(btf, "net", "ns.inum")),
        stx("u64", R10, -8, R2),
        *ld_imm64(R1, counts_fd, PseudoLoad.MAP_FD),
        mov(R2, R10),
        alu("+=", R2, -PLACE.size),
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


def list_cookies(btf: Btf, address: int) -> list[Insn]:
    """Write the cookie of every socket that points to `address`."""
    of_map = [
        mov(R1, R7),
        call(Helper.GET_SOCKET_COOKIE),
        stx("u64", R10, -8, R0),
        *_write(btf, COOKIE.size),
    ]
    at_socket = [
        ldx("u64", R1, R0, place_of(btf, "tcp_sock", _CA_OPS)),
        *ld_imm64(R2, address),
        *skip("!=", R1, R2, of_map),
    ]
    at_any = [mov(R1, R7), call(Helper.SKC_TO_TCP_SOCK), *skip("==", R0, 0, at_socket)]
    return [ldx("u64", R6, R1, 0), ldx("u64", R7, R1, 8), *skip("==", R7, 0, at_any), *_RETURN]


def list_closed(btf: Btf) -> list[Insn]:
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
        *_write(btf, CLOSED.size),
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
