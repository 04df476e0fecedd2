"""The fifth step: what will be registered, what was checked, what will be done, what stays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast

from textual.app import ComposeResult
from textual.containers import Container, VerticalScroll
from textual.widgets import Static

from stops_tui.actions import ACTIONS, key_text
from stops_tui.screens.base import Facts
from stops_tui.screens.register.draft import Draft
from stops_tui.screens.register.step import BACK, SAVE, Step
from stops_tui.struct_ops.registration import outcome
from stops_tui.struct_ops.registration.checks import checks, failures
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.outcome import Check
from stops_tui.struct_ops.registration.plan import Plan
from stops_tui.struct_ops.registration.steps import steps
from stops_tui.struct_ops.subsystems import of_type
from stops_tui.struct_ops.text import printable
from stops_tui.widgets.button_line import Do
from stops_tui.widgets.palette import palette
from stops_tui.widgets.plan_text import afterwards_text, checks_text, steps_text, what_text


class Judged(NamedTuple):
    """A plan looked at with what the kernel says now."""

    facts: RegistrationFacts
    checks: tuple[Check, ...]
    steps: tuple[outcome.Step, ...]


def judge(plan: Plan, facts: RegistrationFacts) -> Judged:
    """Read the kernel again, check, and plan the steps."""
    fresh = RegistrationFacts.gather(facts.kernel)
    return Judged(fresh, checks(plan, fresh), steps(plan, fresh))


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

    def __init__(self, draft: Draft, focus: str = "") -> None:
        super().__init__(draft, focus)
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
        plan, styles = self.draft.complete, palette(self.app)
        self._fill("what", what_text(plan, self.draft.facts, styles))
        self._fill("checks", "Checking…")
        self._fill("afterwards", afterwards_text(plan, self.draft.facts, styles))
        facts = self.draft.facts
        cast("Facts", self.app).lookup(self, lambda: judge(plan, facts), self._take)
        self.note()

    def _fill(self, box: str, content: object) -> None:
        self.query_one(f"#{box}", Static).update(content)  # type: ignore[arg-type]

    def _take(self, judged: Judged) -> None:
        self.judged = judged
        self.draft.facts = judged.facts
        styles = palette(self.app)
        self._fill("checks", checks_text(judged.checks, styles))
        self._fill("steps", steps_text(judged.steps, styles))
        self.query_one("#checks").border_subtitle = _counted(judged.checks)
        self.note()
        self.post_message(self.Offered())

    @property
    def ready(self) -> bool:
        """Whether it was checked, and nothing bars the way."""
        return self.judged is not None and not failures(self.judged.checks)

    def note(self) -> None:
        """Say what stands between the plan and the kernel."""
        facts = cast("Facts", self.app)
        failed = len(failures(self.judged.checks)) if self.judged else 0
        if self.judged is None:
            text = "Checking…"
        elif failed:
            text = f"{failed} check{'s' * (failed > 1)} failed"
        else:
            text = "" if facts.armed else f"read-only: {self.how_to_arm}"
        self.post_message(self.Noted(text))

    @property
    def how_to_arm(self) -> str:
        """`W arms writing`."""
        arm = next(action for action in ACTIONS if action.id == "arm")
        return f"{key_text(arm, cast('Facts', self.app).config.keys)} arms writing"

    def buttons(self) -> Sequence[Do]:
        """Doing it once it was checked; else mending it."""
        if self.judged is None:
            return (BACK, SAVE)
        if self.ready:
            do = "Replace" if self.draft.plan.replace_link else "Register"
            return (
                BACK,
                SAVE,
                Do("screen.dry_run", "Dry run"),
                Do("screen.execute", do, primary=True),
            )
        return (BACK, SAVE, *mend(failures(self.judged.checks)[0], self.draft))

    def go_on(self) -> None:
        """The key that continues registers nothing: that takes its own button."""
        self.to_buttons()

    def move(self, by: int) -> None:
        """Scroll."""
        page = self.query_one("#page", VerticalScroll)
        page.scroll_relative(y=by, animate=False)


def mend(check: Check, draft: Draft) -> tuple[Do, ...]:
    """The buttons that lead to what a failed check is about: also to who has the name."""
    name = check.member
    has_it = draft.namesake if name == of_type(draft.plan.type_name).registering.name else 0
    look = (Do(f"screen.show_map({has_it})", f"Look at map {has_it}"),) if has_it else ()
    return (*look, _change(name, draft))


def _change(name: str, draft: Draft) -> Do:
    if any(member.name == name for member in draft.functions):
        return Do(
            f"screen.goto('members', {name!r})", f"Choose {printable(name, 30)}", primary=True
        )
    if any(field.member.name == name for field in draft.fields):
        return Do(f"screen.goto('data', {name!r})", f"Change {printable(name, 30)}", primary=True)
    return Do("screen.goto('lifetime', '')", "Change how it lives", primary=True)


def _box(title: str, id_: str) -> Static:
    box = Static(id=id_, classes="box page", markup=False)
    box.border_title = title
    return box


def _counted(found: Sequence[Check]) -> str:
    counts = {
        word: sum(check.level == word for check in found) for word in ("failed", "warned", "passed")
    }
    return ", ".join(f"{count} {word}" for word, count in counts.items() if count)
