"""Which maps or programs a report is about: `id N`, `name X`, `type T`, or all."""

from __future__ import annotations

from stops_tui.exit_codes import FINE, NOT_FOUND
from stops_tui.report.output import note
from stops_tui.struct_ops.inventory import Program, Snapshot, StructOpsMap
from stops_tui.struct_ops.members import name_in_subsystem

Choice = tuple[str, int | str] | None
"""("id", 58), ("name", "dctcp"), ("type", "tcp_congestion_ops"); None: all."""


def chosen_maps(snapshot: Snapshot, choice: Choice) -> list[StructOpsMap]:
    """The maps that were asked for, by id."""
    return [map_ for map_ in snapshot.maps.values() if _fits(choice, map_)]


def chosen_programs(programs: list[Program], choice: Choice) -> list[Program]:
    """The programs that were asked for; a name is the C function's, or the kernel's cut one."""
    return [
        program
        for program in programs
        if choice in (None, ("id", program.id), ("name", program.name), ("name", program.raw.name))
    ]


def told(found: bool, what: str, choice: Choice, *, as_json: bool) -> int:
    """The exit code; nothing found is told, and is an error only where something was asked for."""
    if found:
        return FINE
    if choice is None:
        if not as_json:  # [] says it
            note(f"this kernel has no {what}")
        return FINE
    by, which = choice
    note(f"no {what} has {by} {which}")
    return NOT_FOUND


def _fits(choice: Choice, map_: StructOpsMap) -> bool:
    match choice:
        case "name", name:
            return name in _names(map_)
        case _:
            return choice in (None, ("id", map_.id), ("type", map_.type_name))


def _names(map_: StructOpsMap) -> set[str]:
    """Its own, and the one by which its subsystem knows it; where it has none, nothing fits it."""
    in_subsystem = name_in_subsystem(map_.type, map_.raw.value) if map_.type else ""
    return {map_.name, in_subsystem} - {""}
