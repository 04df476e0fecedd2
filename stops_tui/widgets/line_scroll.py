"""Lines with a cursor that stays in sight: what a table and a listing have in common."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.scroll_view import ScrollView


class LineScroll(ScrollView, can_focus=True):
    """The keys that move the cursor; where it goes is for who inherits to say.

    Attributes:
        above: How many lines stay in place above those that scroll.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "step(-1)", "Up", show=False),
        Binding("down", "step(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home", "edge(-1)", "First", show=False),
        Binding("end", "edge(1)", "Last", show=False),
    ]

    above = 0

    @property
    def cursor_line(self) -> int:
        """The line of the cursor."""
        raise NotImplementedError

    @property
    def line_count(self) -> int:
        """How many lines there are."""
        raise NotImplementedError

    def go_to(self, at: int) -> None:
        """Put the cursor on this line, or on the nearest there is."""
        raise NotImplementedError

    def action_step(self, by: int) -> None:
        """Move the cursor by lines."""
        self.go_to(self.cursor_line + by)

    def action_page(self, by: int) -> None:
        """Move the cursor by pages."""
        self.go_to(self.cursor_line + by * self._page)

    def action_edge(self, way: int) -> None:
        """Move the cursor to the first or the last line."""
        self.go_to(0 if way < 0 else self.line_count - 1)

    @property
    def _page(self) -> int:
        """How many lines are seen at once, above the scrollbar."""
        return max(self.scrollable_content_region.height - self.above, 1)

    def scroll_into_view(self, at: int) -> None:
        """Scroll no further than it takes to see this line."""
        top, page = self.scroll_offset.y, self._page
        if at < top:
            self.scroll_to(y=at, animate=False)
        elif at >= top + page:
            self.scroll_to(y=at - page + 1, animate=False)

    def refresh_line_at(self, at: int) -> None:
        """Paint this line again, if it is on the screen."""
        y = at - self.scroll_offset.y + self.above
        if self.above <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))
