"""The wizard: leads from a type to a registered map, step by step, and back at any time."""

from __future__ import annotations

from asyncio import Lock
from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widgets import Static

from stops_tui.actions import Where
from stops_tui.screens.base import StopsScreen
from stops_tui.screens.register.data_step import DataStep
from stops_tui.screens.register.draft import Draft
from stops_tui.screens.register.lifetime_step import LifetimeStep
from stops_tui.screens.register.members_step import MembersStep
from stops_tui.screens.register.plan_file import LoadPlan, SavePlan
from stops_tui.screens.register.review_step import ReviewStep
from stops_tui.screens.register.run_step import RunStep
from stops_tui.screens.register.step import Step
from stops_tui.screens.register.type_step import TypeStep
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.plan import Plan, PlanError
from stops_tui.struct_ops.registration.plan_file import to_toml
from stops_tui.struct_ops.text import printable
from stops_tui.widgets.breadcrumb import Breadcrumb
from stops_tui.widgets.button_line import ButtonLine
from stops_tui.widgets.keys import bindings

STEPS: dict[str, type[Step]] = {
    "type": TypeStep,
    "members": MembersStep,
    "data": DataStep,
    "lifetime": LifetimeStep,
}
"""The steps that are about one map, in their order."""

REVIEW, RUN = "review", "run"
"""What comes after them: about all maps."""

FIRST, *_, LAST = STEPS


