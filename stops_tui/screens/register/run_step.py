"""The last step: what is done, call by call, and what is there afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Protocol, cast

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import Static

from stops_tui.bpf.errors import BpfError
from stops_tui.btf import BtfError
from stops_tui.kernels.writes import ReadOnly, Writes
from stops_tui.screens.base import Facts
from stops_tui.screens.register.draft import Draft
from stops_tui.screens.register.review_step import Judged, mend
from stops_tui.screens.register.step import Step
from stops_tui.screens.try_it import TRIED
from stops_tui.struct_ops.registration import outcome
from stops_tui.struct_ops.registration.execute import dry_run, execute
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.outcome import Check, Outcome, StepResult, Tell
from stops_tui.struct_ops.registration.plan import Plan
from stops_tui.struct_ops.registration.steps import dry_steps
from stops_tui.struct_ops.text import printable
from stops_tui.widgets.button_line import Do
from stops_tui.widgets.palette import palette
from stops_tui.widgets.plan_text import afterwards_text
from stops_tui.widgets.run_text import log_text, run_text

REVIEW = Do("screen.goto('review', '')", "Back to the review")


class Performs(Protocol):
    """`execute` and `dry_run`."""

    def __call__(
        self, plan: Plan, facts: RegistrationFacts, writes: Writes, tell: Tell | None
    ) -> Outcome:
        """Do it."""


class RunStep(Step):
    """The calls with their results; then the outcome, the log, and where to go."""

    HELP = """What was done, call by call, and what the kernel says is there now. After a failure
nothing is left behind, unless it says so; the plan is as it was."""
    DEFAULT_CSS = """
    RunStep {
        & > VerticalScroll { height: 1fr; scrollbar-size-vertical: 1; }
        & .page { height: auto; padding: 0 1; }
        & #words { height: auto; padding: 0 2; margin: 0 0 1 0; text-style: bold; }
        & #words.-failed { color: $text-error; }
        & #words.-done { color: $text-success; }
    }
    """

    class Told(Message):
        """A call returned."""

        def __init__(self, result: StepResult) -> None:
            super().__init__()
            self.result = result

    def __init__(self, draft: Draft, judged: Judged, dry: bool) -> None:
        super().__init__(draft)
        self._judged = judged
        self.dry = dry
        self._plan = draft.complete
        self._results: list[StepResult] = []
        self.outcome: Outcome | None = None

    def compose(self) -> ComposeResult:
        """The calls, the outcome in words, the log, what stays."""
        with VerticalScroll(can_focus=False, id="page"):
            yield Static(id="words", markup=False)
            steps = Static(id="results", classes="box page", markup=False)
            steps.border_title = "Dry run" if self.dry else "What is done"
            yield steps
            log = Static(id="log", classes="box page", markup=False)
            log.border_title = "What the verifier says"
            yield log
            after = Static(id="afterwards", classes="box page", markup=False)
            after.border_title = "Afterwards"
            yield after

    def on_mount(self) -> None:
        """Do it aside, and show each call as it returns."""
        for hidden in ("words", "log", "afterwards"):
            self.query_one(f"#{hidden}").display = False
        self._planned = (
            dry_steps(self._plan, self._judged.facts) if self.dry else self._judged.steps
        )
        self._show()
        plan, facts = self._plan, self._judged.facts
        how: Performs = dry_run if self.dry else execute
        writes = cast("Facts", self.app).kernel.writes
        cast("Facts", self.app).change(
            lambda: perform(how, plan, facts, writes, self._tell),
            self._end,
        )

    def _tell(self, result: StepResult) -> None:
        self.post_message(self.Told(result))

    def on_run_step_told(self, message: Told) -> None:
        """Show what a call gave; one that is told late is in the outcome already."""
        if self.outcome:
            return
        self._results.append(message.result)
        self._show()
        self.query_one("#page", VerticalScroll).scroll_end(animate=False)

    def _show(self) -> None:
        running = self.outcome is None
        text = run_text(self._results, self._planned, running, palette(self.app))
        self.query_one("#results", Static).update(text)

    def _end(self, ended: Outcome) -> None:
        self.outcome = ended
        self._results = list(ended.steps)
        facts = cast("Facts", self.app)
        self.draft.done = ended.ok and not self.dry
        if ended.held:
            facts.hold(ended.held)
        facts.look()
        if not self.is_attached:
            facts.unfinished = self.draft.left
            told = partial(self.app.notify, ended.words, markup=False)
            told() if ended.ok else told(severity="error")
            return
        self._show()
        words = self.query_one("#words", Static)
        words.update(printable(ended.words, 1000))
        words.set_class(ended.ok, "-done")
        words.set_class(not ended.ok, "-failed")
        words.display = bool(ended.words)
        if log := next((result.log for result in ended.steps if result.log and not result.ok), ""):
            self.query_one("#log", Static).update(log_text(log))
            self.query_one("#log").display = True
        if ended.ok and not self.dry:
            facts_then, styles = self._judged.facts, palette(self.app)
            text = afterwards_text(self._plan, facts_then, styles, ended.map_id, ended.link_id)
            self.query_one("#afterwards", Static).update(text)
            self.query_one("#afterwards").display = True
        self.query_one("#page", VerticalScroll).scroll_home(animate=False)
        self.post_message(self.Offered())

    def buttons(self) -> Sequence[Do]:
        """None while it runs; then to the map, or back into the form."""
        ended = self.outcome
        if ended is None:
            return ()
        if ended.ok and self.dry:
            return (REVIEW._replace(primary=True),)
        if ended.ok:
            show = Do(f"screen.show_map({ended.map_id})", f"Show map {ended.map_id}", primary=True)
            trial = Do(f"app.try_map({ended.map_id})", "Try it")
            tries = [trial] if self._plan.type_name == TRIED else []
            return (Do("screen.leave", "Close"), *tries, show)
        return (REVIEW, *self._remedies())

    def _remedies(self) -> tuple[Do, ...]:
        """The way to what a failed call was about."""
        failed = next((result for result in self._results if not result.ok), None)
        if failed is None or (_is_value(failed.step) and not failed.member):
            return ()
        return mend(Check("failed", failed.message, self._about(failed)), self.draft)

    def _about(self, failed: StepResult) -> str:
        """The member that a failed call points to; "" if it is not about one."""
        subject = failed.step.subject
        return failed.member or (subject if subject in self._plan.programs else "")

    def go_on(self) -> None:
        """Nothing to continue to: the buttons say where to go."""
        self.to_buttons()

    def move(self, by: int) -> None:
        """Scroll."""
        self.query_one("#page", VerticalScroll).scroll_relative(y=by, animate=False)


def _is_value(step: outcome.Step) -> bool:
    return step.call == "BPF_MAP_UPDATE_ELEM"


def perform(
    how: Performs, plan: Plan, facts: RegistrationFacts, writes: Writes, tell: Tell
) -> Outcome:
    """Do it; what was raised becomes the outcome, so that the screen never waits for ever."""
    try:
        return how(plan, facts, writes, tell)
    except (ReadOnly, BpfError, BtfError, OSError) as error:
        return Outcome(ok=False, words=str(error))
