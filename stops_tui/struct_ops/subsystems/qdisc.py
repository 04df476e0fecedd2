"""Queueing disciplines (net/sched/bpf_qdisc.c)."""

from __future__ import annotations

from stops_tui.struct_ops.subsystems.subsystem import Registering, Subsystem

_FUNCTIONS = frozenset({"enqueue", "dequeue", "init", "reset", "destroy"})

# bpf_qdisc_validate() and bpf_qdisc_init_member() refuse a map without these.
QDISC = Subsystem(
    "Qdisc_ops",
    mandatory=_FUNCTIONS | {"id"},
    registering=Registering(
        name="id",
        refused={"priv_size": "the kernel sets it: BPF qdiscs keep their state in maps"},
        programs=_FUNCTIONS,
        unknown="whether a qdisc of this id exists (EEXIST)",
    ),
)
