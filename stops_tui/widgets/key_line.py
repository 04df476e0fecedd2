"""The bottom line: the keys that matter here, each a button for the mouse."""

from __future__ import annotations

from collections.abc import Mapping

from rich.text import Text
from textual import events
from textual.reactive import reactive
from textual.widget import Widget

from stops_tui.actions import OF_THE_APP, Action, Where, footer_of
from stops_tui.config.keys import key_text
from stops_tui.widgets.palette import palette

GAP = 2


def scoped(action: Action) -> str:
    """An action as the namespace it is defined in calls it."""
    return f"{'app' if action.where in OF_THE_APP else 'screen'}.{action.id}"


class KeyLine(Widget):
    """As many keys as fit, in the registry's order; a click does what the key does.

    Attributes:
        armed: Whether this program may change the kernel; else what does is dim.
    """

    DEFAULT_CSS = "KeyLine { height: 1; dock: bottom; padding: 0 1; color: $text-muted; }"
    armed: reactive[bool] = reactive(False)

    def __init__(self, where: Where, keys: Mapping[str, str]) -> None:
        super().__init__()
        self._keys = keys
        self._actions = footer_of(where)

    def _fitting(self) -> list[tuple[Action, int]]:
        """The actions there is room for, each with the column where it starts."""
        fitting, x = [], 0
        for action in self._actions:
            end = x + self._width(action)
            if end <= self.size.width:
                fitting.append((action, x))
                x = end + GAP
        return fitting

    def _width(self, action: Action) -> int:
        return len(key_text(action, self._keys)) + 1 + len(action.label)

    def render(self) -> Text:
        """Paint keys and labels."""
        styles = palette(self.app)
        line = Text(no_wrap=True, overflow="crop", end="")
        for action, x in self._fitting():
            line.append(" " * (x - len(line)))
            can = self.armed or not action.writes
            key_style = styles["accent"] + styles["strong"] if can else styles["dim"]
            line.append(key_text(action, self._keys), key_style)
            line.append(f" {action.label}", styles["plain" if can else "dim"])
        return line

    async def on_click(self, event: events.Click) -> None:
        """Do what was clicked."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        for action, x in self._fitting():
            if x <= offset.x < x + self._width(action):
                await self.run_action(scoped(action))
                return
