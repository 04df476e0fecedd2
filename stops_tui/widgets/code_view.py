"""A program's code, line by line: paints only what is on the screen, so length costs nothing."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip

from stops_tui.struct_ops.listing import LineKind, ListingLine
from stops_tui.struct_ops.text import printable
from stops_tui.widgets.line_scroll import LineScroll
from stops_tui.widgets.palette import palette
from stops_tui.widgets.row_paint import GUTTER, gutter

LONGEST = 400
TONES: Mapping[LineKind, str] = {
    "prototype": "strong",
    "label": "accent",
    "source": "good",
    "insn": "plain",
}
"""How each kind of line is painted, as `palette` names it."""


class Lines:
    """A listing prepared for painting and searching; made off the screen's thread."""

    def __init__(self, listing: Sequence[ListingLine] = ()) -> None:
        self.kinds: list[LineKind] = [line.kind for line in listing]
        self.texts = [printable(line.text.expandtabs(), LONGEST) for line in listing]
        self.lowered = [text.lower() for text in self.texts]
        self.width = max(map(cell_len, self.texts), default=0)
        self.sources = {
            index: f"{PurePosixPath(line.file).name}:{line.line}"
            for index, line in enumerate(listing)
            if line.kind == "source" and line.file
        }
        """Where the source lines are from, `cc.c:78`, by index."""

    def __len__(self) -> int:
        return len(self.texts)

    def containing(self, needle: str) -> list[int]:
        """The indices of lines that hold `needle`, whatever its case; none for an empty one."""
        needle = needle.lower()
        return [i for i, text in enumerate(self.lowered) if needle in text] if needle else []

    def source_at(self, index: int) -> str:
        """Where the source of this line is, `cc.c:78`; "" if that is not known."""
        while 0 <= index < len(self) and self.kinds[index] not in ("source", "prototype"):
            index -= 1
        return self.sources.get(index, "")

    def of_kind(self, kind: LineKind) -> list[int]:
        """The indices of lines of this kind."""
        return [i for i, found in enumerate(self.kinds) if found == kind]


