"""What one program is and does: the lines at the top of its screen."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from stops_tui.kernels.kernel import RunCount
from stops_tui.struct_ops.inventory import MemberValue, Program, Snapshot, StructOpsMap
from stops_tui.struct_ops.rates import Rate
from stops_tui.struct_ops.text import bytes_text, printable


@dataclass(frozen=True, slots=True)
class Place:
    """One member of one map that a program implements."""

    map: StructOpsMap
    member: MemberValue


def places_of(prog_id: int, snapshot: Snapshot) -> list[Place]:
    """Everywhere this program serves, by map id and member order."""
    return [
        Place(found, value)
        for found in snapshot.maps.values()
        for value in found.members
        if value.prog_id == prog_id
    ]


def purpose(places: Sequence[Place]) -> str:
    """What the program is for, in a sentence: the members it implements, and where."""
    if not places:
        return "Serves no map any more: no struct_ops map has it as a member."
    roles = {f"{place.member.member.name} of {place.map.type_name}": None for place in places}
    maps = len({place.map.id for place in places})
    return f"Implements {', '.join(roles)} in {_count(maps, 'map')}"


def rate_text(counting: bool, rate: Rate | None, key: str) -> str:
    """How busy it is; while run statistics are off, the key that switches them on."""
    if not counting:
        return f"Run statistics are off: {key} counts calls/s and ns/call."
    if rate is None:
        return "Counting calls…"
    each = f"{rate.ns:,.0f} ns/call" if rate.ns is not None else "–"
    return f"{rate.calls:,.0f} calls/s   {each}"


def details(program: Program, maps: Mapping[int, str]) -> list[tuple[str, str]]:
    """The facts below the sentence, as (word, value), the shorter ones at odd places.

    Args:
        program: The program.
        maps: Names of the maps that its instructions use, by id.
    """
    raw = program.raw
    loaded = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(raw.load_time))
    used = ", ".join(f"{map_id} {maps.get(map_id, '')}".rstrip() for map_id in raw.map_ids)
    return [
        ("id", str(raw.id)),
        ("loaded", f"{loaded} by uid {raw.uid}{' (root)' if raw.uid == 0 else ''}"),
        ("tag", raw.tag),
        ("size", f"{bytes_text(raw.xlated_size)} translated, {bytes_text(raw.jited_size)} JITed"),
        ("verified", f"{raw.verified_insns:,} insns" if raw.verified_insns else "not told"),
        ("ran", _runs(raw.runs)),
        ("BTF", f"object {raw.btf_id}" if raw.btf_id else "none"),
        ("uses", f"maps {used}" if used else "no maps"),
    ]


def facts_text(
    program: Program, places: Sequence[Place], rate: str, maps: Mapping[int, str]
) -> RenderableType:
    """All of it: prototype, purpose, rate; then the details in two columns."""
    title = program.prototype or program.name or "(no name)"
    rows = details(program, maps)
    grid = Table.grid(padding=(0, 2))
    for left, right in zip(rows[::2], rows[1::2], strict=True):
        grid.add_row(*_fact(*left), *_fact(*right))
    return Group(
        Text(printable(title), "bold", no_wrap=True, overflow="ellipsis"),
        Text(printable(purpose(places))),
        Text(rate),
        grid,
    )


def _fact(word: str, value: str) -> tuple[Text, Text]:
    return Text(word, "dim"), Text(printable(value), no_wrap=True, overflow="ellipsis")


def _runs(runs: RunCount) -> str:
    """How often it ran and what a run cost, since it was loaded, as far as that was counted."""
    if not runs.run_cnt:
        return "not counted yet"
    text = f"{_count(runs.run_cnt, 'time')}, {runs.run_time_ns / runs.run_cnt:,.0f} ns each"
    if runs.recursion_misses:
        text += f", missed {runs.recursion_misses:,} in recursion"
    return text


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}" + ("" if number == 1 else "s")
