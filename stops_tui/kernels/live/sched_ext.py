"""What sched_ext says of itself, in /sys/kernel/sched_ext and /proc; and the kernel's log of it.

Source: kernel/sched/ext.c (scx_ktype, scx_root), Documentation/scheduler/sched-ext.rst.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from stops_tui.kernels.live.kmsg import KMSG, lines_with
from stops_tui.kernels.live.proc import PROC, pids, read_small
from stops_tui.kernels.live.sysfs import SYSFS, attribute
from stops_tui.kernels.users import RawLog, RawSchedExt

_NORMAL, _BATCH, _IDLE, _EXT = 0, 3, 5, 7
"""SCHED_* (include/uapi/linux/sched.h)."""

_POLICY = 41 - 3
"""Field 41 of proc_pid_stat(5), counted from the one behind the command."""


def sched_ext(sysfs: Path = SYSFS, proc: Path = PROC) -> RawSchedExt | None:
    """See `Users.sched_ext`."""
    folder = sysfs / "kernel/sched_ext"
    state = attribute(folder / "state")
    if state is None:
        return None
    switch_all = _number(folder / "switch_all") != 0
    return RawSchedExt(
        state=state,
        ops=attribute(folder / "root/ops"),
        switch_all=switch_all,
        nr_rejected=_number(folder / "nr_rejected"),
        enable_seq=_number(folder / "enable_seq"),
        events=dict(_events(attribute(folder / "root/events") or "")),
        tasks=_tasks(proc, switch_all) if state == "enabled" else 0,
    )


def sched_ext_log(kmsg: Path = KMSG) -> RawLog:
    """See `Users.sched_ext_log`."""
    lines, unseen = lines_with("sched_ext", kmsg)
    return RawLog(lines, (unseen,) if unseen else ())


def _events(text: str) -> Iterator[tuple[str, int]]:
    """Lines `SCX_EV_NAME number`."""
    for each in text.splitlines():
        name, _, number = each.partition(" ")
        if number.isdecimal():
            yield name, int(number)


def _tasks(proc: Path, switch_all: bool) -> int | None:
    """Threads that it schedules, kernel threads too; None where /proc is not mounted.

    Those of policy SCHED_EXT; and, unless it was enabled with SCX_OPS_SWITCH_PARTIAL, all but
    real-time and deadline ones (kernel/sched/ext.c: task_should_scx).
    """
    there = pids(proc)
    policies = {_EXT, _NORMAL, _BATCH, _IDLE} if switch_all else {_EXT}
    threads = (stat for pid in there for stat in _stats(f"{proc}/{pid}/task"))
    return sum(policy_of(stat) in policies for stat in threads) if there else None


def _stats(folder: str) -> Iterator[bytes]:
    with suppress(OSError):  # it ended, or may not be seen
        for tid in os.listdir(folder):  # noqa: PTH208 (thousands)
            yield read_small(f"{folder}/{tid}/stat")


def policy_of(stat: bytes) -> int | None:
    """The scheduling policy in /proc/PID/stat; None of a text that is none."""
    fields = stat.rpartition(b")")[2].split()
    try:
        return int(fields[_POLICY])
    except (IndexError, ValueError):
        return None


def _number(path: Path) -> int:
    text = attribute(path) or ""
    return int(text) if text.isdecimal() else 0