class CodeView(LineScroll):
    """Code with a cursor, search, and jumps between functions and source lines."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "page(1)", "Page down", show=False),
        Binding("g", "edge(-1)", "First line", show=False),
        Binding("G", "edge(1)", "Last line", show=False),
        Binding("left", "scroll_left", "Left", show=False),
        Binding("right", "scroll_right", "Right", show=False),
    ]
    DEFAULT_CSS = "CodeView { scrollbar-size-vertical: 1; }"

    cursor: reactive[int] = reactive(0)
    needle: reactive[str] = reactive("")

    class Moved(Message):
        """The cursor is on another line, or something else is searched for."""

        def __init__(self, view: CodeView) -> None:
            super().__init__()
            self.view = view

        @property
        def control(self) -> CodeView:
            """The view, for `@on` selectors."""
            return self.view

        def can_replace(self, message: Message) -> bool:
            """Of several moves, only the last matters."""
            return isinstance(message, CodeView.Moved)

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 (Textual's name for it)
        super().__init__(id=id)
        self._lines = Lines()
        self._matches: list[int] = []

    def show(self, lines: Lines) -> None:
        """Show this code, the cursor on its first line."""
        self._lines = lines
        self._matches = self._lines.containing(self.needle)
        self.virtual_size = Size(self._lines.width + GUTTER, len(self._lines))
        self.cursor = 0
        self.refresh()

    @property
    def line(self) -> str:
        """The text of the line at the cursor; "" without code."""
        return self._lines.texts[self.cursor] if len(self._lines) else ""

    @property
    def text(self) -> str:
        """All of the code."""
        return "\n".join(self._lines.texts)

    # -- moving

    def validate_cursor(self, cursor: int) -> int:
        """Keep the cursor on a line."""
        return max(0, min(cursor, len(self._lines) - 1))

    def watch_cursor(self, before: int, after: int) -> None:
        """Repaint the two lines concerned, and keep the cursor in sight."""
        self.post_message(self.Moved(self))
        for index in (before, after):
            self.refresh_line_at(index)
        self.scroll_into_view(after)

    def on_resize(self) -> None:
        """Keep the cursor in sight."""
        self.scroll_into_view(self.cursor)

    @property
    def cursor_line(self) -> int:
        """The index of the cursor's line."""
        return self.cursor

    @property
    def line_count(self) -> int:
        """How many lines of code there are."""
        return len(self._lines)

    def go_to(self, at: int) -> None:
        """Put the cursor on the line of this index, or on the nearest there is."""
        self.cursor = at

    def jump(self, indices: Sequence[int], direction: int) -> bool:
        """Put the cursor on the next (1) or previous (-1) of these lines; False without one."""
        if direction > 0:
            at = bisect_right(indices, self.cursor)
        else:
            at = bisect_left(indices, self.cursor) - 1
        if not 0 <= at < len(indices):
            return False
        self.cursor = indices[at]
        return True

    def jump_kind(self, kind: LineKind, direction: int) -> bool:
        """Jump to the next or previous line of a kind, "source" or "prototype"."""
        return self.jump(self._lines.of_kind(kind), direction)

    def on_click(self, event: events.Click) -> None:
        """Put the cursor where the mouse is."""
        offset = event.get_content_offset(self)
        if offset is not None:
            self.cursor = self.scroll_offset.y + offset.y

    # -- searching

    def watch_needle(self, needle: str) -> None:
        """Find all matching lines, and go to the first from the cursor on."""
        self._matches = self._lines.containing(needle)
        if self._matches:
            at = bisect_left(self._matches, self.cursor)
            self.cursor = self._matches[at % len(self._matches)]
        self.refresh()
        self.post_message(self.Moved(self))

    def jump_match(self, direction: int) -> None:
        """Go to the next or previous matching line, around the end."""
        if self._matches and not self.jump(self._matches, direction):
            self.cursor = self._matches[0 if direction > 0 else -1]

    @property
    def place(self) -> str:
        """Where the cursor is: `'r0': 2 of 7 · cc.c:78`."""
        parts = [self._search_place(), self._lines.source_at(self.cursor)]
        return printable(" · ".join(part for part in parts if part))

    def _search_place(self) -> str:
        if not self.needle:
            return ""
        at, total = bisect_left(self._matches, self.cursor), len(self._matches)
        if not total:
            return f"{self.needle!r}: not found"
        here = at < total and self._matches[at] == self.cursor
        return f"{self.needle!r}: {at + 1 if here else '–'} of {total:,}"

    # -- painting

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        index = self.scroll_offset.y + y
        width = self.size.width
        if index >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        style = self._line_style(index)
        strip = Strip(self._segments(index, style))
        left = self.scroll_offset.x
        body = strip.crop_extend(left, left + max(width - GUTTER, 0), style)
        return Strip.join([Strip([Segment(gutter(index == self.cursor), style)]), body])

    def _segments(self, index: int, style: Style) -> Iterator[Segment]:
        """The pieces of a line, with what was searched for standing out."""
        text, lowered, needle = self._lines.texts[index], self._lines.lowered[index], self.needle
        match = style + Style(reverse=not style.reverse, bold=True)
        start = 0
        # Lowering may lengthen a text (as it does with İ); such a line is left as it is.
        while needle and len(lowered) == len(text):
            at = lowered.find(needle.lower(), start)
            if at < 0:
                break
            yield Segment(text[start:at], style)
            start = at + len(needle)
            yield Segment(text[at:start], match)
        yield Segment(text[start:], style)

    def _line_style(self, index: int) -> Style:
        styles = palette(self.app)
        if index != self.cursor:
            return self.rich_style + styles[TONES[self._lines.kinds[index]]]
        cursor = styles["cursor" if self.has_focus else "far_cursor"]
        # A reversed line keeps no colour of its own: it would become the background.
        kind = Style() if cursor.reverse else styles[TONES[self._lines.kinds[index]]]
        return self.rich_style + kind + cursor
