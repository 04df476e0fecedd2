"""What happened since the start, the newest first."""

from __future__ import annotations

from collections.abc import Sequence

from stops_tui.struct_ops.events import Event
from stops_tui.widgets.columns import widened
from stops_tui.widgets.detail import DetailTable
from stops_tui.widgets.event_words import change, clock
from stops_tui.widgets.line_table import Column, LineTable, Row, Span
from stops_tui.widgets.map_facts import MapFacts

MAP_COLUMNS = (
    Column("time", "TIME", 8),
    Column("what", "WHAT", 8),
    Column("change", "CHANGE", 30, least=20, grow=True),
)
ALL_COLUMNS = (
    MAP_COLUMNS[0],
    Column("map", "MAP", 5, right=True),
    Column("name", "NAME", 15, least=10),
    *MAP_COLUMNS[1:],
)


def show_newest_first(table: LineTable, rows: Sequence[Row]) -> None:
    """Show rows given from the oldest on; a cursor on the newest stays on the newest."""
    at_top = not table.cursor_index
    table.show_rows(list(reversed(rows)))
    if at_top:
        table.action_edge(-1)


class MapEvents(DetailTable):
    """What happened to the selected map."""

    COLUMNS = MAP_COLUMNS
    HELP = "What changed on the selected map since the start, the newest first."

    def __init__(self, id: str) -> None:  # noqa: A002 (Textual's name)
        super().__init__(empty="Nothing has happened to this map since the start.", id=id)

    def update_facts(self, facts: MapFacts) -> None:
        """Show a line for each event."""
        rows = [
            Row(
                (event.time, event.what),
                (Span(clock(event.time), "dim"), event.what, change(event)),
            )
            for event in facts.events
        ]
        show_newest_first(self, rows)


class AllEvents(LineTable):
    """What happened to all maps."""

    COLUMNS = ALL_COLUMNS
    HELP = "What changed on any map since the start, the newest first. Enter goes to the map."

    def __init__(self) -> None:
        super().__init__(empty="Nothing has happened since the start.")

    def show_events(self, events: Sequence[Event]) -> None:
        """Show a line for each event."""
        rows = [
            Row(
                (event.map_id, event.time, event.what),
                (
                    Span(clock(event.time), "dim"),
                    Span(str(event.map_id), "strong"),
                    event.map_name,
                    event.what,
                    change(event),
                ),
            )
            for event in events
        ]
        widest = len(str(max((event.map_id for event in events), default=0)))
        self.show_columns(widened(self.columns, {"map": widest}))
        show_newest_first(self, rows)
