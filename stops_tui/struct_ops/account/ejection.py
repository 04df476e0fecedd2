"""Why sched_ext ejected a scheduler, by what it wrote to the kernel's log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from stops_tui.struct_ops.text import printable


class Ejection(NamedTuple):
    """The kernel's words.

    Attributes:
        reason: "runnable task stall"; "" where the log does not tell.
        detail: "python3[136] failed to run for 2.304s"; "" where there is none.
        lines: The lines that say so.
    """

    reason: str = ""
    detail: str = ""
    lines: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """`runnable task stall: python3[136] failed to run for 2.304s`."""
        return ": ".join(filter(None, (self.reason, self.detail)))


def ejection(log: Sequence[str], name: str) -> Ejection:
    """Why the scheduler of this name runs no longer, by its last end in the log.

    scx_disable_workfn() (kernel/sched/ext.c) writes `sched_ext: BPF scheduler "stall" disabled
    (runnable task stall)`, and then, where there is more to say, `sched_ext: stall: python3[136]
    failed to run for 2.304s`.

    Args:
        log: Lines of the kernel's log, the newest last.
        name: `name` of the scheduler's struct.
    """
    ended = f'BPF scheduler "{name}" disabled ('
    last = max((n for n, line in enumerate(log) if ended in line), default=None)
    if last is None or any(f'BPF scheduler "{name}" enabled' in line for line in log[last:]):
        return Ejection()
    reason = log[last].partition(ended)[2].rpartition(")")[0]
    for line in log[last + 1 :]:
        _, found, detail = line.partition(f"sched_ext: {name}: ")
        if found:
            return Ejection(printable(reason), printable(detail), _shown(log[last], line))
    return Ejection(printable(reason), lines=_shown(log[last]))


def _shown(*lines: str) -> tuple[str, ...]:
    return tuple(printable(line) for line in lines)
