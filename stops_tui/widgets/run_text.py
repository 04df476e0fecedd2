"""The steps of a plan while they are taken: done, undone, still to come."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from stops_tui.struct_ops.registration.outcome import Step, StepResult
from stops_tui.struct_ops.text import printable
from stops_tui.widgets.palette import Palette
from stops_tui.widgets.plan_text import SUBJECT


def run_text(
    results: Sequence[StepResult], planned: Sequence[Step], running: bool, styles: Palette
) -> RenderableType:
    """A line for each step taken, and dim ones for those to come."""
    grid = Table.grid(padding=(0, 1))
    for width in (1, None, SUBJECT, None):
        grid.add_column(max_width=width, overflow="fold")
    for result in results:
        grid.add_row(*_taken(result, styles))
    failed = any(not result.ok for result in results)
    to_come = planned[len(results) :] if running and not failed else ()
    for number, step in enumerate(to_come):
        mark = "…" if number == 0 else " "
        row = (mark, step.call, step.subject, step.detail)
        grid.add_row(*(Text(printable(text), styles["dim"]) for text in row))
    return grid


def _taken(result: StepResult, styles: Palette) -> tuple[Text, Text, Text, Text]:
    mark, tone = ("✓", "good") if result.ok else ("✗", "bad")
    return (
        Text(mark, styles[tone]),
        Text(result.step.call, styles["accent" if result.ok else "bad"]),
        Text(printable(result.step.subject), styles["strong"]),
        _message(result, styles),
    )


def _message(result: StepResult, styles: Palette) -> Text:
    if result.ok:
        said = result.message or result.step.detail
        return Text(printable(said, 400), styles["plain" if result.message else "dim"])
    name = f"{result.errno_name}: " if result.errno_name else ""
    return Text.assemble((name, styles["bad"]), printable(result.message, 400))
