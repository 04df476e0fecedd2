"""A table that paints lines, not cells: one changed row among a thousand costs one line."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from time import monotonic
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip

from stops_tui.widgets.columns import AnyRow, Cell, Column, LateRow, Row, Span, fit
from stops_tui.widgets.line_scroll import LineScroll
from stops_tui.widgets.marks import Marks
from stops_tui.widgets.palette import palette
from stops_tui.widgets.row_paint import GUTTER, Look, Paint

__all__ = ["Cell", "Column", "LateRow", "LineTable", "Row", "Span"]

NARROW = 90
"""Below this width one blank stands between columns, else two."""


class LineTable(LineScroll):
    """Rows under a fixed header, with a cursor that follows a row's key, never its place.

    Give it all rows each time with `show_rows`; it repaints what differs. A cell that changed in a
    column of `marks` is marked by a glyph and a colour for a few seconds.
    """

    COLUMNS: ClassVar[Sequence[Column]] = ()
    MARKS: ClassVar[frozenset[str]] = frozenset()
    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "choose", "Open", show=False)]
    DEFAULT_CSS = """
    LineTable { overflow-x: hidden; scrollbar-size-vertical: 1; scrollbar-gutter: stable; }
    """

    class TableMessage(Message):
        """Something about one row of a table.

        Attributes:
            table: Which table.
            key: The row's key; None where there is no row.
        """

        def __init__(self, table: LineTable, key: Hashable | None) -> None:
            super().__init__()
            self.table = table
            self.key = key

        @property
        def control(self) -> LineTable:
            """The table, for `@on` selectors."""
            return self.table

    class Highlighted(TableMessage):
        """The cursor came to another row, or to none."""

    class Chosen(TableMessage):
        """A row was opened, by Enter or by a click on the cursor's row."""

        def can_replace(self, message: Message) -> bool:
            """Two Enters in one read open it once."""
            return isinstance(message, LineTable.Chosen) and message.key == self.key

    class HeaderClicked(Message):
        """The header of a column was clicked."""

        def __init__(self, table: LineTable, column: str) -> None:
            super().__init__()
            self.table = table
            self.column = column

        @property
        def control(self) -> LineTable:
            """The table, for `@on` selectors."""
            return self.table

    def __init__(
        self,
        columns: Sequence[Column] | None = None,
        *,
        empty: str = "",
        header: bool = True,
        id: str | None = None,  # noqa: A002 (Textual's name)
    ) -> None:
        super().__init__(id=id)
        self.columns: tuple[Column, ...] = tuple(self.COLUMNS if columns is None else columns)
        self.empty = empty
        self.above = 1 if header else 0
        self.cursor_key: Hashable | None = None
        self._rows: list[AnyRow] = []
        self._index: dict[Hashable, int] = {}
        self._paint = Paint()  # as of the last time
        self._hover: int | None = None
        self._marks = Marks(self.MARKS)
        self._unmarking = False
        self._notes: dict[str, str] = {}

    # What it shows

    @property
    def rows(self) -> Sequence[AnyRow]:
        """The rows, in order."""
        return self._rows

    @property
    def cursor_index(self) -> int | None:
        """Where the cursor's row is at the moment."""
        return self._index.get(self.cursor_key) if self.cursor_key is not None else None

    def show_columns(self, columns: Sequence[Column]) -> None:
        """Show other columns; rows given from now on have a cell for each."""
        if tuple(columns) != self.columns:
            self.columns = tuple(columns)
            self._fit()
            self.refresh()

    def annotate_header(self, notes: Mapping[str, str]) -> None:
        """Put a text behind the labels of some columns, like the arrow of a sort order."""
        if dict(notes) != self._notes:
            self._notes = dict(notes)
            self.refresh(Region(0, 0, self.size.width, self.above))

    def show_rows(self, rows: Sequence[AnyRow], mark: bool = True) -> None:
        """Show these rows; what is equal to before is not painted again.

        The cursor stays on its key. If that row is gone, it goes to the next one that
        stayed, or else to the one in its place.

        Args:
            rows: All rows, in order.
            mark: Whether to mark what differs: not where it is the view that changed.
        """
        if mark and self.MARKS:
            self._mark_changed(rows)
        before, self._rows = self._rows, list(rows)
        pairs = zip(before, rows, strict=False)
        differ = [i for i, (old, new) in enumerate(pairs) if old is not new]
        if len(before) == len(rows) and all(before[i].key == rows[i].key for i in differ):
            self._repaint_changed(before, differ)
            return
        old_index, self._index = self._index, {row.key: i for i, row in enumerate(self._rows)}
        at = self._settle_cursor(before, old_index)
        self.virtual_size = Size(self.size.width, len(self._rows) + self.above)
        if at is not None and self.cursor_index is not None:
            self.scroll_to(y=self.scroll_offset.y + self.cursor_index - at, animate=False)
        self.refresh()

    def _settle_cursor(
        self, before: Sequence[AnyRow], old_index: Mapping[Hashable, int]
    ) -> int | None:
        """Find the cursor a row and tell if it is another one; return where it was."""
        key = self.cursor_key
        at = old_index.get(key) if key is not None else None
        if key in self._index:
            return at
        self.cursor_key = self._next_to(before, at or 0) if self._rows else None
        if key is not None or self.cursor_key is not None:
            self.post_message(self.Highlighted(self, self.cursor_key))
        return None

    def _next_to(self, before: Sequence[AnyRow], at: int) -> Hashable:
        """The key of the first row from there on that stayed; else of the one in its place."""
        stayed = (row.key for row in before[at:] if row.key in self._index)
        return next(stayed, self._rows[min(at, len(self._rows) - 1)].key)

    def _repaint_changed(self, before: Sequence[AnyRow], differ: Iterable[int]) -> None:
        for i in differ:
            if before[i].cells != self._rows[i].cells:
                self.refresh_line_at(i)

    # Marks of what changed

    def _mark_changed(self, rows: Sequence[AnyRow]) -> None:
        now = monotonic()
        for new in rows:
            at = self._index.get(new.key)
            if at is not None and (old := self._rows[at]) is not new:
                self._marks.note(self.columns, old, new, now)
        self._unmark_later()

    def clear_marks(self) -> None:
        """Forget what changed."""
        self._marks.clear()

    def _unmark_later(self) -> None:
        if not self._unmarking and (wait := self._marks.wait(monotonic())) is not None:
            self._unmarking = True
            self.set_timer(wait, self._unmark)

    def _unmark(self) -> None:
        self._unmarking = False
        for key in self._marks.expire(monotonic()):
            if key in self._index:
                self.refresh_line_at(self._index[key])
        self._unmark_later()

    # Painting

    def on_focus(self) -> None:
        """The cursor's row looks different now."""
        self._refresh_cursor()

    def on_blur(self) -> None:
        """The cursor's row looks different now."""
        self._refresh_cursor()

    def _refresh_cursor(self) -> None:
        if self.cursor_index is not None:
            self.refresh_line_at(self.cursor_index)

    def on_resize(self) -> None:
        """Fit the columns to the new width, and keep the cursor in sight."""
        self._fit()
        if self.cursor_index is not None:
            self.scroll_into_view(self.cursor_index)

    def _fit(self) -> None:
        self._fit_columns()
        width = self.scrollable_content_region.width
        self.virtual_size = Size(width, len(self._rows) + self.above)

    def _fit_columns(self) -> None:
        width = self.scrollable_content_region.width
        gap = 1 if width < NARROW else 2
        fitted = fit(self.columns, max(width - GUTTER, 0), gap)
        self._paint = self._paint._replace(fitted=fitted, gap=gap)

    def render_lines(self, crop: Region) -> list[Strip]:
        """Paint; the first time comes before the first size is told."""
        if not self._paint.fitted:
            self._fit_columns()
        styles, base, width = palette(self.app), self.rich_style, self.size.width
        self._paint = self._paint._replace(palette=styles, base=base, width=width)
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """Paint one line of the viewport."""
        paint = self._paint
        if y < self.above:
            return paint.header(self._notes)
        at = y - self.above + self.scroll_offset.y
        if at >= len(self._rows):
            return paint.text(self._text_at(y))
        row, look = self._rows[at], self._look(at)
        if len(row.cells) == 1 and len(self.columns) > 1:
            return paint.note(row, look)
        return paint.row(row, look, self._marks)

    def _look(self, at: int) -> Look:
        if self._rows[at].key == self.cursor_key:
            return "cursor" if self.has_focus else "far_cursor"
        return "hover" if at == self._hover else "plain"

    def _text_at(self, y: int) -> str:
        """What is told beneath the last row: nothing, or a line on why there is none."""
        lines = [] if self._rows else self.empty.split("\n")
        return lines[y - 2] if 2 <= y < len(lines) + 2 else ""

    # The cursor

    def move_cursor(self, key: Hashable) -> None:
        """Put the cursor on the row with this key, if there is one, and scroll to it."""
        if key in self._index:
            self.go_to(self._index[key])

    @property
    def cursor_line(self) -> int:
        """The place of the cursor's row; that of the first if there is no cursor."""
        return self.cursor_index or 0

    @property
    def line_count(self) -> int:
        """How many rows there are."""
        return len(self._rows)

    def go_to(self, at: int) -> None:
        """Put the cursor on the row at this place, or on the nearest there is."""
        if not self._rows:
            return
        at = max(0, min(at, len(self._rows) - 1))
        before = self.cursor_index
        if at != before:
            self.cursor_key = self._rows[at].key
            if before is not None:
                self.refresh_line_at(before)
            self.refresh_line_at(at)
            self.post_message(self.Highlighted(self, self.cursor_key))
        self.scroll_into_view(at)

    def action_choose(self) -> None:
        """Open the row under the cursor."""
        if self.cursor_index is not None:
            self.post_message(self.Chosen(self, self.cursor_key))

    # The mouse

    def _row_at(self, event: events.MouseEvent) -> int | None:
        """The row under the mouse; -1 for the header, None for no row."""
        offset = event.get_content_offset(self)
        if offset is None:
            return None
        if offset.y < self.above:
            return -1
        at = offset.y - self.above + self.scroll_offset.y
        return at if at < len(self._rows) else None

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Show the row under the mouse."""
        self._hover_over(self._row_at(event))

    def on_leave(self) -> None:
        """The mouse is elsewhere."""
        self._hover_over(None)

    def _hover_over(self, at: int | None) -> None:
        if at != self._hover:
            for line in (self._hover, at):
                if line is not None and line >= 0:
                    self.refresh_line_at(line)
            self._hover = at

    def on_click(self, event: events.Click) -> None:
        """A click puts the cursor there, or opens the cursor's row; on the header it sorts."""
        at = self._row_at(event)
        if at == -1:
            self._click_header(event)
        elif at is not None and at == self.cursor_index:
            self.action_choose()
        elif at is not None:
            self.go_to(at)

    def _click_header(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        column = self._paint.column_at(offset.x) if offset is not None else None
        if column:
            self.post_message(self.HeaderClicked(self, column))
