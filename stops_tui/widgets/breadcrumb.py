"""The line that says which step of the wizard this is; a click goes to another."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual import events
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from stops_tui.struct_ops.text import printable
from stops_tui.widgets.palette import palette

APART = " › "


class Breadcrumb(Widget):
    """`Register › tcp_congestion_ops › members › data › lifetime › REVIEW`.

    Attributes:
        steps: Every step's key and its label, in order.
        current: The key of the step that is shown.
        reached: How many steps can be gone to, from the first.
    """

    DEFAULT_CSS = "Breadcrumb { height: 1; padding: 0 1; }"
    steps: reactive[Sequence[tuple[str, str]]] = reactive(())
    current: reactive[str] = reactive("")
    reached: reactive[int] = reactive(0)

    class Picked(Message):
        """A step was clicked."""

        def __init__(self, step: str) -> None:
            super().__init__()
            self.step = step

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title

    def _labels(self) -> list[str]:
        return [
            printable(label.upper() if key == self.current else label) for key, label in self.steps
        ]

    def render(self) -> Text:
        """Paint it: the steps to come are dim."""
        styles = palette(self.app)
        line = Text(self._title, styles["strong"], no_wrap=True, overflow="ellipsis", end="")
        for at, ((key, _), label) in enumerate(zip(self.steps, self._labels(), strict=True)):
            tone = "plain" if at < self.reached else "dim"
            if key == self.current:
                tone = "accent"
            line.append(APART, styles["dim"])
            line.append(
                label, styles[tone] + styles["strong"] if tone == "accent" else styles[tone]
            )
        return line

    def on_click(self, event: events.Click) -> None:
        """Tell which step was clicked."""
        offset = event.get_content_offset(self)
        x = len(self._title)
        for (key, _), label in zip(self.steps[: self.reached], self._labels(), strict=False):
            start, x = x + len(APART), x + len(APART) + len(label)
            if offset is not None and start <= offset.x < x:
                self.post_message(self.Picked(key))
                return