class RegisterScreen(StopsScreen):
    """One step at a time, between the line of steps and the line of buttons."""

    WHERE: ClassVar[Where] = "register"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("register"),
        Binding("escape", "back", "back", show=False, id="back"),
        Binding("up", "move(-1)", "Up", show=False),
        Binding("down", "move(1)", "Down", show=False),
        Binding("pageup", "move(-10)", "Page up", show=False),
        Binding("pagedown", "move(10)", "Page down", show=False),
    ]
    DEFAULT_CSS = """
    RegisterScreen {
        & > #step { height: 1fr; }
        & #reading { padding: 1 2; }
    }
    """

    def __init__(
        self,
        type_name: str = "",
        map_id: int = 0,
        member: str = "",
        drafts: Sequence[Draft] = (),
        at: int = 0,
        step: str = "members",
    ) -> None:
        """Begin with a type, with all that a map has, or with drafts that were made already.

        Args:
            type_name: The type to begin with.
            map_id: The map to begin with.
            member: The member to begin at.
            drafts: Drafts to go on with; several are registered as one.
            at: Which of them to begin with.
            step: The step to begin with, if there are drafts.
        """
        super().__init__()
        self._begin_with = (type_name, map_id, member)
        self._step_to_begin = step
        self._given = bool(drafts)
        self._drafts = list(drafts)
        self._at = at
        self._current = ""
        self._moving = Lock()

    def body(self) -> ComposeResult:
        """Steps, the step, buttons."""
        yield Breadcrumb("Register")
        with Container(id="step"):
            yield Static("Looking at the kernel…", id="reading")
        yield ButtonLine()

    def on_mount(self) -> None:
        """Read all that is needed aside."""
        files = self._drafts[0].facts.objects if self._drafts else None
        gather = partial(RegistrationFacts.gather, self.facts.kernel, objects=files)
        self.facts.lookup(self, gather, self._begin)
        self.watch(self.app, "armed", self._note_arming, init=False)

    def on_unmount(self) -> None:
        """Keep a plan that was not registered, for the next time."""
        if len(self._drafts) == 1:
            self.facts.unfinished = self._drafts[0].left

    def _begin(self, facts: RegistrationFacts) -> None:
        if self._given:
            for each in self._drafts:
                each.facts, each.done = facts, False
            self.call_later(self._go, self._step_to_begin, self._begin_with[2])
            return
        draft = Draft(facts, unfinished=self.facts.unfinished)
        self._drafts = [draft]
        type_name, map_id, member = self._begin_with
        map_ = facts.snapshot.maps.get(map_id)
        if map_ and map_.type:
            draft.choose_map(map_)
        elif type_name in facts.types:
            draft.choose_type(type_name)
        self.call_later(self._go, "members" if draft.type else "type", member)

    # Going from step to step

    @property
    def _step(self) -> Step | None:
        return next(iter(self.query(Step).results(Step)), None)

    @property
    def _draft(self) -> Draft | None:
        """The draft that the steps before the review are about."""
        return self._drafts[self._at] if self._drafts else None

    async def _go(self, name: str, focus: str = "") -> None:
        if name == FIRST and self._given:
            self.action_leave()
        elif name == REVIEW and self._drafts:
            await self._show(name, ReviewStep(self._drafts))
        elif self._draft:
            await self._show(name, STEPS[name](self._draft, focus))

    async def _show(self, name: str, step: Step) -> None:
        async with self._moving:  # a key may come while another is at work
            self._current = name
            self.query_one(ButtonLine).note("")
            await self.query_one("#step").remove_children()
            await self.query_one("#step").mount(step)
            self._show_crumbs()
            await self.query_one(ButtonLine).offer(step.buttons())
            step.begin()

    def _show_crumbs(self) -> None:
        crumbs, plan = self.query_one(Breadcrumb), self._plan
        names = [*STEPS, REVIEW, *([RUN] if self._current == RUN else [])]
        crumbs.steps = [(name, self._what if name == FIRST else name) for name in names]
        crumbs.current = self._current
        crumbs.reached = len(STEPS) + 1 if plan.type_name else 1

    @property
    def _what(self) -> str:
        """What the first crumb says: the type, or the variables of an object file."""
        number = len(self._drafts)
        if not self._given:
            return self._plan.type_name if self._current != FIRST and self._drafts else FIRST
        if number > 1 and self._current in (REVIEW, RUN):
            return f"{number} maps"
        counted = f" ({self._at + 1} of {number})" if number > 1 else ""
        return f"{self._drafts[self._at].variable}{counted}"

    @property
    def _plan(self) -> Plan:
        return self._draft.complete if self._draft else Plan("", "")

    @on(Step.Done)
    async def _done(self) -> None:
        names = [*STEPS, REVIEW]
        at = names.index(self._current) if self._current in names else len(names)
        if self._current == LAST and self._at + 1 < len(self._drafts):
            self._at += 1
            await self._go(names[1])
        elif at + 1 < len(names):
            await self._go(names[at + 1])

    @on(Step.Offered)
    async def _offer(self) -> None:
        if step := self._step:
            await self.query_one(ButtonLine).offer(step.buttons())
            step.to_buttons()

    @on(Step.Noted)
    def _note(self, message: Step.Noted) -> None:
        self.query_one(ButtonLine).note(message.text)

    def _note_arming(self) -> None:
        if isinstance(step := self._step, ReviewStep):
            step.note()

    @on(Breadcrumb.Picked)
    async def _pick(self, message: Breadcrumb.Picked) -> None:
        if not self._busy:
            await self._go(message.step)

    @property
    def _busy(self) -> bool:
        step = self._step
        return isinstance(step, RunStep) and not step.outcomes

    # Actions

    def action_next(self) -> None:
        """Go on to the next step."""
        if step := self._step:
            step.go_on()

    async def action_back(self) -> None:
        """Come back to the step before, from the first one out of the wizard."""
        names = [*STEPS, REVIEW]
        if self._busy:
            self.notify("The kernel is at work: wait until it has answered.")
        elif self._current == RUN:
            await self._go(REVIEW)
        elif self._current == names[1] and self._at:
            self._at -= 1
            await self._go(LAST)
        elif self._current in names[1:]:
            self._at = len(self._drafts) - 1 if self._current == REVIEW else self._at
            await self._go(names[names.index(self._current) - 1])
        else:
            self.action_leave()

    def action_leave(self) -> None:
        """Leave the wizard."""
        self.app.pop_screen()

    def action_show_map(self, map_id: int) -> None:
        """Leave for the explorer, the cursor on this map."""
        self.facts.show_map(map_id)

    async def action_goto(self, step: str, focus: str, at: int = 0) -> None:
        """Go to a step of a draft, to one thing in it."""
        self._at = at
        await self._go(step, focus)

    async def action_leave_out(self, member: str, at: int) -> None:
        """Do without what an object file sets a member to, and review again."""
        self._drafts[at].leave_out(member)
        await self._go(REVIEW)

    def action_move(self, by: int) -> None:
        """What an arrow key does where the focused widget has no use for it."""
        if step := self._step:
            step.move(by)

    def action_save_plan(self) -> None:
        """Save the plan to a file."""
        plan = self._plan
        if not self._has_one_plan() or not plan.type_name:
            return
        try:
            text = to_toml(plan)
        except PlanError as error:
            self.notify(f"Not saved: {error}.", severity="warning", markup=False)
        else:
            self.app.push_screen(SavePlan(plan.map_name, text), self._saved)

    def _has_one_plan(self) -> bool:
        """Whether there is a plan by now, of one map, as in a file; says so if not."""
        words = ""
        if not self._current:
            words = "Wait until the kernel has been looked at."
        elif len(self._drafts) > 1:
            words = "A plan in a file is of one map, not of several."
        if words:
            self.notify(words, severity="warning")
        return not words

    def _saved(self, path: str | None) -> None:
        if path:
            self.notify(f"Saved as {printable(path)}.", markup=False)

    def action_load_plan(self) -> None:
        """Load a plan from a file."""
        if not self._busy and self._has_one_plan():
            self.app.push_screen(LoadPlan(), self._loaded)

    async def _loaded(self, plan: Plan | None) -> None:
        if plan and self._draft:
            before = self._draft
            self._drafts, self._given = [Draft(before.facts, plan, before.unfinished)], False
            await self._go(REVIEW)

    def action_copy_log(self) -> None:
        """Copy what refused a program."""
        step = self._step
        if isinstance(step, RunStep) and step.log_text:
            self.app.copy_to_clipboard(step.log_text)
            self.notify("Copied the log.")

    async def action_dry_run(self) -> None:
        """Let the kernel check the plan, and register nothing."""
        await self._run(dry=True)

    async def action_execute(self) -> None:
        """Do what the plan says."""
        await self._run(dry=False)

    async def _run(self, dry: bool) -> None:
        """Take the steps, if all was checked and writing is armed."""
        step = self._step
        if not isinstance(step, ReviewStep) or not step.ready or step.judged is None:
            return
        if not self.facts.armed:
            what = "A dry run makes a map too" if dry else "Nothing was changed"
            self.notify(f"Read-only. {what}: {self.facts.how_to_arm}.", severity="warning")
            return
        await self._show(RUN, RunStep(step.drafts, step.judged, dry))
