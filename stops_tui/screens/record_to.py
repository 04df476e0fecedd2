"""Asks where a recording is to be written."""

from __future__ import annotations

import time

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input, Static

from stops_tui.screens.dialog import FileDialog
from stops_tui.screens.files import here
from stops_tui.widgets.line_input import LineInput
from stops_tui.widgets.tick_box import TickBox

SUFFIX = ".stops"

ABOUT = (
    "What the explorer shows from now on, until the key is pressed again; but not who uses a map "
    "inside the kernel: sockets, qdiscs. Who has the file can replay it anywhere: "
    "stops-tui replay FILE."
)


class RecordTo(FileDialog[tuple[str, bool]]):
    """Gives the path, and whether names, paths and code are left out; None: do not record."""

    DEFAULT_CSS = "RecordTo TickBox { margin: 0 2; }"

    def __init__(self, host: str) -> None:
        """With a name for the file made of the host's and the time."""
        super().__init__()
        plain = "".join(c if c.isalnum() else "-" for c in host)[:40]
        self._default = f"{here()}{plain}-{time.strftime('%Y%m%d-%H%M%S')}{SUFFIX}"

    def compose(self) -> ComposeResult:
        """The path, what is left out, and what it is for."""
        with Vertical(classes="frame") as box:
            box.border_title = "Record into"
            box.border_subtitle = "Enter records · Esc leaves"
            yield LineInput(self._default, compact=True)
            yield TickBox("leave out names of host and processes, paths, code", False)
            yield Static(ABOUT, markup=False)

    @on(Input.Submitted)
    def _submit(self, message: Input.Submitted) -> None:
        self.dismiss((message.value, self.query_one(TickBox).value))
