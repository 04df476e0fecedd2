"""io_uring event loops (io_uring/bpf-ops.c)."""

from __future__ import annotations

from stops_tui.struct_ops.subsystems.subsystem import Registering, Subsystem

# Without loop_step the kernel warns (WARN_ON) before it refuses: such a map is never sent to it.
IO_URING = Subsystem(
    "io_uring_bpf_ops",
    mandatory=frozenset({"loop_step"}),
    registering=Registering(
        hints={"ring_fd": "a ring's file descriptor in the process that registers: this one"},
        unknown="whether ring_fd is a ring made with DEFER_TASKRUN that has no operations yet",
    ),
)
