"""The buttons at the foot of a step, and beside them what is to be known before pressing one."""

from __future__ import annotations

from asyncio import Lock
from collections.abc import Iterable
from typing import ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Button, Static


class Do(NamedTuple):
    """A button: the action it stands for, and its label.

    Attributes:
        action: As in a binding, "screen.next".
        label: What is written on it.
        primary: Whether Enter is meant for it: it gets the focus.
    """

    action: str
    label: str
    primary: bool = False


class ButtonLine(Horizontal):
    """`a note            [ Back ]  [ Save plan ]  [ Continue ]`; arrows go from one to another."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "app.focus_previous", "Left", show=False),
        Binding("right", "app.focus_next", "Right", show=False),
    ]
    DEFAULT_CSS = """
    ButtonLine {
        height: auto; padding: 0 1;
        & > Static { width: 1fr; height: auto; max-height: 2; color: $text-warning; }
        & > Button {
            width: auto; min-width: 0; height: 1; border: none; margin: 0; padding: 0;
            background: transparent;
            &.-go { text-style: bold; color: $text-accent; }
            &:focus { text-style: bold reverse; }
        }
    }
    """

    def __init__(self) -> None:
        super().__init__()
        self._offering = Lock()

    def compose(self) -> ComposeResult:
        """The note; the buttons come with the step."""
        yield Static(markup=False)

    def note(self, text: str) -> None:
        """Say this beside the buttons."""
        self.query_one(Static).update(text)

    async def offer(self, buttons: Iterable[Do]) -> None:
        """Offer these buttons in place of those before."""
        made = [
            Button(
                Content(f"[ {do.label} ]"),
                action=do.action,
                classes="-go" if do.primary else "",
                compact=True,
            )
            for do in buttons
        ]
        async with self._offering:  # two steps may offer theirs at once
            await self.query(Button).remove()
            await self.mount_all(made)

    def focus_primary(self) -> None:
        """Put the focus on the button that Enter is meant for; else on the first."""
        for button in (self.query(".-go") or self.query(Button)).results(Button):
            button.focus()
            return
