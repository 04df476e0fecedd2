"""The fifth step: what will be registered, what was checked, what will be done, what stays."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from textual.app import ComposeResult
from textual.containers import Container, VerticalScroll
from textual.widgets import Static

from stops_tui.screens.register.draft import Draft
from stops_tui.screens.register.step import BACK, SAVE, Step
from stops_tui.struct_ops.registration import outcome
from stops_tui.struct_ops.registration.checks import checks_together, failures, in_order
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.outcome import Check
from stops_tui.struct_ops.registration.plan import Plan
from stops_tui.struct_ops.registration.steps import steps_together
from stops_tui.struct_ops.subsystems import of_type
from stops_tui.struct_ops.text import printable
from stops_tui.widgets.button_line import Do
from stops_tui.widgets.palette import palette
from stops_tui.widgets.plan_text import (
    afterwards_text,
    apart,
    checks_text,
    steps_text,
    titled,
    what_text,
)


class Judged(NamedTuple):
    """Plans looked at with what the kernel says now.

    Attributes:
        facts: What it says.
        checks: Of each plan.
        steps: Of all plans, in order.
    """

    facts: RegistrationFacts
    checks: tuple[tuple[Check, ...], ...]
    steps: tuple[outcome.Step, ...]

    @property
    def failed(self) -> list[tuple[int, Check]]:
        """What bars the way, each with the number of its plan."""
        return [(at, check) for at, found in enumerate(self.checks) for check in failures(found)]


def judge(
    plans: Sequence[Plan], lost: Sequence[Sequence[Check]], before: RegistrationFacts
) -> Judged:
    """Read the kernel again, check, and plan the steps.

    Args:
        plans: What is to be registered as one.
        lost: Of each plan, what it could not take over from an object file.
        before: What was known so far.
    """
    facts = RegistrationFacts.gather(before.kernel, objects=before.objects)
    together = zip(lost, checks_together(plans, facts), strict=True)
    checks = tuple(in_order((*more, *found)) for more, found in together)
    return Judged(facts, checks, steps_together(plans, facts))


class ReviewStep(Step):
    """Four boxes to read, and the buttons that do it."""

    HELP = """All there is to know before it is done. `✓` passed, `!` is to be read before going
on, `✗` bars the way. A dry run lets the kernel check the value in a scratch link map, where it can,
and registers nothing. Up and down scroll."""
    DEFAULT_CSS = """
    ReviewStep {
        & > VerticalScroll { height: 1fr; scrollbar-size-vertical: 1; }
        & #top { layout: grid; grid-size: 2; grid-rows: auto; height: auto; }
        & .page { height: auto; padding: 0 1; }
        & #top > .page { height: 100%; }
    }
    """

    def __init__(self, drafts: Sequence[Draft]) -> None:
        """Args: drafts: What is to be registered, as one."""
        super().__init__(drafts[0])
        self.drafts = drafts
        self.judged: Judged | None = None

    def compose(self) -> ComposeResult:
        """The boxes; checks and steps come when the kernel was read again."""
        with VerticalScroll(can_focus=False, id="page"):
            with Container(id="top"):
                yield _box("What will be registered", "what")
                yield _box("Checks", "checks")
            yield _box("What will be done", "steps")
            yield _box("Afterwards", "afterwards")

    def on_mount(self) -> None:
        """Show the plan; check it aside."""
        plans, facts = [draft.complete for draft in self.drafts], self.draft.facts
        styles = palette(self.app)
        what = [what_text(plan, facts, styles) for plan in plans]
        self._fill("what", apart(what))
        self._fill("checks", "Checking…")
        afterwards = [afterwards_text(plan, facts, styles) for plan in plans]
        self._fill("afterwards", titled(plans, afterwards, styles))
        lost = [draft.lost for draft in self.drafts]
        self.facts.lookup(self, partial(judge, plans, lost, facts), self._take)
        self.note()

    def _fill(self, box: str, content: object) -> None:
        self.query_one(f"#{box}", Static).update(content)  # type: ignore[arg-type]

    def _take(self, judged: Judged) -> None:
        self.judged = judged
        for draft in self.drafts:
            draft.facts = judged.facts
        styles, plans = palette(self.app), [draft.complete for draft in self.drafts]
        told = [checks_text(found, styles) for found in judged.checks]
        self._fill("checks", titled(plans, told, styles))
        self._fill("steps", steps_text(judged.steps, styles))
        counted = _counted([check for found in judged.checks for check in found])
        self.query_one("#checks").border_subtitle = counted
        self.note()
        self.post_message(self.Offered())

    @property
    def ready(self) -> bool:
        """Whether it was checked, and nothing bars the way."""
        return self.judged is not None and not self.judged.failed

    def note(self) -> None:
        """Say what stands between the plan and the kernel."""
        failed = len(self.judged.failed) if self.judged else 0
        if self.judged is None:
            text = "Checking…"
        elif failed:
            text = f"{failed} check{'s' * (failed > 1)} failed"
        else:
            text = "" if self.facts.armed else f"read-only: {self.facts.how_to_arm}"
        self.post_message(self.Noted(text))

    def buttons(self) -> Sequence[Do]:
        """Doing it once it was checked, starting on Back as each question does; else mending it."""
        save = (SAVE,) if len(self.drafts) == 1 else ()
        if self.judged is None:
            return (BACK, *save)
        if self.ready:
            back = BACK._replace(primary=True)
            return (back, *save, Do("screen.dry_run", "Dry run"), Do("screen.execute", self._do))
        mending = (mend(c, self.drafts[at], at) for at, c in self.judged.failed if not c.beyond)
        return (BACK, *save, *next(mending, ()))

    @property
    def _do(self) -> str:
        number = len(self.drafts)
        if number == 1 and self.draft.plan.replace_link:
            return "Replace"
        return "Register" if number == 1 else f"Register all {number}"

    def go_on(self) -> None:
        """The key that continues registers nothing: that takes its own button."""
        self.to_buttons()

    def move(self, by: int) -> None:
        """Scroll."""
        page = self.query_one("#page", VerticalScroll)
        page.scroll_relative(y=by, animate=False)


def mend(check: Check, draft: Draft, at: int) -> tuple[Do, ...]:
    """The buttons that lead to what a failed check is about: also to who has the name.

    Args:
        check: What failed.
        draft: Of which draft.
        at: Which one that is of those registered as one.
    """
    name = check.member
    has_it = draft.namesake if name == of_type(draft.plan.type_name).registering.name else 0
    look = (Do(f"screen.show_map({has_it})", f"Look at map {has_it}"),) if has_it else ()
    if check in draft.lost:
        do = f"screen.leave_out({name!r}, {at})"
        return (Do(do, f"Leave {printable(name, 30)} out", primary=True),)
    return (*look, _change(name, draft, at))


def _change(name: str, draft: Draft, at: int) -> Do:
    shown = printable(name, 30)
    if any(member.name == name for member in draft.functions):
        return Do(f"screen.goto('members', {name!r}, {at})", f"Choose {shown}", primary=True)
    if any(field.member.name == name for field in draft.fields):
        return Do(f"screen.goto('data', {name!r}, {at})", f"Change {shown}", primary=True)
    return Do(f"screen.goto('lifetime', '', {at})", "Change how it lives", primary=True)


def _box(title: str, id_: str) -> Static:
    box = Static(id=id_, classes="box page", markup=False)
    box.border_title = title
    return box


def _counted(found: Sequence[Check]) -> str:
    counts = {
        word: sum(check.level == word for check in found) for word in ("failed", "warned", "passed")
    }
    return ", ".join(f"{count} {word}" for word, count in counts.items() if count)
