"""What the steps of the wizard have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from textual.containers import Vertical
from textual.message import Message

from stops_tui.screens.base import Facts
from stops_tui.screens.register.draft import Draft
from stops_tui.widgets.button_line import ButtonLine, Do

BACK = Do("screen.back", "Back")
SAVE = Do("screen.save_plan", "Save plan")
NEXT = Do("screen.next", "Continue", primary=True)


class Step(Vertical):
    """One step: shows a part of the draft, and changes it at once with each choice."""

    DEFAULT_CSS = "Step { height: 1fr; }"

    class Done(Message):
        """The step has what it needs: go on to the next."""

    class Noted(Message):
        """Something to say beside the buttons."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Offered(Message):
        """The step has other buttons now."""

    def __init__(self, draft: Draft, focus: str = "") -> None:
        """Args: focus: The member to begin with; "" for the first that wants attention."""
        super().__init__()
        self.draft = draft
        self.focus_on = focus

    @property
    def facts(self) -> Facts:
        """What the app knows."""
        return cast("Facts", self.app)

    def buttons(self) -> Sequence[Do]:
        """What stands under the step."""
        return (BACK, SAVE, NEXT)

    def begin(self) -> None:
        """Put the focus where a person goes on: by default the button that continues."""
        self.to_buttons()

    def to_buttons(self) -> None:
        """Put the focus on the button that continues."""
        self.screen.query_one(ButtonLine).focus_primary()

    def go_on(self) -> None:
        """What the button that continues does."""
        self.post_message(self.Done())

    def move(self, by: int) -> None:
        """What the arrow keys do where the focused widget has no use for them."""
        if by > 0:
            self.screen.focus_next()
        else:
            self.screen.focus_previous()
