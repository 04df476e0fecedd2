"""A change to the kernel: what it does is said, asked starting on No, done, and told honestly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar, NamedTuple

from rich.console import RenderableType
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.markup import escape
from textual.message import Message
from textual.widgets import Static

from stops_tui.kernels.trouble import attempted
from stops_tui.screens.ask import QUESTION_CSS
from stops_tui.screens.dialog import Dialog
from stops_tui.struct_ops.registration.checks import failures
from stops_tui.struct_ops.registration.outcome import Check, Outcome, Step, StepResult, Tell
from stops_tui.struct_ops.registration.plan import PlanError
from stops_tui.struct_ops.text import printable
from stops_tui.widgets.button_line import ButtonLine, Do
from stops_tui.widgets.palette import palette
from stops_tui.widgets.plan_text import checks_text, pairs_text, steps_text
from stops_tui.widgets.run_text import run_text


class Proposal(NamedTuple):
    """A change that can be done, as it was worked out from what the kernel said just before.

    Attributes:
        title: "Unregister map 58 dctcp?"
        about: What is to be known of the object: a word and its text.
        checks: What bars the way, and what it does that is to be known before.
        steps: The calls to come.
        label: What the button says that does it.
        run: Does it, off the screen's thread; aborts if the object is no longer as it was.
        done: What the button says that leaves after it succeeded.
    """

    title: str
    about: Sequence[tuple[str, str]]
    checks: Sequence[Check]
    steps: Sequence[Step]
    label: str
    run: Callable[[Tell], Outcome]
    done: str = "Close"


def proposed(make: Callable[[], Proposal]) -> Proposal | str:
    """The proposal, or why there is none."""
    try:
        return make()
    except PlanError as error:
        return str(error)


class ProposalScreen(Dialog[Outcome]):
    """Asks, does it, shows each call as it returns, and what is there then. Gives the outcome."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "scroll(-1)", "Up", show=False),
        Binding("down", "scroll(1)", "Down", show=False),
        Binding("pageup", "scroll(-10)", "Page up", show=False),
        Binding("pagedown", "scroll(10)", "Page down", show=False),
    ]
    DEFAULT_CSS = f"ProposalScreen {{ {QUESTION_CSS} }}"

    class Told(Message):
        """A call returned."""

        def __init__(self, result: StepResult) -> None:
            super().__init__()
            self.result = result

    def __init__(self, proposal: Proposal) -> None:
        super().__init__()
        self._proposal = proposal
        self._results: list[StepResult] = []
        self._at_work = False
        self._outcome: Outcome | None = None

    def compose(self) -> ComposeResult:
        """What it is about, what was checked, what is done, what came of it; the buttons."""
        proposal, styles = self._proposal, palette(self.app)
        with Vertical(classes="frame") as box:
            box.border_title = escape(printable(proposal.title))
            with VerticalScroll(can_focus=False):
                yield Static(pairs_text(proposal.about, styles), id="about")
                yield Static(checks_text(self._shown_checks(), styles), id="checks")
                yield Static(steps_text(proposal.steps, styles), id="steps")
                yield Static(id="outcome", markup=False)
            yield ButtonLine()

    def _shown_checks(self) -> Sequence[Check]:
        """What is to be known; what passed says nothing that one does not see."""
        return [check for check in self._proposal.checks if check.level != "passed"]

    async def on_mount(self) -> None:
        """Offer No first; and to do it, unless something bars the way."""
        self.query_one("#checks").display = bool(self._shown_checks())
        self.query_one("#outcome").display = False
        if self._barred:
            self.query_one("#steps").display = False
            await self._offer(Do("screen.leave", "Close", primary=True))
        else:
            await self._offer(
                Do("screen.leave", "No", primary=True), Do("screen.do", self._proposal.label)
            )

    @property
    def _barred(self) -> bool:
        return bool(failures(tuple(self._proposal.checks)))

    async def _offer(self, *buttons: Do) -> None:
        line = self.query_one(ButtonLine)
        await line.offer(buttons)
        line.focus_primary()

    async def action_do(self) -> None:
        """Do it."""
        if self._at_work or self._outcome or self._barred:
            return
        self._at_work = True
        await self._offer()
        self._show_steps()
        self.facts.change(lambda: _run(self._proposal, self._tell), self._end)

    def _tell(self, result: StepResult) -> None:
        self.post_message(self.Told(result))

    def on_proposal_screen_told(self, message: Told) -> None:
        """Show what a call gave."""
        if self._at_work:
            self._results.append(message.result)
            self._show_steps()

    def _show_steps(self) -> None:
        text = run_text(self._results, self._proposal.steps, self._at_work, palette(self.app))
        self.query_one("#steps", Static).update(text)

    async def _end(self, outcome: Outcome) -> None:
        """Show what is there now; where the person has left, say it."""
        self._at_work, self._outcome = False, outcome
        self._results = list(outcome.steps)
        self.facts.look()
        if not self.is_attached:
            said = partial(self.app.notify, outcome.words, markup=False)
            said() if outcome.ok else said(severity="error")
            return
        self._show_steps()
        self.query_one("#steps").display = bool(self._results)
        for seen_before in ("#about", "#checks"):
            self.query_one(seen_before).display = False
        self.query_one(".frame").border_title = escape(printable(self._proposal.title.rstrip("?")))
        told = self.query_one("#outcome", Static)
        told.update(self._outcome_text(outcome))
        told.display = True
        await self._offer(
            Do("screen.leave", self._proposal.done if outcome.ok else "Close", primary=True)
        )
        self.call_after_refresh(self.action_scroll, 1000)

    def _outcome_text(self, outcome: Outcome) -> RenderableType:
        styles = palette(self.app)
        mark, tone = ("✓", "good") if outcome.ok else ("✗", "bad")
        text = Text.assemble((f"{mark} ", styles[tone]), printable(outcome.words, 1000))
        text.stylize(styles["strong"])
        for each in outcome.left:
            text.append(f"\n  there now: {printable(each, 400)}")
        return text

    def action_scroll(self, by: int) -> None:
        """Scroll the text."""
        self.query_one(VerticalScroll).scroll_relative(y=by, animate=False)

    def action_leave(self) -> None:
        """Leave; what is under way goes on, and is told when it ends."""
        self.dismiss(self._outcome)


def _run(proposal: Proposal, tell: Tell) -> Outcome:
    """Do it; what was raised becomes the outcome."""
    outcome = attempted(lambda: proposal.run(tell))
    return Outcome(ok=False, words=outcome) if isinstance(outcome, str) else outcome
