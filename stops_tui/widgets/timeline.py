"""The line of a recording: where one is in it, and where something happens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rich.style import Style
from rich.text import Text
from textual import events
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from stops_tui.actions import actions_of
from stops_tui.config.keys import key_text
from stops_tui.widgets.palette import Palette, palette

WIDE = 100
"""Columns from which on there is room for keys."""
HERE, CHANGE = "●", "◆"
PAST, FUTURE = "━┿", "─┼"
"""Where nothing happens, and where only a reference count changes."""


class Played(NamedTuple):
    """How far it is.

    Attributes:
        position: Seconds from the beginning.
        length: Seconds from beginning to end.
        speed: Times as fast as life.
        playing: Whether it moves.
    """

    position: float = 0.0
    length: float = 0.0
    speed: float = 1.0
    playing: bool = False


class Mark(NamedTuple):
    """Something happens at `position`; `strong`: more than a reference count changes."""

    position: float
    strong: bool


def clock_text(seconds: float) -> str:
    """`01:10`, `1:02:03`."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute:02}:{second:02}"


class Timeline(Widget):
    """`▶ 4x  01:10 ━━━━◆━━━●───◆──┼─── 05:00`; a click goes there.

    Attributes:
        played: How far it is.
        marks: Where something happens, by position.
    """

    DEFAULT_CSS = "Timeline { height: 1; padding: 0 1; background: $panel; }"
    played: reactive[Played] = reactive(Played())
    marks: reactive[Sequence[Mark]] = reactive(())

    class Sought(Message):
        """Somebody wants to be at `position`."""

        def __init__(self, position: float) -> None:
            super().__init__()
            self.position = position

    def __init__(self, keys: Mapping[str, str]) -> None:
        """With the configured keys, which it tells where there is room."""
        super().__init__()
        self._keys = keys
        self._placed: dict[int, bool] = {}
        self._placed_for: tuple[int, float, Sequence[Mark]] = (0, 0.0, ())

    def render(self) -> Text:
        """Paint it as long as there is room."""
        styles = palette(self.app)
        played = self.played
        line = Text(no_wrap=True, overflow="crop", end="")
        line.append(self._before, styles["strong"])
        cells = self._cells()
        here, marks = self._column(played.position, cells), self._marked(cells)
        for column in range(cells):
            line.append(*_cell(column, here, marks.get(column), styles))
        line.append(f" {clock_text(played.length)}")
        line.append(self._hints, styles["dim"])
        return line

    @property
    def _before(self) -> str:
        played = self.played
        state = f"▶ {played.speed:g}x" if played.playing else "paused"
        return f"{state:<7} {clock_text(played.position):>7} "

    @property
    def _hints(self) -> str:
        """The keys that move it, where there is room for them."""
        if self.size.width < WIDE:
            return ""
        back, on, before, after = (key_text(each, self._keys) for each in actions_of("replay"))
        return f"  {back} {on} 10 s  {before} {after} event"

    def _cells(self) -> int:
        length = len(clock_text(self.played.length)) + 1
        return max(1, self.size.width - len(self._before) - length - len(self._hints))

    def _marked(self, cells: int) -> Mapping[int, bool]:
        """The columns that have marks, and whether a strong one: not sought anew at each tick."""
        wanted = cells, self.played.length, self.marks
        if self._placed_for != wanted:
            self._placed, self._placed_for = {}, wanted
            for position, strong in self.marks:
                column = self._column(position, cells)
                self._placed[column] = strong or self._placed.get(column, False)
        return self._placed

    def _column(self, position: float, cells: int) -> int:
        share = position / self.played.length if self.played.length else 1.0
        return min(cells - 1, max(0, int(share * cells)))

    def on_click(self, event: events.Click) -> None:
        """Go where was clicked."""
        offset = event.get_content_offset(self)
        cells = self._cells()
        column = offset.x - len(self._before) if offset else -1
        if 0 <= column < cells:
            share = column / max(1, cells - 1)
            self.post_message(self.Sought(share * self.played.length))


def _cell(column: int, here: int, strong: bool | None, styles: Palette) -> tuple[str, Style]:
    if column == here:
        return HERE, styles["accent"] + styles["strong"]
    if strong:
        return CHANGE, styles["warn"]
    marked = strong is not None
    return (PAST[marked], styles["accent"]) if column < here else (FUTURE[marked], styles["dim"])
