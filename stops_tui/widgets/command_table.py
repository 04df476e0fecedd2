"""Every command that was sent to change the kernel, the newest first."""

from __future__ import annotations

from collections.abc import Sequence

from stops_tui.kernels.writes import Call
from stops_tui.struct_ops.text import printable
from stops_tui.widgets.event_table import show_newest_first
from stops_tui.widgets.event_words import clock
from stops_tui.widgets.line_table import Column, LineTable, Row, Span

MADE = {
    "BPF_PROG_LOAD": "program",
    "BPF_BTF_LOAD": "BTF",
    "BPF_MAP_CREATE": "map",
    "BPF_LINK_CREATE": "link",
}
"""What a command makes, whose id is its result."""


def arguments_text(call: Call) -> str:
    """`map 58, programs ssthresh=24`."""
    return ", ".join(f"{name} {value}" for name, value in call.arguments.items() if value != "")


def result_span(call: Call) -> Span:
    """`map 58`, `ok`, or why it failed."""
    if call.error:
        return Span(call.error, "bad")
    made = MADE.get(call.command, "object")
    return Span(f"{made} {call.result}" if call.result else "ok", "good")


def command_line(call: Call) -> str:
    """All of it in a line, as it is copied."""
    words = f"{clock(call.time)} {call.command} {arguments_text(call)}".rstrip()
    return printable(f"{words} → {result_span(call).text}", 2_000)


class CommandTable(LineTable):
    """One line a command."""

    COLUMNS = (
        Column("time", "TIME", 8),
        Column("command", "COMMAND", 20, least=19),
        Column("result", "RESULT", 30, least=12),
        Column("arguments", "ARGUMENTS", 40, least=20, grow=True),
    )
    HELP = """Every command that was sent to change the kernel, the newest first, with those that
failed or were refused. `{copy_command}` copies the one at the cursor, `{copy_commands}` all.
The same is appended to the audit file, as JSON lines."""

    def __init__(self, id: str) -> None:  # noqa: A002 (Textual's name)
        super().__init__(empty="Nothing was sent to change the kernel.", id=id)

    def show_commands(self, calls: Sequence[Call]) -> None:
        """Show a line for each."""
        rows = [
            Row(
                (n, call.time),
                (
                    Span(clock(call.time), "dim"),
                    Span(call.command, "strong"),
                    result_span(call),
                    arguments_text(call),
                ),
            )
            for n, call in enumerate(calls)
        ]
        show_newest_first(self, rows)
