"""io_uring event loops (io_uring/bpf-ops.c)."""

from __future__ import annotations

from stops_tui.struct_ops.subsystems.subsystem import Subsystem

IO_URING = Subsystem("io_uring_bpf_ops", mandatory=frozenset({"loop_step"}))
