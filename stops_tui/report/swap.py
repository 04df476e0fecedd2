"""`swap`: put another map into a link, one that is there or a new one, after a question."""

from __future__ import annotations

from dataclasses import replace

from stops_tui.exit_codes import NOT_FOUND, REFUSED
from stops_tui.kernels.kernel import Kernel
from stops_tui.kernels.writes import Writes
from stops_tui.report.change import armed, ask
from stops_tui.report.order import Order, compose_one
from stops_tui.report.outcome import NOTHING_DONE, Unfulfilled, told
from stops_tui.report.register import passed
from stops_tui.struct_ops.inventory import StructOpsMap
from stops_tui.struct_ops.registration import swap as swapping
from stops_tui.struct_ops.registration.checks import failures
from stops_tui.struct_ops.registration.execute import dry_run, execute
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.outcome import Outcome
from stops_tui.struct_ops.registration.plan import Plan, PlanError
from stops_tui.struct_ops.text import printable


def report(
    kernel: Kernel,
    link_id: int,
    new: int | Order,
    *,
    dry: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Swap and print what came of it; the exit code.

    Args:
        kernel: Where.
        link_id: The link.
        new: The map to put there, or what to make it of.
        dry: Only try.
        yes: Without asking.
        as_json: See `outcome.told`.

    Raises:
        Unfulfilled: It cannot be done, or the person does not want it.
    """
    facts = RegistrationFacts.gather(kernel)
    link = facts.snapshot.links.get(link_id)
    if link is None:
        raise Unfulfilled(f"there is no struct_ops link {link_id}. {NOTHING_DONE}", NOT_FOUND)
    swap = (
        _OfMap(facts, link_id, new)
        if isinstance(new, int)
        else _OfPlan(facts, replace(compose_one(new, facts), replace_link=link_id))
    )
    old = facts.snapshot.maps.get(link.map_id)
    place = f"in place of {_shown(old)}" if old else "which holds no map"
    question = f"Put {swap.what} into link {link_id}, {place}?"
    ask(question, swap.checks, (link.map_id, link_id), yes=yes or dry, as_json=as_json)
    with armed(kernel) as writes:
        outcome = swap.dry_run(writes) if dry else swap.execute(writes)
        lives = not dry and link.map_id in facts.inventory.sweep().maps
        undo = (f"stops-tui swap link {link_id} map {link.map_id}",) if lives else ()
        return told(outcome, swap.checks, undo, as_json=as_json)


class _OfMap:
    """A map that is there."""

    def __init__(self, facts: RegistrationFacts, link_id: int, map_id: int) -> None:
        self._facts = facts
        try:
            self._swap = swapping.plan_for(facts, link_id, map_id)
        except PlanError as error:
            raise Unfulfilled(f"{error}. {NOTHING_DONE}", NOT_FOUND) from error
        self.what = _shown(facts.snapshot.maps[map_id])
        self.checks = swapping.checks(self._swap, facts)
        if failed := failures(self.checks):
            words = "; ".join(check.words for check in failed)
            about = self._swap.old_map_id, link_id
            raise Unfulfilled(f"{words}. {NOTHING_DONE}", REFUSED, self.checks, about)

    def dry_run(self, writes: Writes) -> Outcome:
        """The kernel cannot try it: a link is changed, or is not."""
        return Outcome(ok=True, words=f"Only the checks ran, and passed. {NOTHING_DONE}")

    def execute(self, writes: Writes) -> Outcome:
        return swapping.execute(self._swap, self._facts, writes)


class _OfPlan:
    """A map that is made for it."""

    def __init__(self, facts: RegistrationFacts, plan: Plan) -> None:
        self._facts = facts
        self._plan = plan
        self.what = f"a new map {printable(plan.map_name)} ({plan.type_name})"
        self.checks = passed((plan,), facts)

    def dry_run(self, writes: Writes) -> Outcome:
        return dry_run(self._plan, self._facts, writes)

    def execute(self, writes: Writes) -> Outcome:
        return execute(self._plan, self._facts, writes)


def _shown(found: StructOpsMap) -> str:
    held = f", held by {found.holders} in the subsystem" if found.holders else ""
    name = printable(found.name)
    return f"map {found.id} {name} ({found.type_name}, {found.status}{held})"
