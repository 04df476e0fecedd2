"""Where a program serves: one row for each member of each map that has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from stops_tui.widgets.columns import widened
from stops_tui.widgets.line_table import Column, LineTable, Row, Span
from stops_tui.widgets.program_facts import Place
from stops_tui.widgets.status import status_span


class PlacesTable(LineTable):
    """One row a place; a row's key is (map id, member index)."""

    HELP = """\
The maps this program serves, and the member it implements in each.

`Enter` shows the map in the explorer."""
    COLUMNS: ClassVar[Sequence[Column]] = (
        Column("id", "MAP", 7, right=True),
        Column("name", "NAME", 15, least=10),
        Column("member", "MEMBER", 28, least=16),
        Column("status", "STATUS", 23, least=22, keep=5),
        Column("refcnt", "REFCNT", 6, right=True, keep=4),
    )

    def show_places(self, places: Sequence[Place]) -> None:
        """Show these places, in the order given."""
        widest = len(str(max((place.map.id for place in places), default=0)))
        self.show_columns(widened(self.columns, {"id": widest}))
        self.show_rows([_row(place) for place in places])


def _row(place: Place) -> Row:
    found, member = place.map, place.member.member
    return Row(
        (found.id, member.index),
        (
            Span(str(found.id), "strong"),
            found.name,
            Span(member.name, "strong"),
            status_span(found.status),
            str(found.refcnt),
        ),
    )
