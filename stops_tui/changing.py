"""The side of the app that changes the kernel: armed first, asked before, logged after."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from textual.message import Message
from textual.reactive import var

from stops_tui.actions import action
from stops_tui.config import Config
from stops_tui.config.keys import key_text
from stops_tui.held import HeldLinks
from stops_tui.taping import TapingApp

if TYPE_CHECKING:
    from stops_tui.audit import Audit
    from stops_tui.kernels.writes import Call, Handle
    from stops_tui.screens.leaving import Leaving
    from stops_tui.screens.propose import Proposal
    from stops_tui.struct_ops.registration.outcome import Outcome

T = TypeVar("T")

COMMANDS_KEPT = 10_000


class Commanded(Message):
    """A command was sent to change the kernel, or refused."""

    def __init__(self, call: Call, problem: str) -> None:
        super().__init__()
        self.call = call
        self.problem = problem


class ChangingApp(TapingApp):
    """What `StopsApp` is, as far as it changes the kernel."""

    armed: var[bool] = var(False)
    held: var[tuple[Handle, ...]] = var(())
    commands: var[Sequence[Call]] = var(())

    def __init__(self, config: Config, armed: bool, ansi_color: bool | None) -> None:
        super().__init__(config, ansi_color)
        self.set_reactive(ChangingApp.armed, armed)
        self._held = HeldLinks()
        self._audit: Audit | None = None
        self._at_work: set[object] = set()
        self._told = ""

    # Arming

    def take_writes(self) -> None:
        """Take over a kernel's writes: whether they are armed, and what they tell."""
        self.kernel.writes.armed = self.armed
        self.kernel.writes.listen = self._hear

    def watch_armed(self, armed: bool) -> None:
        """Pass it on to where it is enforced."""
        if self.is_running and hasattr(self, "kernel"):
            self.kernel.writes.armed = armed

    def action_arm(self) -> None:
        """Arm writing after asking once; disarm at once, but not half-way through a change."""
        if self.armed:
            if self.at_rest():
                self.armed = False
                self.notify("Read-only again.")
            return
        from stops_tui.screens.arming import ask_to_arm

        key = key_text(action("arm"), self.config.keys)
        self.push_screen(ask_to_arm(key, self.kernel.host.source == "demo"), self._arm)

    def _arm(self, answer: str | None) -> None:
        self.armed = answer == "arm"

    # The command log

    def _hear(self, call: Call) -> None:
        """Note a command, in the thread that sent it: in the file at once, on the screen then."""
        problem = ""
        if self.kernel.host.source == "live":  # what was done to a simulated one is nobody's matter
            from stops_tui.audit import Audit

            self._audit = self._audit or Audit()
            self._audit.append(call)
            problem = self._audit.problem
        self.post_message(Commanded(call, problem))

    def on_commanded(self, message: Commanded) -> None:
        """Take a command into the log."""
        self.commands = (*self.commands, message.call)[-COMMANDS_KEPT:]
        if message.problem and message.problem != self._told:
            self.notify(message.problem, severity="error", markup=False)
        self._told = message.problem

    # Changing, after asking

    def propose(self, make: Callable[[], Proposal]) -> None:
        """Work out a change aside, and ask whether to do it; not while writing is not armed."""
        from stops_tui.screens.propose import proposed

        if self.may_change():
            self.lookup(self, partial(proposed, make), self._ask)

    def may_change(self) -> bool:
        """Whether writing is armed; says how to arm it if not."""
        if not self.armed:
            self.notify(f"Read-only: {self.how_to_arm}.", severity="warning")
        return self.armed

    @property
    def how_to_arm(self) -> str:
        """`W arms writing`; or why nothing does."""
        return f"{key_text(action('arm'), self.config.keys)} arms writing"

    def _ask(self, proposal: Proposal | str) -> None:
        if isinstance(proposal, str):
            self.notify(proposal, severity="warning", markup=False)
            return
        from stops_tui.screens.ask import AskScreen
        from stops_tui.screens.propose import ProposalScreen

        if not isinstance(self.screen, (AskScreen, ProposalScreen)):  # one question at a time
            self.push_screen(ProposalScreen(proposal))

    def change(self, job: Callable[[], T], done: Callable[[T], object]) -> None:
        """As `lookup`, for a job that changes the kernel: it is not left half done by quitting."""
        token = object()
        self._at_work.add(token)

        def work() -> T:
            try:
                return job()
            except Exception:
                self._at_work.discard(token)
                raise

        def tell(result: T) -> object:
            self._at_work.discard(token)  # not before: a link that was made is held from here on
            self._let_go()
            return done(result)

        self.lookup(self, work, tell)

    @property
    def at_work(self) -> bool:
        """Whether a change is under way."""
        return bool(self._at_work)

    def at_rest(self) -> bool:
        """Whether no change is under way; says what to wait for if one is."""
        if self.at_work:
            self.notify("The kernel is at work: wait until it has answered.", severity="warning")
        return not self.at_work

    # Links that only this program holds

    def hold(self, link: Handle) -> None:
        """Keep an unpinned link, and so its registration, until it is let go or the app ends."""
        self._held.keep(link)
        self.held = self._held.handles

    def watch_snapshot(self) -> None:
        """Let go of links that register nothing any more."""
        self._let_go()

    def _let_go(self) -> None:
        if self.snapshot and not self.at_work:  # a change under way may have them in its hands
            self._held.settle(self.snapshot)
            self.held = self._held.handles

    def end_by_signal(self, number: int) -> None:
        """Leave without asking, as one who sends a signal wants it, but with a clean terminal."""
        if self.at_work:
            self.set_timer(0.1, partial(self.end_by_signal, number))
        else:
            self.exit(return_code=128 + number)

    async def action_quit(self) -> None:
        """Leave, unless that would unregister something: then ask first."""
        if not self.held:
            self._end()
        elif self.at_rest():
            from stops_tui.screens.leaving import leaving

            self.lookup(self, partial(leaving, self.kernel, self.held), self._ask_to_leave)

    def _ask_to_leave(self, found: Leaving) -> None:
        from stops_tui.screens.ask import AskScreen

        to_arm = "" if self.armed else self.how_to_arm
        if not found.goes:  # all were detached by others since the last look
            self._end()
        elif not isinstance(self.screen, AskScreen):
            self.push_screen(found.question(to_arm), partial(self._leave, found))

    def _leave(self, found: Leaving, answer: str | None) -> None:
        if answer == "pin":
            from stops_tui.screens.propose import ProposalScreen

            self.push_screen(ProposalScreen(found.pinning), self._leave_pinned)
        elif answer == "unregister":
            self._end()

    def _leave_pinned(self, outcome: Outcome | None) -> None:
        if outcome and outcome.ok:
            self._end()

    def _end(self) -> None:
        """Leave, unless a change began while it was asked: its thread would die half-way."""
        if self.at_rest():
            self.exit()

    def let_all_go(self) -> None:
        """At the end: a pinned link lives on, any other ends its registration."""
        self._held.let_all_go()
