"""A line where a path is typed, completed by Tab as in a shell; beneath it what is there."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import ClassVar, NamedTuple, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.markup import escape
from textual.message import Message
from textual.widgets import Input, Static

from stops_tui.screens.base import Facts
from stops_tui.screens.files import Entry, Listing, above, completed, look, matching, split
from stops_tui.struct_ops.text import bytes_text, printable
from stops_tui.widgets.line_input import LineInput
from stops_tui.widgets.line_table import Column, LineTable, Row, Span


class Known(NamedTuple):
    """A file that is offered wherever one is.

    Attributes:
        path: The whole path.
        entry: What is there now; None where nothing is any more.
    """

    path: str
    entry: Entry | None


class PathBrowser(Vertical):
    """The line keeps the focus: arrows move the cursor of the table, Enter takes its row."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "cursor('step', -1)", "Up", show=False),
        Binding("down", "cursor('step', 1)", "Down", show=False),
        Binding("pageup", "cursor('page', -1)", "Page up", show=False),
        Binding("pagedown", "cursor('page', 1)", "Page down", show=False),
        Binding("tab", "complete", "Complete", show=False),
    ]
    DEFAULT_CSS = """
    PathBrowser {
        height: 1fr;
        & > Input { height: 1; border: none; padding: 0 2; background: $boost; }
        & > #said { height: auto; max-height: 4; padding: 0 2; color: $text-warning; }
        & > LineTable { height: 1fr; }
    }
    """

    class Picked(Message):
        """A file was chosen, or the path of one was typed."""

        def __init__(self, path: str) -> None:
            super().__init__()
            self.path = path

    class Entered(Message):
        """Another folder is shown: its whole path."""

        def __init__(self, path: str) -> None:
            super().__init__()
            self.path = path

    def __init__(
        self, suffix: str, typed: str = "", placeholder: str = "", empty: str = ""
    ) -> None:
        """Begin with a path that was typed already.

        Args:
            suffix: How the names of files end that are shown: ".o".
            typed: The path.
            placeholder: What may be typed.
            empty: What to say of a folder without such a file.
        """
        super().__init__()
        self._suffix = suffix
        self._typed = typed
        self._placeholder = placeholder
        self._empty = empty
        self._known: Sequence[Known] = ()
        self._folder: str | None = None
        self._listing: Listing | None = None  # while the folder is being looked at

    def compose(self) -> ComposeResult:
        """The line, what is wrong with what was typed, what is there."""
        columns = (
            Column("name", "NAME", 40, least=20, grow=True),
            Column("size", "SIZE", 10, right=True, keep=5),
            Column("changed", "CHANGED", 16, keep=4),
        )
        yield LineInput(
            self._typed, placeholder=self._placeholder, compact=True, select_on_focus=False
        )
        yield Static(id="said", markup=False)
        table = LineTable(columns, empty="Looking…")
        table.can_focus = False
        yield table

    def on_mount(self) -> None:
        """Look at the folder."""
        self.query_one(Input).focus()
        self._look()

    def offer(self, known: Sequence[Known]) -> None:
        """Offer these files too, above what is in the folder."""
        self._known = known
        self._show()

    def say(self, problem: str) -> None:
        """Tell what is wrong with the file that was picked; "" for nothing."""
        self.query_one("#said", Static).update(printable(problem, 400))
        self.query_one("#said").display = bool(problem)

    @property
    def typed(self) -> str:
        """What is in the line."""
        return self.query_one(Input).value

    # What is there

    @on(Input.Changed)
    def _look(self) -> None:
        """Look at the folder, if it is another one; and show what in it starts as typed."""
        self.say("")
        folder, _ = split(self.typed)
        if folder == self._folder:
            self._show()
            return
        self._folder, self._listing = folder, None
        cast("Facts", self.app).lookup(
            self, partial(look, folder, self._suffix), partial(self._take, folder)
        )

    def _take(self, folder: str, found: Listing) -> None:
        if folder != self._folder:
            return
        self._listing = found
        table = self.query_one(LineTable)
        table.empty = found.problem or self._empty
        table.refresh()
        self._show()
        self.post_message(self.Entered(found.path))

    def _show(self) -> None:
        """All that goes on from what was typed; the cursor at the first file."""
        folder, start = split(self.typed)
        if self._listing is None:
            return
        entries = matching(self._listing.entries, start)
        here = {folder + entry.name for entry in entries}
        known = [k for k in self._known if self.typed in k.path and k.path not in here]
        rows = [_known_row(each) for each in known]
        if not start and not self._listing.problem:
            rows.append(Row(above(folder), (Span("../", "accent"), "", "")))
        rows += [_row(folder, entry) for entry in entries]
        table = self.query_one(LineTable)
        table.show_rows(rows)
        file = next((folder + entry.name for entry in entries if not entry.is_folder), None)
        first = next((each.path for each in known if each.entry), file)
        table.move_cursor(first or (rows[0].key if rows else None))

    # Keys

    def action_cursor(self, how: str, by: int) -> None:
        """Move the cursor while the focus stays in the line."""
        table = self.query_one(LineTable)
        (table.action_step if how == "step" else table.action_page)(by)

    def action_complete(self) -> None:
        """Type as much as is certain."""
        if self._listing:
            self._type(completed(self.typed, self._listing.entries))

    def _type(self, path: str) -> None:
        line = self.query_one(Input)
        line.value = path
        line.action_end()

    @on(Input.Submitted)
    @on(LineTable.Chosen)
    def _open(self, message: Message) -> None:
        """The file at the cursor, or the one that was typed; a folder is gone into."""
        message.stop()
        at_cursor = self.query_one(LineTable).cursor_key if self._listing else None
        path = str(at_cursor or self.typed)
        if path.endswith("/"):
            self._type(path)
        elif path:
            self.post_message(self.Picked(path))


def _row(folder: str, entry: Entry) -> Row:
    if entry.is_folder:
        return Row(f"{folder}{entry.name}/", (Span(f"{entry.name}/", "accent"), "", ""))
    return Row(folder + entry.name, (entry.name, bytes_text(entry.size), _date(entry.changed)))


def _known_row(known: Known) -> Row:
    folder, name = split(known.path)
    if known.entry is None:
        return Row(known.path, (Span(f"{name}  gone from {folder}", "dim"), "", ""))
    where = (Span(name, "strong"), Span(f"  opened before, in {folder}", "dim"))
    return Row(known.path, (where, bytes_text(known.entry.size), _date(known.entry.changed)))


def _date(changed: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(changed))


def title_of(folder: str) -> str:
    """A folder's path for the border of a box: safe, and short."""
    return escape(printable(folder, 60))
