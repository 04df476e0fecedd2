"""What all dialogs have in common: a box over a screen, left by Esc, that gives an answer."""

from __future__ import annotations

from typing import ClassVar, TypeVar, cast

from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from stops_tui.screens.base import Facts

T = TypeVar("T")


class Dialog(ModalScreen[T]):
    """A box in the middle, of class `frame`; gives its answer once."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Leave", show=False)]
    DEFAULT_CSS = """
    Dialog {
        align: center middle;
        & > .frame {
            background: $surface; border: round $border;
            border-title-style: bold; border-title-color: $text; border-subtitle-color: $text-muted;
        }
    }
    """

    @property
    def facts(self) -> Facts:
        """What the app knows."""
        return cast("Facts", self.app)

    def dismiss(self, result: T | None = None) -> AwaitComplete:
        """Give this answer, if nothing is on top: Textual would close whatever is.

        Two Enters may come together, and what was looked up for the answer late.
        """
        return super().dismiss(result) if self.is_active else AwaitComplete()

    def action_leave(self) -> None:
        """Give no answer."""
        self.dismiss()


class FileDialog(Dialog[T]):
    """One in which the path of a file is typed."""

    DEFAULT_CSS = """
    FileDialog {
        & > .frame { width: 72; max-width: 96%; height: auto; max-height: 90%; }
        & Input { height: 1; border: none; padding: 0 2; background: $boost; }
        & Static { height: auto; padding: 0 2; color: $text-warning; }
    }
    """
