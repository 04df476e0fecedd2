"""A box to tick whose mark tells its state without colour."""

from __future__ import annotations

from textual.widgets import Checkbox


class TickBox(Checkbox):
    """`[x] label` and `[ ] label`; Textual's own shows the same mark in another colour."""

    BUTTON_LEFT = "["
    BUTTON_RIGHT = "]"
    BUTTON_INNER = " "
    DEFAULT_CSS = """
    TickBox, TickBox:focus, TickBox.-textual-compact:focus {
        width: auto; padding: 0; border: none;
        background: transparent; background-tint: transparent;
        & > .toggle--button { background: transparent; color: $text; text-style: bold; }
        &.-on > .toggle--button { background: transparent; color: $text-success; }
    }
    """

    def __init__(self, label: str, ticked: bool, id: str | None = None) -> None:  # noqa: A002 (Textual's name)
        super().__init__(label, ticked, id=id, compact=True)

    def watch_value(self) -> None:
        """Show the mark that goes with the state."""
        self.BUTTON_INNER = "x" if self.value else " "
        super().watch_value()
