"""All events since the start, on any map."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType

from stops_tui.actions import Where
from stops_tui.screens.base import StopsScreen
from stops_tui.widgets.event_table import AllEvents
from stops_tui.widgets.keys import bindings
from stops_tui.widgets.line_table import LineTable


class EventsScreen(StopsScreen):
    """One list; Enter goes to the map."""

    WHERE: ClassVar[Where] = "events"
    BINDINGS: ClassVar[list[BindingType]] = bindings("events")

    def body(self) -> ComposeResult:
        """The list."""
        table = AllEvents()
        table.add_class("box")
        table.border_title = "Events since the start"
        yield table

    def on_mount(self) -> None:
        """Follow the snapshots."""
        self.watch(self.app, "snapshot", self._show)
        self.query_one(AllEvents).focus()

    def _show(self) -> None:
        self.query_one(AllEvents).show_events(self.facts.history.events)

    @on(LineTable.Chosen)
    def action_show_map(self) -> None:
        """Go to the map of the chosen event."""
        key = self.query_one(AllEvents).cursor_key
        if isinstance(key, tuple):
            self.facts.show_map(key[0])
