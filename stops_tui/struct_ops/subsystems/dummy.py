"""The kernel's own test type (net/bpf/bpf_dummy_struct_ops.c): it can never be registered."""

from __future__ import annotations

from stops_tui.struct_ops.subsystems.subsystem import Registering, Subsystem

DUMMY = Subsystem(
    "bpf_dummy_ops",
    registering=Registering(
        never="the kernel never registers it (EOPNOTSUPP): it is there for BPF_PROG_TEST_RUN only",
        plain=False,
        link=False,
    ),
)
