"""What happened since the start: to the maps, and what was sent to change the kernel."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Static

from stops_tui.actions import Where
from stops_tui.kernels.writes import Call
from stops_tui.screens.base import StopsScreen
from stops_tui.struct_ops.text import printable
from stops_tui.widgets.command_table import CommandTable, command_line
from stops_tui.widgets.detail_bar import DetailBar, tabs_of
from stops_tui.widgets.event_strip import event_text
from stops_tui.widgets.event_table import AllEvents
from stops_tui.widgets.keys import bindings
from stops_tui.widgets.line_table import LineTable

LISTS = {"all_events": "Events", "commands": "Command log"}
"""The tabs: the action that shows each, and its label."""


class EventsScreen(StopsScreen):
    """Two lists; Enter goes to the map of an event."""

    WHERE: ClassVar[Where] = "events"
    BINDINGS: ClassVar[list[BindingType]] = bindings("events")
    DEFAULT_CSS = """
    EventsScreen {
        & > LineTable { height: 1fr; }
        & > #whole { height: auto; max-height: 5; padding: 0 2; color: $text-muted; }
    }
    """

    def body(self) -> ComposeResult:
        """The tabs, the lists, and the whole of a command."""
        yield DetailBar(tabs_of(LISTS, self.facts.config.keys))
        for table, title in (
            (AllEvents(), "Events since the start"),
            (CommandTable("commands"), "What was sent to change the kernel"),
        ):
            table.add_class("box")
            table.border_title = title
            yield table
        yield Static(id="whole", markup=False)

    def on_mount(self) -> None:
        """Follow the snapshots and the commands."""
        self.watch(self.app, "snapshot", self._show)
        self.watch(self.app, "commands", self._show_commands)
        self.action_all_events()

    @property
    def _events(self) -> AllEvents:
        return self.query_one(AllEvents)

    @property
    def _commands(self) -> CommandTable:
        return self.query_one(CommandTable)

    def on_screen_resume(self) -> None:
        """What happened while it was covered."""
        self._show()

    def _show(self) -> None:
        if self.is_active:
            self._events.show_events(self.facts.history.events)

    def _show_commands(self) -> None:
        self._commands.show_commands(self.facts.commands)

    # The lists

    def action_all_events(self) -> None:
        """Show the events."""
        self._turn_to("all_events")

    def action_commands(self) -> None:
        """Show the command log."""
        self._turn_to("commands")

    def _turn_to(self, which: str) -> None:
        bar = self.query_one(DetailBar)
        bar.active, bar.crumbs = which, "since the start"
        events = which == "all_events"
        self._events.display, self._commands.display = events, not events
        self.query_one("#whole").display = not events
        (self._events if events else self._commands).focus()

    @on(DetailBar.Picked)
    def _pick(self, message: DetailBar.Picked) -> None:
        self._turn_to(message.action)

    @on(LineTable.Highlighted, "#commands")
    def _show_whole(self) -> None:
        """Show the whole of the command at the cursor: a line has no room for it."""
        call = self._command
        self.query_one("#whole", Static).update(command_line(call) if call else "")

    @property
    def _command(self) -> Call | None:
        key = self._commands.cursor_key
        return self.facts.commands[key[0]] if isinstance(key, tuple) else None

    @on(LineTable.Chosen)
    def action_show_map(self) -> None:
        """Go to the map of the chosen event."""
        key = self._events.cursor_key
        if self._events.display and isinstance(key, tuple):
            self.facts.show_map(key[0])

    # The clipboard

    def action_copy_command(self) -> None:
        """Copy the event or the command at the cursor."""
        lines = self._lines()
        at = (self._events if self._events.display else self._commands).cursor_index
        if at is not None and lines:
            self._copy([lines[at]])

    def action_copy_commands(self) -> None:
        """Copy all of them."""
        self._copy(self._lines())

    def _lines(self) -> list[str]:
        """What is listed, as text, in the order it is shown."""
        if not self._events.display:
            return [command_line(call) for call in reversed(self.facts.commands)]
        return [printable(event_text(event).plain) for event in reversed(self.facts.history.events)]

    def _copy(self, lines: list[str]) -> None:
        if lines:
            self.app.copy_to_clipboard("\n".join(lines))
            self.notify(f"Copied {len(lines)} line{'s' * (len(lines) != 1)}.")
