"""Help: what the focused thing is, all keys, and the words the screens use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from stops_tui.actions import Action
from stops_tui.screens.dialog import Dialog
from stops_tui.widgets.key_help import help_text


class HelpScreen(Dialog[None]):
    """One page to scroll; any of the keys that opened or close it leads back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,q", "leave", "Leave", show=False),
    ]
    DEFAULT_CSS = """
    HelpScreen > .frame {
        width: 100%; max-width: 100; height: 100%; scrollbar-size-vertical: 1; padding: 1 2 0 2;
        & > Static { width: 100%; height: auto; }
    }
    """

    def __init__(
        self,
        about: str,
        actions: Sequence[Action],
        keys: Mapping[str, str],
    ) -> None:
        """As `widgets.key_help.help_text`."""
        super().__init__()
        self._text = help_text(about, actions, keys)

    def compose(self) -> ComposeResult:
        """The page."""
        with VerticalScroll(classes="frame") as page:
            page.border_title = "Help"
            page.border_subtitle = "↑ ↓ scroll · Esc back"
            yield Static(self._text, markup=False)

    def on_mount(self) -> None:
        """Take the focus."""
        self.query_one(VerticalScroll).focus()
