"""What the explorer shows while this kernel has no struct_ops map."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from stops_tui.actions import action
from stops_tui.config.keys import key_text

WHAT = (
    "struct_ops lets BPF programs implement a kernel struct of function pointers: "
    "a TCP congestion control, a CPU scheduler, a qdisc."
)


OFFERED = ("register", "help", "types", "open_object", "demo", "quit")
"""The actions that help where there is nothing to see."""


def empty_text(configured: Mapping[str, str]) -> RenderableType:
    """What struct_ops is, what to press, and how to make a map show up.

    Args:
        configured: Configured keys by action id.
    """
    keys = Table.grid(padding=(0, 2))
    for each in map(action, OFFERED):
        keys.add_row(Text(key_text(each, configured), "bold"), each.help)
    return Group(
        Text("No struct_ops map on this kernel", "bold"),
        "",
        Text(WHAT),
        "",
        Text("Press"),
        Padding(keys, (0, 0, 0, 2)),
        "",
        Text(
            "The view is live: a map appears by itself as soon as there is one, also when another "
            "program registers it."
        ),
    )


class EmptyHost(VerticalScroll):
    """The empty state of a kernel without struct_ops maps."""

    HELP = (
        "This kernel has no struct_ops map at the moment. The view is live: one shows up by itself."
    )
    DEFAULT_CSS = """
    EmptyHost {
        align: center middle;
        & > Static { width: 100%; max-width: 84; height: auto; padding: 1 2; }
    }
    """

    def __init__(self, keys: Mapping[str, str]) -> None:
        """Args: keys: Configured keys by action id."""
        super().__init__()
        self._keys = keys

    def compose(self) -> ComposeResult:
        """One text in the middle."""
        yield Static(empty_text(self._keys), markup=False)
