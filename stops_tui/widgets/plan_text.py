"""A plan as it is reviewed: what it is, what was checked, what will be done, what stays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.lifetime import (
    Equivalent,
    bpftool_equivalent,
    holding,
    lifetime,
    undoing,
)
from stops_tui.struct_ops.registration.outcome import Check, Step
from stops_tui.struct_ops.registration.plan import Plan
from stops_tui.struct_ops.registration.sources import describe
from stops_tui.struct_ops.text import printable
from stops_tui.widgets.palette import Palette

SUBJECT = 22
"""Cells that a step's subject takes at most: a path may be long."""

MARKS = {"passed": ("✓", "good"), "warned": ("!", "warn"), "failed": ("✗", "bad")}
"""How a check's level is shown."""


def what_text(plan: Plan, facts: RegistrationFacts, styles: Palette) -> RenderableType:
    """Name, kind, and every member that is set."""
    rows: list[tuple[str, str]] = [("map", f"{plan.map_name}, {lifetime(plan).kind}")]
    rows += [(name, describe(source, facts)) for name, source in plan.programs.items()]
    rows += [(name, _content(content)) for name, content in plan.data.items()]
    rows += [("pin", plan.pin)] if plan.pin else []
    return pairs_text(rows, styles)


def _content(content: int | str) -> str:
    return f'"{content}"' if isinstance(content, str) else str(content)


def checks_text(checks: Sequence[Check], styles: Palette) -> RenderableType:
    """One check after the other, the gravest first."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column()
    for check in checks:
        mark, tone = MARKS[check.level]
        grid.add_row(Text(mark, styles[tone]), Text(printable(check.words, 400)))
    return grid


def steps_text(steps: Iterable[Step], styles: Palette) -> RenderableType:
    """The calls to come, numbered."""
    grid = Table.grid(padding=(0, 1))
    for width in (2, None, SUBJECT, None):
        grid.add_column(max_width=width, overflow="fold")
    for number, step in enumerate(steps, 1):
        grid.add_row(
            Text(str(number), styles["dim"], justify="right"),
            Text(step.call, styles["accent"]),
            Text(printable(step.subject), styles["strong"]),
            Text(printable(step.detail)),
        )
    return grid


def afterwards_text(
    plan: Plan, facts: RegistrationFacts, styles: Palette, map_id: int = 0, link_id: int = 0
) -> Group:
    """What holds it then, and how to undo it: by this program, and by bpftool."""
    rows = [("held by", each) for each in holding(plan)]
    replaced = facts.map_in_link(plan.replace_link)
    rows += [("undo by", each) for each in undoing(plan, map_id, link_id, replaced)]
    return Group(
        pairs_text(rows, styles),
        Text("\nThe same by bpftool:", styles["dim"]),
        pairs_text(
            [(e.purpose, _equivalent(e)) for e in bpftool_equivalent(plan, map_id, link_id)], styles
        ),
    )


def _equivalent(each: Equivalent) -> str:
    if each.command and each.words:
        return f"{each.command}  ({each.words})"
    return each.command or each.words


def apart(parts: Sequence[RenderableType]) -> RenderableType:
    """One after the other, with a blank line between."""
    return Group(*[each for part in parts for each in ("", part)][1:])


def titled(
    plans: Sequence[Plan], parts: Sequence[RenderableType], styles: Palette
) -> RenderableType:
    """What is said of each plan, under the name of its map; of one plan alone without it."""
    if len(plans) == 1:
        return parts[0]
    named = zip(plans, parts, strict=True)
    return apart([Group(Text(plan.map_name, styles["strong"]), part) for plan, part in named])


def pairs_text(rows: Iterable[tuple[str, str]], styles: Palette) -> Table:
    """A word and its text, line by line."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column()
    for word, value in rows:
        grid.add_row(Text(printable(word), styles["dim"]), Text(printable(value)))
    return grid
