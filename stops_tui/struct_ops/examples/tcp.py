"""Congestion controls. A member's arguments are an array of u64 that R1 points to."""

from __future__ import annotations

from stops_tui.bpf.insns import R0, R1, R2, R3, Insn, call_kfunc, exit_, ldx, mov, stx
from stops_tui.btf import Btf
from stops_tui.struct_ops.examples.example import Assemble, BuiltIn, kfunc, offset_of

TCP = "tcp_congestion_ops"

WINDOW = 10
"""Packets of the constant window."""


def _through(name: str) -> Assemble:
    """`return name(sk)`."""

    def assemble(btf: Btf) -> tuple[Insn, ...]:
        return ldx("u64", R1, R1, 0), call_kfunc(kfunc(btf, name)), exit_()

    return assemble


def _reno_cong_avoid(btf: Btf) -> tuple[Insn, ...]:
    """`tcp_reno_cong_avoid(sk, ack, acked)`."""
    return (
        ldx("u64", R3, R1, 16),
        ldx("u64", R2, R1, 8),
        ldx("u64", R1, R1, 0),
        call_kfunc(kfunc(btf, "tcp_reno_cong_avoid")),
        mov(R0, 0),
        exit_(),
    )


def _set_window(btf: Btf) -> tuple[Insn, ...]:
    """`tcp_sk(sk)->snd_cwnd = WINDOW`: the verifier takes sk for a tcp_sock (bpf_tcp_ca.c)."""
    return (
        ldx("u64", R1, R1, 0),
        stx("u32", R1, offset_of(btf, "tcp_sock", "snd_cwnd"), WINDOW),
        mov(R0, 0),
        exit_(),
    )


def _window(btf: Btf) -> tuple[Insn, ...]:
    """`return WINDOW`."""
    return mov(R0, WINDOW), exit_()


RENO = BuiltIn(
    "reno",
    TCP,
    "TCP Reno, through the kernel's own functions: behaves as the kernel's reno",
    {
        "ssthresh": _through("tcp_reno_ssthresh"),
        "cong_avoid": _reno_cong_avoid,
        "undo_cwnd": _through("tcp_reno_undo_cwnd"),
    },
    {"name": "stops_reno"},
)

CONSTANT = BuiltIn(
    "constant",
    TCP,
    f"a window of {WINDOW} packets, always: `ss -ti` shows cwnd:{WINDOW}",
    {"ssthresh": _window, "cong_avoid": _set_window, "undo_cwnd": _window, "init": _set_window},
    {"name": "stops_constant"},
)
