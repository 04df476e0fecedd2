"""The table of struct_ops maps: one line says what a map is, how it is, and who has it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from operator import attrgetter

from stops_tui.struct_ops.holders import MapHolders
from stops_tui.struct_ops.inventory import StructOpsMap
from stops_tui.widgets.columns import widened
from stops_tui.widgets.line_table import Column, LateRow, LineTable, Span
from stops_tui.widgets.status import status_span

COLUMNS = (
    Column("id", "ID", 7, least=5, right=True),
    Column("name", "NAME", 15, least=10),
    Column("type", "TYPE", 18, keep=7),
    Column("status", "STATUS", 23, least=21),
    Column("refcnt", "REFCNT", 6, right=True, keep=8),
    Column("history", "", 8, keep=2),
    Column("members", "MEMBERS", 7, right=True, keep=6),
    Column("link", "LINK", 5, right=True, keep=4),
    Column("held_by", "HELD BY", 18, least=10, grow=True, keep=3),
)
"""`history` belongs to `refcnt`: it is shown where that is, and has no name of its own."""

BARS = "▁▂▃▄▅▆▇█"


def chosen_columns(names: Collection[str]) -> tuple[Column, ...]:
    """The columns of these names, in their order."""
    by_key = {column.key: column for column in COLUMNS}
    keys = [key for name in names for key in ((name, "history") if name == "refcnt" else (name,))]
    return tuple(by_key[key] for key in keys if key in by_key)


def sparkline(values: Sequence[int]) -> str:
    """Bars for the last different reference counts; "" for one alone, which tells nothing.

    The lowest bar is the lowest of them, the highest the highest.
    """
    if len(values) < 2:
        return ""
    low, high = min(values), max(values)
    return "".join(BARS[(value - low) * (len(BARS) - 1) // max(high - low, 1)] for value in values)


def members_text(map_: StructOpsMap) -> str:
    """`8/13`: function members that are set, and all there are."""
    functions = [value for value in map_.members if value.member.kind == "func"]
    return f"{sum(value.is_set for value in functions)}/{len(functions)}" if map_.type else "?"


def held_by_text(holders: MapHolders | None) -> str:
    """`scx_simple 812 +1`, or a pin's path; a dash for nobody."""
    if holders is None:
        return "–"
    names = [f"{process.comm} {process.pid}" for process in holders.processes]
    names += [pin.path for pin in holders.pins]
    if not names:
        return "–"
    return names[0] if len(names) == 1 else f"{names[0]} +{len(names) - 1}"


CELLS: Mapping[str, Callable[[StructOpsMap, Sequence[int], MapHolders | None], str | Span]] = {
    "id": lambda m, _, __: Span(str(m.id), "strong"),
    "name": lambda m, _, __: m.name,
    "type": lambda m, _, __: m.type_name,
    "status": lambda m, _, __: status_span(m.status),
    "refcnt": lambda m, _, __: str(m.refcnt),
    "history": lambda _, refcnts, __: Span(sparkline(refcnts), "accent"),
    "members": lambda m, _, __: members_text(m),
    "link": lambda m, _, __: _links_text(m.links),
    "held_by": lambda _, __, holders: held_by_text(holders),
}


def _links_text(links: Sequence[int]) -> str:
    if not links:
        return "–"
    return str(links[0]) if len(links) == 1 else f"{links[0]} +{len(links) - 1}"


SORT_KEYS: Mapping[
    str, Callable[[StructOpsMap, MapHolders | None], str | int | tuple[int, ...]]
] = {
    "id": lambda m, _: m.id,
    "name": lambda m, _: m.name,
    "type": lambda m, _: m.type_name,
    "status": lambda m, _: m.status,
    "refcnt": lambda m, _: m.refcnt,
    "members": lambda m, _: sum(v.is_set for v in m.members if v.member.kind == "func"),
    "link": lambda m, _: m.links,
    "held_by": lambda _, holders: held_by_text(holders),
}


class MapTable(LineTable):
    """All struct_ops maps, or those that match a filter; keys of rows are map ids."""

    HELP = """One line a struct_ops map. `STATUS` says what the kernel's state means together with
links and subsystem. `REFCNT` counts the subsystem's users, and one for a registration or link; the
bars are the last eight different counts. `MEMBERS`: function members set, and all there are.
`HELD BY`: processes with an open file descriptor of the map or its links, and pins."""
    MARKS = frozenset({"status", "refcnt", "members", "link"})

    def __init__(self, columns: Collection[str], id: str) -> None:  # noqa: A002 (Textual's name)
        super().__init__(chosen_columns(columns), empty="Looking at the kernel …", id=id)
        self._known: dict[int, tuple[StructOpsMap, MapHolders | None, str, LateRow]] = {}

    def _row(
        self,
        map_: StructOpsMap,
        refcnts: Callable[[int], Sequence[int]],
        all_holders: Mapping[int, MapHolders],
        reason: str,
    ) -> LateRow:
        """The line of a map: the same object as before while nothing about it changed."""
        map_id = map_.id
        holders = all_holders.get(map_id)
        if known := self._known.get(map_id):
            before, before_holders, before_reason, row = known
            if before is map_ and before_holders == holders and before_reason == reason:
                return row
        row = LateRow(map_id, partial(self._cells, map_, refcnts(map_id), holders, reason))
        self._known[map_id] = (map_, holders, reason, row)
        return row

    def _cells(
        self, map_: StructOpsMap, refcnts: Sequence[int], holders: MapHolders | None, reason: str
    ) -> tuple[str | Span, ...]:
        return tuple(
            status_span(map_.status, reason)
            if reason and column.key == "status"
            else CELLS[column.key](map_, refcnts, holders)
            for column in self.columns
        )

    def show_maps(
        self,
        maps: Sequence[StructOpsMap],
        refcnts: Callable[[int], Sequence[int]],
        holders: Mapping[int, MapHolders],
        reasons: Mapping[int, str],
    ) -> None:
        """Show these maps, in this order.

        Args:
            maps: The maps.
            refcnts: The last different reference counts of a map.
            holders: Pins and processes, by map id.
            reasons: Why maps were ejected, by map id.
        """
        needs = {
            "id": len(str(max(map(attrgetter("raw.id"), maps), default=0))),
            "link": max((len(_links_text(map_.links)) for map_ in maps if map_.links), default=0),
        }
        self.show_columns(widened(self.columns, needs))
        rows = [self._row(map_, refcnts, holders, reasons.get(map_.id, "")) for map_ in maps]
        if len(self._known) > 2 * len(rows) + 100:
            self._known.clear()
        self.show_rows(rows)
