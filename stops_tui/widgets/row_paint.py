"""How the lines of a table are painted: its header, its rows, and the text of an empty one."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Literal

from rich.cells import set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from stops_tui.record import Record
from stops_tui.widgets.columns import AnyRow, Fitted, Span, clip, spans_of
from stops_tui.widgets.marks import Place
from stops_tui.widgets.palette import TERMINAL, Palette

GUTTER = 2
"""Cells left of the text: the cursor's mark and a blank."""
MARK = "•"

Look = Literal["plain", "hover", "far_cursor", "cursor"]
"""How a row stands out, as `palette` names it."""


def gutter(here: bool) -> str:
    """What stands left of a line, on which the cursor is or is not."""
    return "▶ " if here else "  "


class Paint(Record):
    """What the lines of one table are painted with.

    Attributes:
        fitted: The columns that are shown, and the room that each has.
        gap: Cells between two columns.
        width: Cells of a line.
        palette: The styles by name.
        base: What they are laid upon.
    """

    fitted: tuple[Fitted, ...] = ()
    gap: int = 2
    width: int = 0
    palette: Palette = TERMINAL
    base: Style = Style()

    def header(self, notes: Mapping[str, str]) -> Strip:
        """The labels of the columns, behind some of them a note."""
        style = self.base + self.palette["header"]
        segments = [Segment(" " * GUTTER, style)]
        for n, (_, column, room) in enumerate(self.fitted):
            label = f"{column.label}{notes.get(column.key, '')}"
            gap = self.gap if n else 0
            if column.right:  # a sort arrow may take a cell of the gap
                text = label.rjust(gap + room)[-gap - room :]
            else:
                text = " " * gap + set_cell_size(label, room)
            segments.append(Segment(text, style))
        return self._line(segments, style)

    def row(self, row: AnyRow, look: Look, marked: Container[Place]) -> Strip:
        """A row by its cells, those that are marked with a glyph before them."""
        base = self.base + self.palette[look]
        segments = [Segment(gutter("cursor" in look), base)]
        for n, fitted in enumerate(self.fitted):
            segments += self._cell(row, fitted, self.gap if n else 0, base, marked)
        return self._line(segments, base)

    def note(self, row: AnyRow, look: Look) -> Strip:
        """A row whose single cell spans the line."""
        base = self.base + self.palette[look]
        spans, _ = clip(spans_of(row.cells[0]), max(self.width - GUTTER, 1))
        return self._line(
            [Segment(gutter("cursor" in look), base), *self._painted(spans, base)], base
        )

    def text(self, text: str) -> Strip:
        """A line under the last row."""
        dim = self.base + self.palette["dim"]
        return self._line([Segment(" " * GUTTER, self.base), Segment(text, dim)], self.base)

    def column_at(self, x: int) -> str | None:
        """The key of the column whose header is there."""
        right = GUTTER
        for _, column, room in self.fitted:
            right += room + self.gap
            if x < right:
                return column.key
        return None

    def _cell(
        self, row: AnyRow, fitted: Fitted, gap: int, base: Style, marked: Container[Place]
    ) -> list[Segment]:
        place, column, room = fitted
        spans, used = clip(spans_of(row.cells[place]), room)
        pad = room - used
        before, after = gap + pad * column.right, pad * (not column.right)
        painted = self._painted(spans, base)
        if (row.key, column.key) in marked:
            mark = base + self.palette["mark"]
            painted = [Segment(text, style + mark) for text, style, _ in painted if style]
            if before:
                before -= 1
                painted.insert(0, Segment(MARK, mark))
        return [Segment(" " * before, base), *painted, Segment(" " * after, base)]

    def _painted(self, spans: Sequence[Span], base: Style) -> list[Segment]:
        if base.reverse:  # colours would become patches of background
            return [Segment(text, base) for text, _ in spans if text]
        return [Segment(text, base + self.palette[tone]) for text, tone in spans if text]

    def _line(self, segments: Sequence[Segment], style: Style) -> Strip:
        """Segments as a line, with as few changes of style as can be."""
        strip = Strip([segment for segment in segments if segment.text])
        return strip.adjust_cell_length(self.width, style).simplify()
