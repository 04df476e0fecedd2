"""BPF schedulers: sched_ext holds no reference, so what it says of itself is all there is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from stops_tui.kernels.users import RawLog, RawSchedExt
from stops_tui.struct_ops.account.account import Found, Said
from stops_tui.struct_ops.account.asked import Asked, Known
from stops_tui.struct_ops.account.ejection import ejection
from stops_tui.struct_ops.status import EJECTED
from stops_tui.struct_ops.text import count

_DIRECTORY = "/sys/kernel/sched_ext"
_SCHEDULED = {True: "every normal task", False: "only tasks of the SCHED_EXT class"}


def look(asked: Asked) -> Mapping[int, Found]:
    """What sched_ext says of itself, the same for every scheduler; and why it ejected one."""
    scx = asked.users.sched_ext()
    if scx is None:
        absent = Said("sched_ext", "not there", f"this kernel has no {_DIRECTORY}")
        return {known.map.id: Found(said=(absent,), use="") for known in asked.each()}
    said = (*_state(scx), *_events(scx, asked.rates.take(scx.events)))
    log = asked.users.sched_ext_log() if any(map(_is_ejected, asked.each())) else RawLog()
    return {known.map.id: _found(known, scx, said, log) for known in asked.each()}


def _is_ejected(known: Known) -> bool:
    return known.map.status == EJECTED


def _found(known: Known, scx: RawSchedExt, said: Sequence[Said], log: RawLog) -> Found:
    if not _is_ejected(known):
        return Found(said=tuple(said), unseen=scx.unseen, use=_use(scx))
    why = ejection(log.lines, known.name)
    told = [Said("kernel log", line) for line in why.lines]
    unseen = *scx.unseen, *log.unseen
    return Found(said=(*told, *said), unseen=unseen, reason=why.words, use="")


def _use(scx: RawSchedExt) -> str:
    if scx.tasks is not None:
        return f"schedules {count(scx.tasks, 'task')}"
    if scx.ops and scx.switch_all is not None:
        return f"schedules {_SCHEDULED[scx.switch_all]}"
    return ""


def _state(scx: RawSchedExt) -> Iterator[Said]:
    yield Said("state", scx.state)
    yield Said("root/ops", scx.ops or "none", "the scheduler that runs")
    if scx.ops and scx.switch_all is not None:
        yield Said(
            "switch_all", str(int(scx.switch_all)), f"it schedules {_SCHEDULED[scx.switch_all]}"
        )
    if scx.tasks is not None:
        yield Said("tasks", f"{scx.tasks:,}", "scheduled by it now")
    if scx.nr_rejected is not None:
        yield Said("nr_rejected", f"{scx.nr_rejected:,}", "tasks that were refused the class")
    if scx.enable_seq is not None:
        yield Said("enable_seq", f"{scx.enable_seq:,}", "schedulers enabled since boot")


def _events(scx: RawSchedExt, rates: Mapping[str, float]) -> Iterator[Said]:
    """Those that happened; a rate once two looks were taken."""
    for name, n in scx.events.items():
        if n:
            yield Said(name, f"{n:,}", f"{rates[name]:,.1f}/s" if name in rates else "")
