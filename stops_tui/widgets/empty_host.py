"""What the explorer shows while this kernel has no struct_ops map."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

WHAT = (
    "struct_ops lets BPF programs implement a kernel struct of function pointers: "
    "a TCP congestion control, a CPU scheduler, a qdisc."
)


def empty_text() -> RenderableType:
    """What struct_ops is, what to press, and how to make a map show up."""
    keys = Table.grid(padding=(0, 2))
    keys.add_row(Text("t", "bold"), "the types this kernel lets BPF implement")
    keys.add_row(Text("?", "bold"), "what each key does")
    keys.add_row(Text("q", "bold"), "quit")
    return Group(
        Text("No struct_ops map on this kernel", "bold"),
        "",
        Text(WHAT),
        "",
        Text("Press"),
        Padding(keys, (0, 0, 0, 2)),
        "",
        Text("To make one show up here, register an object from another terminal:"),
        Padding(Text("bpftool struct_ops register FILE.bpf.o", "bold"), (0, 0, 0, 2)),
        "",
        Text("The view is live: a map appears by itself as soon as there is one."),
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

    def compose(self) -> ComposeResult:
        """One text in the middle."""
        yield Static(empty_text(), markup=False)
