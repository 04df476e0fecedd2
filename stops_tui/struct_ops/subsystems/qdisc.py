"""Queueing disciplines (net/sched/bpf_qdisc.c)."""

from __future__ import annotations

from stops_tui.struct_ops.subsystems.subsystem import Subsystem

# bpf_qdisc_validate() and bpf_qdisc_init_member() refuse a map without these.
QDISC = Subsystem(
    "Qdisc_ops",
    mandatory=frozenset({"id", "enqueue", "dequeue", "init", "reset", "destroy"}),
)
