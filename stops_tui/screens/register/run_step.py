"""The last step: what is done, call by call, and what is there afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Protocol

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import Static

from stops_tui.actions import action
from stops_tui.config.keys import key_text
from stops_tui.kernels.trouble import attempted
from stops_tui.kernels.writes import Writes
from stops_tui.screens.register.draft import Draft
from stops_tui.screens.register.review_step import Judged, mend
from stops_tui.screens.register.step import Step
from stops_tui.screens.try_it import TRIED
from stops_tui.struct_ops.registration import outcome
from stops_tui.struct_ops.registration.execute import dry_run_all, execute_all
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.outcome import Check, Outcome, StepResult, Tell
from stops_tui.struct_ops.registration.plan import Plan
from stops_tui.struct_ops.registration.steps import dry_steps_together
from stops_tui.struct_ops.text import printable
from stops_tui.widgets.button_line import Do
from stops_tui.widgets.palette import palette
from stops_tui.widgets.plan_text import afterwards_text, titled
from stops_tui.widgets.refusal_view import Log, RefusalView
from stops_tui.widgets.run_text import run_text

REVIEW = Do("screen.goto('review', '')", "Back to the review")


class Performs(Protocol):
    """`execute_all` and `dry_run_all`."""

    def __call__(
        self, plans: Sequence[Plan], facts: RegistrationFacts, writes: Writes, tell: Tell | None
    ) -> tuple[Outcome, ...]:
        """Do it."""


class RunStep(Step):
    """The calls with their results; then the outcome, the log, and where to go.

    Attributes:
        dry: Whether nothing is registered.
        outcomes: Of each plan, once all has ended.
        log_text: What the verifier or libbpf wrote as it refused a program; "" for nothing.
    """

    HELP = """What was done, call by call, and what the kernel says is there now. After a failure
