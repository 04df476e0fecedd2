"""A question in a box: what it is about, and the answers, the harmless one first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.console import RenderableType
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.markup import escape
from textual.widgets import Static

from stops_tui.screens.dialog import Dialog
from stops_tui.struct_ops.text import printable
from stops_tui.widgets.button_line import ButtonLine, Do

QUESTION_CSS = """
    & > .frame {
        width: 94%; max-width: 96; height: auto; max-height: 100%; padding: 1 1 0 1;
        & > VerticalScroll {
            height: auto; max-height: 1fr; scrollbar-size-vertical: 1; padding: 0 1;
            & > Static { height: auto; margin: 0 0 1 0; }
        }
    }
"""
"""How a question looks: its text to scroll, its buttons always there."""


class Answer(NamedTuple):
    """One answer: what is given for it, and its label."""

    key: str
    label: str


class AskScreen(Dialog[str]):
    """Gives the key of the chosen answer; Esc, and Enter at first, give the first one's."""

    DEFAULT_CSS = f"AskScreen {{ {QUESTION_CSS} }}"

    def __init__(self, title: str, body: RenderableType, answers: Sequence[Answer]) -> None:
        super().__init__()
        self._title = title
        self._body = body
        self.answers = answers

    def compose(self) -> ComposeResult:
        """The text and the buttons."""
        with Vertical(classes="frame") as box:
            box.border_title = escape(printable(self._title))
            with VerticalScroll(can_focus=False):
                yield Static(self._body, markup=False)
            yield ButtonLine()

    async def on_mount(self) -> None:
        """Offer the answers, the focus on the first."""
        line = self.query_one(ButtonLine)
        await line.offer(
            Do(f"screen.answer({answer.key!r})", answer.label, primary=answer is self.answers[0])
            for answer in self.answers
        )
        line.focus_primary()

    def action_answer(self, key: str) -> None:
        """Give this answer."""
        self.dismiss(key)

    def action_leave(self) -> None:
        """Give the harmless one."""
        self.dismiss(self.answers[0].key)
