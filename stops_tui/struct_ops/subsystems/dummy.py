"""The kernel's own test type (net/bpf/bpf_dummy_struct_ops.c): it can never be registered."""

from __future__ import annotations

from stops_tui.struct_ops.subsystems.subsystem import Subsystem

DUMMY = Subsystem("bpf_dummy_ops")
