"""A short list to choose from: the column to sort by, what to copy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from stops_tui.screens.dialog import Dialog
from stops_tui.widgets.line_table import Column, LineTable, Row, Span


class Option(NamedTuple):
    """One thing to choose: its key, its name and what to say beside it."""

    key: str
    label: str
    note: str = ""


class ChooseScreen(Dialog[str]):
    """Options in a box; Enter gives the key of the chosen one, Esc gives nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("q", "leave", "Leave", show=False)]
    DEFAULT_CSS = """
    ChooseScreen > .frame { width: 64; max-width: 90%; max-height: 90%; }
    """

    def __init__(self, title: str, options: Sequence[Option], current: str = "") -> None:
        super().__init__()
        self._title = title
        self._options = options
        self._current = current

    def compose(self) -> ComposeResult:
        """The options as a table."""
        columns = (Column("label", "", 16), Column("note", "", 30, least=10, grow=True))
        table = LineTable(columns, header=False)
        table.add_class("frame")
        table.border_title = self._title
        table.border_subtitle = "Enter chooses · Esc leaves"
        table.styles.height = len(self._options) + 2
        yield table

    def on_mount(self) -> None:
        """Fill the table, the cursor on what is in force."""
        table = self.query_one(LineTable)
        table.show_rows([Row(o.key, (o.label, Span(o.note, "dim"))) for o in self._options])
        table.move_cursor(self._current)
        table.focus()

    @on(LineTable.Chosen)
    def _choose(self, message: LineTable.Chosen) -> None:
        self.dismiss(str(message.key))
