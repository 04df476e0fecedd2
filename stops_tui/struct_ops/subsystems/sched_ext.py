"""BPF schedulers (kernel/sched/ext.c)."""

from __future__ import annotations

from stops_tui.kernels.kernel import RawConditions, RawSubsystems
from stops_tui.struct_ops.status import EJECTED
from stops_tui.struct_ops.subsystems.subsystem import Data, Registering, Showing, Subsystem
from stops_tui.struct_ops.text import printable

_FLAGS = {"flags": "scx_ops_flags"}


def _cgroup(data: Data) -> int | str:
    """Which cgroup a sub-scheduler schedules; 0 of a root (1 is the cgroup of all tasks)."""
    cgroup = data.get("sub_cgroup_id", 0)
    return 0 if cgroup == 1 else cgroup


def _ejected(data: Data, facts: RawSubsystems) -> str:
    """The kernel leaves link and map as they were when it ejects a scheduler.

    While enabling, `root/ops` is not there yet; a sub-scheduler never is in it.
    """
    if facts.sched_ext_state in (None, "enabling") or _cgroup(data):
        return ""
    return "" if facts.sched_ext_ops == data.get("name") else EJECTED


def _running(data: Data, conditions: RawConditions) -> str:
    """scx_enable() lets one root scheduler run at a time (EBUSY)."""
    scx = conditions.subsystems
    if scx.sched_ext_state in (None, "disabled") or _cgroup(data):
        return ""
    runs = f'"{printable(scx.sched_ext_ops)}" runs' if scx.sched_ext_ops else "one is on its way"
    return f"only one scheduler runs at a time, and {runs}: unregister it first"


def _takes_tasks(data: Data, conditions: RawConditions) -> str:
    return (
        "from then on every task of the SCHED_EXT class is scheduled by these programs, and, "
        "without SWITCH_PARTIAL among its flags, every normal task of this host"
    )


def _enabled(data: Data, conditions: RawConditions) -> bool | None:
    """BPF_LINK_CREATE succeeds even where enabling fails: only /sys tells (scx_enable())."""
    scx = conditions.subsystems
    if scx.sched_ext_state is None or _cgroup(data):
        return None
    return scx.sched_ext_state == "enabled" and scx.sched_ext_ops == data.get("name")


def _not_enabled(data: Data, conditions: RawConditions) -> str:
    state = conditions.subsystems.sched_ext_state
    return f"the scheduler does not run (/sys/kernel/sched_ext/state is {state}): dmesg says why"


def _stops_scheduling(data: Data, conditions: RawConditions) -> str:
    if conditions.subsystems.sched_ext_ops != data.get("name"):
        return ""
    return (
        f'"{printable(str(data.get("name")))}" schedules tasks of this host now: they go back to '
        "the kernel's own scheduler"
    )


def _ends_any(data: Data) -> bool:
    """Before there were sub-schedulers, bpf_scx_unreg() ended whichever scheduler is the root."""
    return "sub_cgroup_id" not in data


def _one_on_its_way(data: Data, conditions: RawConditions) -> str:
    """The one that is enabled has no link and is not INUSE before that is done: it is not this."""
    if conditions.subsystems.sched_ext_state != "enabling" or not _ends_any(data):
        return ""
    return (
        "a scheduler is on its way (/sys/kernel/sched_ext/state is enabling), and this kernel ends "
        "it, whichever is unregistered: wait until it runs"
    )


def _ends_the_one_that_runs(data: Data, conditions: RawConditions) -> str:
    runs = conditions.subsystems.sched_ext_ops
    if runs is None or not _ends_any(data):
        return ""
    return (
        f'this kernel ends the scheduler that runs, "{printable(runs)}", whichever is '
        "unregistered: unregister that one first"
    )


_REGISTERING = Registering(
    name="name",
    refused={"priv": "the kernel's own"},
    hints={
        "timeout_ms": "a runnable task that waits longer ends the scheduler; 0 for the most, 30000",
        "exit_dump_len": "bytes of the dump at its end; 0 for 32768",
        "sub_cgroup_id": "0 unless it schedules one cgroup under another scheduler",
    },
    obstacle=_running,
    clear="no BPF scheduler runs",
    consequence=_takes_tasks,
    showing=Showing("/sys/kernel/sched_ext/root/ops", _enabled, _not_enabled),
    ending=_stops_scheduling,
    not_now=_one_on_its_way,
    ends_another=_ends_the_one_that_runs,
    unknown="whether enabling succeeds: its init() may refuse, and another may run by then (EBUSY)",
)

# validate_ops() and bpf_scx_init_member(): every function is optional, the name is not.
SCHED_EXT = Subsystem(
    "sched_ext_ops",
    mandatory=frozenset({"name"}),
    flags=_FLAGS,
    refusal=_ejected,
    place=_cgroup,
    registering=_REGISTERING,
)
SCHED_EXT_CID = Subsystem(
    "sched_ext_ops_cid",
    mandatory=frozenset({"name"}),
    flags=_FLAGS,
    refusal=_ejected,
    place=_cgroup,
    registering=_REGISTERING._replace(needs_map="an arena map"),
)
