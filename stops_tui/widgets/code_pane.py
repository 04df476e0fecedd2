"""Code, or the reason why there is none."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widgets import ContentSwitcher, Static

from stops_tui.struct_ops.text import printable
from stops_tui.widgets.code_view import CodeView, Lines


class CodePane(ContentSwitcher):
    """A `CodeView`, behind a text until there is code to show."""

    DEFAULT_CSS = """
    CodePane {
        height: 1fr;
        & > Static { padding: 1 2; width: 100%; height: 1fr; }
        & > CodeView { height: 1fr; }
    }
    """

    def __init__(self, *, id: str) -> None:  # noqa: A002 (Textual's name)
        super().__init__(id=id, initial="told")
        self.view = CodeView(id="view")

    def compose(self) -> ComposeResult:
        """Both; one is seen."""
        yield Static("Reading the code…", id="told", markup=False)
        yield self.view

    def show(self, lines: Lines) -> None:
        """Show the code."""
        self.view.show(lines)
        self.current = "view"

    def tell(self, reason: str) -> None:
        """Say why there is no code."""
        self.query_one("#told", Static).update(printable(reason))
        self.current = "told"
