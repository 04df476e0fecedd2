"""The line between a table and one of its rows: which row, and which side of it is shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rich.text import Text
from textual import events
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from stops_tui.actions import action
from stops_tui.config.keys import key_text
from stops_tui.struct_ops.text import printable
from stops_tui.widgets.palette import palette


class Tab(NamedTuple):
    """One side of a map: the action that shows it, its key and its name."""

    action: str
    key: str
    label: str


def tabs_of(labels: Mapping[str, str], keys: Mapping[str, str]) -> list[Tab]:
    """The tabs that actions show, each by its id and its label.

    Args:
        labels: By action id.
        keys: Configured keys by action id.
    """
    return [Tab(id_, key_text(action(id_), keys), label) for id_, label in labels.items()]


class DetailBar(Widget):
    """`58 dctcp › members      1 Members  2 Value  3 Holders  4 Events 3  5 Links & pins`.

    Attributes:
        crumbs: What leads here: `58 dctcp`.
        active: The action of the shown tab.
        counts: How many there are of what a tab shows, by its action; told beside its label.
    """

    DEFAULT_CSS = "DetailBar { height: 1; padding: 0 1; color: $text-muted; }"
    crumbs: reactive[str] = reactive("")
    active: reactive[str] = reactive("members")
    counts: reactive[Mapping[str, int]] = reactive({})

    class Picked(Message):
        """A tab was clicked."""

        def __init__(self, action: str) -> None:
            super().__init__()
            self.action = action

    def __init__(self, tabs: Sequence[Tab]) -> None:
        super().__init__()
        self._tabs = tabs

    def _labels(self) -> list[str]:
        return [f"{tab.label} {self.counts.get(tab.action) or ''}".rstrip() for tab in self._tabs]

    def _starts(self) -> list[int]:
        """Where each tab starts: they stand at the right."""
        widths = [
            len(tab.key) + len(label) + 3
            for tab, label in zip(self._tabs, self._labels(), strict=True)
        ]
        x = max(self.size.width - sum(widths), 0)
        return [x + sum(widths[:n]) for n in range(len(widths))]

    def render(self) -> Text:
        """Paint crumbs and tabs."""
        styles = palette(self.app)
        shown = next((tab.label.lower() for tab in self._tabs if tab.action == self.active), "")
        line = Text(no_wrap=True, overflow="crop", end="")
        starts = self._starts()
        room = max(starts[0] - 1, 0)
        if self.crumbs:
            line.append(printable(self.crumbs), "bold")
            line.append(f" › {shown}" if line.cell_len + len(shown) + 3 <= room else "")
        line.truncate(room, overflow="ellipsis")
        line.pad_right(starts[0] - line.cell_len)
        for tab, label in zip(self._tabs, self._labels(), strict=True):
            here = tab.action == self.active
            line.append(f" {tab.key} ", styles["cursor" if here else "accent"])
            line.append(f"{label} ", styles["cursor" if here else "plain"])
        return line

    def on_click(self, event: events.Click) -> None:
        """Tell which tab was clicked."""
        offset = event.get_content_offset(self)
        for tab, start in zip(reversed(self._tabs), reversed(self._starts()), strict=True):
            if offset is not None and offset.x >= start:
                self.post_message(self.Picked(tab.action))
                return