nothing is left behind, unless it says so; the plan is as it was."""
    DEFAULT_CSS = """
    RunStep {
        & > VerticalScroll { height: 1fr; scrollbar-size-vertical: 1; }
        & > RefusalView { height: 2fr; display: none; }
        & .page { height: auto; padding: 0 1; }
        & #words { height: auto; max-height: 40%; padding: 0 2; text-style: bold; }
        & #words.-failed { color: $text-error; }
        & #words.-done { color: $text-success; }
    }
    """

    class Told(Message):
        """A call returned."""

        def __init__(self, result: StepResult) -> None:
            super().__init__()
            self.result = result

    def __init__(self, drafts: Sequence[Draft], judged: Judged, dry: bool) -> None:
        super().__init__(drafts[0])
        self._drafts = drafts
        self._judged = judged
        self.dry = dry
        self._plans = [draft.complete for draft in drafts]
        self._results: list[StepResult] = []
        self.outcomes: tuple[Outcome, ...] = ()
        self.log_text = ""

    def compose(self) -> ComposeResult:
        """The outcome in words, what refused it, the calls, what stays."""
        yield Static(id="words", markup=False)
        yield RefusalView(key_text(action("copy_log"), self.facts.config.keys))
        with VerticalScroll(can_focus=False, id="page"):
            steps = Static(id="results", classes="box page", markup=False)
            steps.border_title = "Dry run" if self.dry else "What is done"
            yield steps
            after = Static(id="afterwards", classes="box page", markup=False)
            after.border_title = "Afterwards"
            yield after

    def on_mount(self) -> None:
        """Do it aside, and show each call as it returns."""
        for hidden in ("words", "afterwards"):
            self.query_one(f"#{hidden}").display = False
        facts, plans = self._judged.facts, self._plans
        self._planned = dry_steps_together(plans, facts) if self.dry else self._judged.steps
        self._show()
        how: Performs = dry_run_all if self.dry else execute_all
        writes = self.facts.kernel.writes
        self.facts.change(
            lambda: outcomes_of(how, plans, facts, writes, self._tell),
            self._end,
        )

    def _tell(self, result: StepResult) -> None:
        self.post_message(self.Told(result))

    def on_run_step_told(self, message: Told) -> None:
        """Show what a call gave; one that is told late is in the outcome already."""
        if self.outcomes:
            return
        self._results.append(message.result)
        self._show()
        self.query_one("#page", VerticalScroll).scroll_end(animate=False)

    def _show(self) -> None:
        running = not self.outcomes
        text = run_text(self._results, self._planned, running, palette(self.app))
        self.query_one("#results", Static).update(text)

    @property
    def _ok(self) -> bool:
        return bool(self.outcomes) and all(each.ok for each in self.outcomes)

    def _end(self, outcomes: tuple[Outcome, ...]) -> None:
        self.outcomes = outcomes
        self._results = [result for each in outcomes for result in each.steps]
        for draft, each in zip(self._drafts, outcomes, strict=True):
            draft.done = each.ok and not self.dry
            if each.held:
                self.facts.hold(each.held)
        self.facts.look()
        words = outcome_words(self._plans, outcomes)
        if not self.is_attached:
            if len(self._drafts) == 1:
                self.facts.unfinished = self.draft.left
            told = partial(self.app.notify, words, markup=False)
            told() if self._ok else told(severity="error")
            return
        self._show()
        said = self.query_one("#words", Static)
        said.update(words)
        said.set_class(self._ok, "-done")
        said.set_class(not self._ok, "-failed")
        said.display = bool(words)
        self._prepare_log()
        if self._ok and not self.dry:
            self._show_afterwards()
        self.query_one("#page", VerticalScroll).scroll_home(animate=False)
        self.post_message(self.Offered())

    def _prepare_log(self) -> None:
        failed = self._failed
        if failed and failed.log:
            self.facts.lookup(self, partial(Log, failed.log, failed.refusal), self._show_log)

    def _show_log(self, log: Log) -> None:
        self.log_text = log.text
        self.query_one(RefusalView).display = True
        self.query_one(RefusalView).show(log)

    def _show_afterwards(self) -> None:
        facts, styles = self._judged.facts, palette(self.app)
        told = [
            afterwards_text(plan, facts, styles, each.map_id, each.link_id)
            for plan, each in zip(self._plans, self.outcomes, strict=True)
        ]
        self.query_one("#afterwards", Static).update(titled(self._plans, told, styles))
        self.query_one("#afterwards").display = True

    def buttons(self) -> Sequence[Do]:
        """None while it runs; then to the map, or back into the form."""
        if not self.outcomes:
            return ()
        if self._ok and self.dry:
            return (REVIEW._replace(primary=True),)
        if self._ok:
            map_id = self.outcomes[0].map_id
            show = Do(f"screen.show_map({map_id})", f"Show map {map_id}", primary=True)
            trial = Do(f"app.try_map({map_id})", "Try it")
            tries = [trial] if self._plans[0].type_name == TRIED else []
            return (Do("screen.leave", "Close"), *tries, show)
        return (REVIEW, *self._remedies())

    @property
    def _failed(self) -> StepResult | None:
        return next((result for result in self._results if not result.ok), None)

    def _remedies(self) -> tuple[Do, ...]:
        """The way to what a failed call was about."""
        failed = self._failed
        if failed is None or (_is_value(failed.step) and not failed.member):
            return ()
        at = next(at for at, each in enumerate(self.outcomes) if failed in each.steps)
        check = Check("failed", failed.message, self._about(failed, self._plans[at]))
        return mend(check, self._drafts[at], at)

    def _about(self, failed: StepResult, plan: Plan) -> str:
        """The member that a failed call points to; "" if it is not about one."""
        subject = failed.step.subject
        return failed.member or (subject if subject in plan.programs else "")

    def go_on(self) -> None:
        """Nothing to continue to: the buttons say where to go."""
        self.to_buttons()

    def move(self, by: int) -> None:
        """Scroll: the log, where there is one."""
        if self.log_text:
            self.query_one(RefusalView).move(by)
        else:
            self.query_one("#page", VerticalScroll).scroll_relative(y=by, animate=False)


def _is_value(step: outcome.Step) -> bool:
    return step.call == "BPF_MAP_UPDATE_ELEM"


def outcome_words(plans: Sequence[Plan], outcomes: Sequence[Outcome]) -> str:
    """What came of it; of several, a line for each, named after its map."""
    told = [printable(each.words, 1000) for each in outcomes]
    if len(plans) == 1:
        return told[0]
    pairs = zip(plans, told, strict=True)
    return "\n".join(f"{printable(plan.map_name)}: {words}" for plan, words in pairs)


def outcomes_of(
    how: Performs, plans: Sequence[Plan], facts: RegistrationFacts, writes: Writes, tell: Tell
) -> tuple[Outcome, ...]:
    """Do it; what was raised becomes the outcome, so that the screen never waits for ever."""
    outcomes = attempted(lambda: how(plans, facts, writes, tell))
    if isinstance(outcomes, str):
        return tuple(Outcome(ok=False, words=outcomes) for _ in plans)
    return outcomes
