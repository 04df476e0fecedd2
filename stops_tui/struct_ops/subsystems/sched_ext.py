"""BPF schedulers (kernel/sched/ext.c)."""

from __future__ import annotations

from stops_tui.kernels.kernel import RawSubsystems
from stops_tui.struct_ops.subsystems.subsystem import Data, Subsystem

_FLAGS = {"flags": "scx_ops_flags"}


def _ejected(data: Data, facts: RawSubsystems) -> str:
    """The kernel leaves link and map as they were when it ejects a scheduler.

    While enabling, `root/ops` is not there yet; a sub-scheduler never is in it.
    """
    if facts.sched_ext_state in (None, "enabling") or data.get("sub_cgroup_id"):
        return ""
    return "" if facts.sched_ext_ops == data.get("name") else "ejected"


# validate_ops() and bpf_scx_init_member(): every function is optional, the name is not.
SCHED_EXT = Subsystem(
    "sched_ext_ops", mandatory=frozenset({"name"}), flags=_FLAGS, refusal=_ejected
)
SCHED_EXT_CID = Subsystem(
    "sched_ext_ops_cid", mandatory=frozenset({"name"}), flags=_FLAGS, refusal=_ejected
)
