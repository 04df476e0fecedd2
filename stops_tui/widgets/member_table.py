"""The members of a map: each function's program, each data member's value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from stops_tui.struct_ops.inventory import MemberValue, Program
from stops_tui.struct_ops.rates import Rate
from stops_tui.widgets.detail import DetailTable
from stops_tui.widgets.line_table import Cell, Column, Row, Span
from stops_tui.widgets.map_facts import MapFacts

UNSET = "unset"
"""The key of the line that tells of members not shown."""

BASIC = (
    Column("mark", "", 1),
    Column("member", "MEMBER", 18, least=14),
    Column("type", "WHAT IT IS", 46, least=22, grow=True),
    Column("holds", "PROGRAM OR VALUE", 28, least=20, grow=True),
)
COUNTED = (
    *BASIC,
    Column("calls", "CALLS/S", 9, right=True, keep=8),
    Column("ns", "NS/CALL", 8, right=True, keep=8),
)


def number(value: float | None) -> str:
    """`1,204`, `0.3`, `0`; a dash for what is not known."""
    if value is None:
        return "–"
    return f"{value:,.1f}" if 0 < value < 10 else f"{value:,.0f}"


def holds(value: MemberValue, programs: Mapping[int, Program]) -> Cell:
    """What stands behind a member: `25 dctcp_ssthresh`, or its value."""
    if value.member.kind == "data":
        return value.text if value.is_set else Span(value.text, "dim")
    if not value.prog_id:
        return Span(value.text or "–", "dim")
    program = programs.get(value.prog_id)
    return (Span(f"{value.prog_id} ", "dim"), Span(program.name if program else "?", "accent"))


def rate_cells(value: MemberValue, rates: Mapping[int, Rate] | None) -> tuple[Cell, ...]:
    """Calls a second and ns a call; blank for what never runs."""
    if rates is None:
        return ()
    rate = rates.get(value.prog_id)
    if not value.prog_id or rate is None:
        return ("", "")
    return (number(rate.calls), number(rate.ns))


def member_row(
    value: MemberValue, programs: Mapping[int, Program], rates: Mapping[int, Rate] | None
) -> Row:
    """A member's line; its key is the member's index."""
    member = value.member
    name = Span(member.name or "(anonymous)", "plain" if value.is_set else "dim")
    cells: tuple[Cell, ...] = (
        Span("*", "warn") if member.mandatory else "",
        name,
        Span(member.type, "dim"),
        holds(value, programs),
        *rate_cells(value, rates),
    )
    return Row(member.index, cells)


def unset_text(unset: Sequence[MemberValue], key: str) -> str:
    """`… 5 function and 2 data members not set (. shows)`."""
    functions = sum(value.member.kind == "func" for value in unset)
    counts = {"function": functions, "data": len(unset) - functions}
    parts = " and ".join(f"{count} {kind}" for kind, count in counts.items() if count)
    return f"… {parts} member{'s' * (len(unset) != 1)} not set ({key} shows)"


class MemberTable(DetailTable):
    """The members that are set, in the struct's order; those not set on demand."""

    COLUMNS = BASIC
    MARKS = frozenset({"holds"})
    HELP = """The members of the selected map's struct. `*` marks one that the subsystem demands. A
function member shows its C prototype and the program behind it: Enter opens that.
`{count_runs}` counts calls."""

    def __init__(self, unset_key: str, id: str) -> None:  # noqa: A002 (Textual's name)
        super().__init__(id=id)
        self._unset_key = unset_key
        self._show_unset = False

    def toggle_unset(self) -> None:
        """Show or hide the members that are not set; takes effect with the next `see`."""
        self._show_unset = not self._show_unset

    def update_facts(self, facts: MapFacts) -> None:
        """Show a line for each member."""
        self.show_columns(BASIC if facts.rates is None else COUNTED)
        members = facts.map.members
        shown = [value for value in members if value.is_set or self._show_unset]
        rows = [member_row(value, facts.programs, facts.rates) for value in shown]
        if hidden := [value for value in members if not value.is_set and not self._show_unset]:
            rows.append(Row(UNSET, (Span(unset_text(hidden, self._unset_key), "dim"),)))
        self.empty = facts.map.problem
        self.show_rows(rows)
