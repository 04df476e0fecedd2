"""io_uring event loops (io_uring/bpf-ops.c)."""

from __future__ import annotations

from stops_tui.kernels.kernel import RawConditions
from stops_tui.struct_ops.subsystems.subsystem import Data, Registering, Subsystem


def _no_ring(data: Data, conditions: RawConditions) -> str:
    """bpf_io_reg() looks the ring up among the files of whoever registers (EBADF, EOPNOTSUPP)."""
    ring = data.get("ring_fd", 0)
    if conditions.rings is None or ring in conditions.rings:
        return ""
    open_here = ", ".join(map(str, sorted(conditions.rings))) or "it has none"
    return (
        f"ring_fd {ring} is no io_uring ring of this process ({open_here}): the kernel looks for "
        "it among the file descriptors of the process that registers, so let that be the one that "
        "owns the ring"
    )


# Without loop_step the kernel warns (WARN_ON) before it refuses: such a map is never sent to it.
IO_URING = Subsystem(
    "io_uring_bpf_ops",
    mandatory=frozenset({"loop_step"}),
    registering=Registering(
        hints={"ring_fd": "a ring's file descriptor in the process that registers: this one"},
        obstacle=_no_ring,
        clear="ring_fd is a ring of this process",
        unknown="whether the ring was made with DEFER_TASKRUN and has no operations yet",
    ),
)
