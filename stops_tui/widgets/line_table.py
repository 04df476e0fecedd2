"""A table that paints lines, not cells: one changed row among a thousand costs one line."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from time import monotonic
from typing import ClassVar

from rich.cells import set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from stops_tui.widgets.columns import (
    AnyRow,
    Cell,
    Column,
    Fitted,
    LateRow,
    Row,
    Span,
    clip,
    fit,
    spans_of,
)
from stops_tui.widgets.palette import TERMINAL, palette

__all__ = ["Cell", "Column", "LateRow", "LineTable", "Row", "Span"]

GUTTER = 2
"""Cells left of the first column: the cursor's mark and a blank."""
MARK_SECONDS = 4.0
"""How long a changed cell stays marked."""
MARK = "•"
NARROW = 90
"""Below this width one blank stands between columns, else two."""


def line(segments: Sequence[Segment], width: int, style: Style) -> Strip:
    """Segments as a line of `width` cells, with as few changes of style as can be."""
    strip = Strip([segment for segment in segments if segment.text])
    return strip.adjust_cell_length(width, style).simplify()


class LineTable(ScrollView, can_focus=True):
    """Rows under a fixed header, with a cursor that follows a row's key, never its place.

    Give it all rows each time with `show_rows`; it repaints what differs. A cell that changed in a
    column of `marks` is marked by a glyph and a colour for a few seconds.
    """

    COLUMNS: ClassVar[Sequence[Column]] = ()
    MARKS: ClassVar[frozenset[str]] = frozenset()
    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "step(-1)", "Up", show=False),
        Binding("down", "step(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home", "edge(-1)", "First", show=False),
        Binding("end", "edge(1)", "Last", show=False),
        Binding("enter", "choose", "Open", show=False),
    ]
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
        self._above = 1 if header else 0  # lines above the first row
        self.gap = 2
        self.cursor_key: Hashable | None = None
        self._rows: list[AnyRow] = []
        self._index: dict[Hashable, int] = {}
        self._fitted: tuple[Fitted, ...] = ()
        self._hover: int | None = None
        self._marked: dict[tuple[Hashable, str], float] = {}
        self._unmarking = False
        self._notes: dict[str, str] = {}
        self._palette, self._base = TERMINAL, Style()  # as of the last painting

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
            self.refresh(Region(0, 0, self.size.width, self._above))

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
        self.virtual_size = Size(self.size.width, len(self._rows) + self._above)
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
                self._refresh_row(i)

    # Marks of what changed

    def _mark_changed(self, rows: Sequence[AnyRow]) -> None:
        until = monotonic() + MARK_SECONDS
        for new in rows:
            at = self._index.get(new.key)
            if at is None or (old := self._rows[at]) is new:
                continue
            for column, was, now in zip(self.columns, old.cells, new.cells, strict=False):
                if was != now and column.key in self.MARKS:
                    self._marked[new.key, column.key] = until
        self._unmark_later()

    def clear_marks(self) -> None:
        """Forget what changed."""
        self._marked.clear()

    def _unmark_later(self) -> None:
        if self._marked and not self._unmarking:
            self._unmarking = True
            self.set_timer(max(0.1, min(self._marked.values()) - monotonic()), self._unmark)

    def _unmark(self) -> None:
        self._unmarking = False
        now = monotonic() + 0.1
        for key, column in [what for what, until in self._marked.items() if until <= now]:
            del self._marked[key, column]
            if key in self._index:
                self._refresh_row(self._index[key])
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
            self._refresh_row(self.cursor_index)

    def on_resize(self) -> None:
        """Fit the columns to the new width, and keep the cursor in sight."""
        self._fit()
        if self.cursor_index is not None:
            self._scroll_into_view(self.cursor_index)

    def _fit(self) -> None:
        self._fit_columns()
        width = self.scrollable_content_region.width
        self.virtual_size = Size(width, len(self._rows) + self._above)

    def _fit_columns(self) -> None:
        width = self.scrollable_content_region.width
        self.gap = 1 if width < NARROW else 2
        self._fitted = fit(self.columns, max(width - GUTTER, 0), self.gap)

    def _refresh_row(self, at: int) -> None:
        """Repaint a row, if it is on the screen."""
        y = at - self.scroll_offset.y + self._above
        if self._above <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    def render_lines(self, crop: Region) -> list[Strip]:
        """Paint; the first time comes before the first size is told."""
        self._palette, self._base = palette(self.app), self.rich_style
        if not self._fitted:
            self._fit_columns()
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """Paint one line of the viewport."""
        width = self.size.width
        if y < self._above:
            return self._header(self._base, width)
        at = y - self._above + self.scroll_offset.y
        if at < len(self._rows):
            return self._line(at, self._base, width)
        return self._below(y, self._base, width)

    def _below(self, y: int, base: Style, width: int) -> Strip:
        """A line under the last row: blank, or the text of an empty table."""
        text = ""
        if not self._rows:
            lines = self.empty.split("\n")
            text = lines[y - 2] if 2 <= y < len(lines) + 2 else ""
        segments = [Segment(" " * GUTTER, base), Segment(text, base + self._palette["dim"])]
        return line(segments, width, base)

    def _header(self, base: Style, width: int) -> Strip:
        style = base + self._palette["header"]
        segments = [Segment(" " * GUTTER, style)]
        for n, (_, column, room) in enumerate(self._fitted):
            label = f"{column.label}{self._notes.get(column.key, '')}"
            gap = self.gap if n else 0
            if column.right:  # a sort arrow may take a cell of the gap
                text = label.rjust(gap + room)[-gap - room :]
            else:
                text = " " * gap + set_cell_size(label, room)
            segments.append(Segment(text, style))
        return line(segments, width, style)

    def _line(self, at: int, base: Style, width: int) -> Strip:
        row = self._rows[at]
        here = row.key == self.cursor_key
        if here:
            base += self._palette["cursor" if self.has_focus else "far_cursor"]
        elif at == self._hover:
            base += self._palette["hover"]
        segments = [Segment("▶ " if here else "  ", base)]
        if len(row.cells) == 1 and len(self.columns) > 1:
            spans, _ = clip(spans_of(row.cells[0]), max(width - GUTTER, 1))
            segments += self._painted(spans, base)
        else:
            for n, fitted in enumerate(self._fitted):
                segments += self._cell(row, fitted, self.gap if n else 0, base)
        return line(segments, width, base)

    def _cell(self, row: AnyRow, fitted: Fitted, gap: int, base: Style) -> list[Segment]:
        place, column, room = fitted
        spans, used = clip(spans_of(row.cells[place]), room)
        pad = room - used
        before, after = gap + pad * column.right, pad * (not column.right)
        painted = self._painted(spans, base)
        if (row.key, column.key) in self._marked:
            mark = base + self._palette["mark"]
            painted = [Segment(text, style + mark) for text, style, _ in painted if style]
            if before:
                before -= 1
                painted.insert(0, Segment(MARK, mark))
        return [Segment(" " * before, base), *painted, Segment(" " * after, base)]

    def _painted(self, spans: Sequence[Span], base: Style) -> list[Segment]:
        if base.reverse:  # colours would become patches of background
            return [Segment(text, base) for text, _ in spans if text]
        return [Segment(text, base + self._palette[tone]) for text, tone in spans if text]

    # The cursor

    def move_cursor(self, key: Hashable) -> None:
        """Put the cursor on the row with this key, if there is one, and scroll to it."""
        if key in self._index:
            self._go(self._index[key])

    def _go(self, at: int) -> None:
        if not self._rows:
            return
        at = max(0, min(at, len(self._rows) - 1))
        before = self.cursor_index
        if at != before:
            self.cursor_key = self._rows[at].key
            if before is not None:
                self._refresh_row(before)
            self._refresh_row(at)
            self.post_message(self.Highlighted(self, self.cursor_key))
        self._scroll_into_view(at)

    def _scroll_into_view(self, at: int) -> None:
        top, page = self.scroll_offset.y, self._page
        if at < top:
            self.scroll_to(y=at, animate=False)
        elif at >= top + page:
            self.scroll_to(y=at - page + 1, animate=False)

    @property
    def _page(self) -> int:
        """How many rows are seen at once."""
        return max(self.scrollable_content_region.height - self._above, 1)

    def action_step(self, by: int) -> None:
        """Move the cursor by rows."""
        self._go((self.cursor_index or 0) + by)

    def action_page(self, by: int) -> None:
        """Move the cursor by pages."""
        self._go((self.cursor_index or 0) + by * self._page)

    def action_edge(self, way: int) -> None:
        """Move the cursor to the first or the last row."""
        self._go(0 if way < 0 else len(self._rows) - 1)

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
        if offset.y < self._above:
            return -1
        at = offset.y - self._above + self.scroll_offset.y
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
                    self._refresh_row(line)
            self._hover = at

    def on_click(self, event: events.Click) -> None:
        """A click puts the cursor there, or opens the cursor's row; on the header it sorts."""
        at = self._row_at(event)
        if at == -1:
            self._click_header(event)
        elif at is not None and at == self.cursor_index:
            self.action_choose()
        elif at is not None:
            self._go(at)

    def _click_header(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        right = GUTTER
        for _, column, room in self._fitted:
            right += room + self.gap
            if offset is not None and offset.x < right:
                self.post_message(self.HeaderClicked(self, column.key))
                return
