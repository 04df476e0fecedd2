"""Doing what a plan says, and telling what is there afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from stops_tui.kernels.writes import LoadedObject, ReadOnly, Writes
from stops_tui.struct_ops.registration.actions import (
    Action,
    Explain,
    NotThere,
    Taken,
    Work,
    take,
    take_back,
)
from stops_tui.struct_ops.registration.checks import checks_together, failures
from stops_tui.struct_ops.registration.explain import explain
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.lifetime import lifetime
from stops_tui.struct_ops.registration.outcome import Outcome, Tell
from stops_tui.struct_ops.registration.plan import Plan
from stops_tui.struct_ops.registration.remains import (
    NOTHING_DONE,
    failed_words,
    left_behind,
    leftovers,
    look_again,
    side_effects,
)
from stops_tui.struct_ops.registration.steps import actions, can_dry_run, dry_actions
from stops_tui.struct_ops.subsystems import of_type
from stops_tui.struct_ops.text import printable


def execute(
    plan: Plan, facts: RegistrationFacts, writes: Writes, tell: Tell | None = None
) -> Outcome:
    """Register what the plan says, unless a check fails; undo it all if a step fails.

    Args:
        plan: What to register.
        facts: What was known when a person decided.
        writes: What changes the kernel.
        tell: Is told of each step when it ended.

    Raises:
        ReadOnly: Writing is not armed; nothing was done.
    """
    return execute_all((plan,), facts, writes, tell)[0]


def execute_all(
    plans: Sequence[Plan], facts: RegistrationFacts, writes: Writes, tell: Tell | None = None
) -> tuple[Outcome, ...]:
    """As `execute`, all plans or none: if one fails, those before it are undone.

    An object file that several take programs from is loaded once, so that they share its maps.
    """
    if barred := _barred(plans, facts, writes):
        return barred
    runs = _runs(plans, writes)
    done = False
    try:
        done = _take_all(runs, actions, facts, tell)
    finally:
        for run in runs:
            run.work.close(keep=run.work.link if done and _is_held(run.plan) else None)
    if done:
        return tuple(_registered(run, facts) for run in runs)
    return _failed_all(runs, facts)


def dry_run(
    plan: Plan, facts: RegistrationFacts, writes: Writes, tell: Tell | None = None
) -> Outcome:
    """Let the kernel validate the plan in a scratch link map, which is dropped; else only check.

    Raises:
        ReadOnly: Writing is not armed; nothing was done. (Programs and maps are made.)
    """
    return dry_run_all((plan,), facts, writes, tell)[0]


def dry_run_all(
    plans: Sequence[Plan], facts: RegistrationFacts, writes: Writes, tell: Tell | None = None
) -> tuple[Outcome, ...]:
    """As `dry_run`; once one fails, those after it are not tried."""
    if barred := _barred(plans, facts, writes):
        return barred
    runs = _runs([plan for plan in plans if can_dry_run(plan, facts)], writes)
    done = False
    try:
        done = _take_all(runs, dry_actions, facts, tell)
    finally:
        for run in runs:
            run.work.close()
    tried = iter(_accepted(runs, facts) if done else _failed_all(runs, facts))
    return tuple(
        next(tried) if can_dry_run(plan, facts) else _only_checked(plan, facts) for plan in plans
    )


@dataclass(slots=True)
class _Run:
    """A plan under way."""

    plan: Plan
    work: Work
    taken: Taken | None = None


class _Actions(Protocol):
    """`actions` and `dry_actions`."""

    def __call__(
        self, plan: Plan, facts: RegistrationFacts, loads: Sequence[Plan]
    ) -> tuple[Action, ...]: ...


def _runs(plans: Sequence[Plan], writes: Writes) -> list[_Run]:
    objects: dict[str, LoadedObject] = {}
    return [_Run(plan, Work(writes, objects=objects)) for plan in plans]


def _take_all(
    runs: Sequence[_Run], steps: _Actions, facts: RegistrationFacts, tell: Tell | None
) -> bool:
    """Take the steps of each until one fails; then undo all. Whether none failed."""
    loads = [run.plan for run in runs]
    for number, run in enumerate(runs):
        explainer = _explainer(run.plan, facts)
        run.taken = take(steps(run.plan, facts, loads), run.work, tell, explainer)
        if run.taken.failure:
            for earlier in reversed(runs[:number]):
                if earlier.taken:
                    take_back(earlier.taken, earlier.work, tell)
            return False
        loads = []
    return True


def _barred(plans: Sequence[Plan], facts: RegistrationFacts, writes: Writes) -> tuple[Outcome, ...]:
    """What is to be said where a check of any plan failed; empty where none did."""
    _armed(writes)
    failed = [failures(found) for found in checks_together(plans, facts)]
    if not any(failed):
        return ()
    return tuple(
        Outcome(
            ok=False,
            words=f"{'; '.join(check.words for check in found)}. {NOTHING_DONE}"
            if found
            else f"Another of them cannot be registered. {NOTHING_DONE}",
        )
        for found in failed
    )


def _armed(writes: Writes) -> None:
    if not writes.armed:
        raise ReadOnly("writing is not armed: nothing was done")


def _explainer(plan: Plan, facts: RegistrationFacts) -> Explain:
    return lambda failure, work: explain(failure, work, plan, facts)


def _failed_all(runs: Sequence[_Run], facts: RegistrationFacts) -> tuple[Outcome, ...]:
    """One failed; those before it were undone, those after it not tried."""
    failed = next(run.plan for run in runs if run.taken and run.taken.failure)
    because = f"because {printable(failed.map_name)} failed"
    outcomes = []
    for run in runs:
        if run.taken is None:
            words = f"Not tried, {because}. {NOTHING_DONE}"
            outcomes.append(Outcome(ok=False, words=words))
            continue
        link_id = 0 if run.plan.replace_link else run.work.link_id
        left = left_behind(facts, run.work.map_id, link_id) + side_effects(run.taken)
        words = failed_words(run.taken, left)
        if run.taken.failure is None:
            undone = f"Undone, {because}. {leftovers(left)}"
            words = f"Undoing it, {because}: {words}" if words else undone
        outcomes.append(
            Outcome(
                ok=False,
                steps=tuple(run.taken.results),
                words=words,
                left=left,
                refused=run.taken.failure is not None
                and not isinstance(run.taken.failure.error, NotThere),
            )
        )
    return tuple(outcomes)


def _accepted(runs: Sequence[_Run], facts: RegistrationFacts) -> Iterator[Outcome]:
    """The outcomes of a dry run in which nothing failed."""
    for run in runs:
        left = left_behind(facts, run.work.map_id, 0)
        unknown = _only_then(run.plan)
        words = f"The kernel accepts it; nothing was registered.{unknown} {leftovers(left)}"
        steps = tuple(run.taken.results if run.taken else ())
        yield Outcome(ok=not left, steps=steps, words=words, left=left)


def _only_checked(plan: Plan, facts: RegistrationFacts) -> Outcome:
    """The outcome of a dry run where there is nothing to try."""
    why = (
        f"{plan.type_name} takes no links"
        if facts.links_supported
        else "this kernel has no BPF_F_LINK (6.4)"
    )
    words = f"Only the checks ran, and passed: {why}, so nothing can be tried.{_only_then(plan)}"
    return Outcome(ok=True, words=words)


def _only_then(plan: Plan) -> str:
    unknown = of_type(plan.type_name).registering.unknown
    return f" Only registering shows {unknown}." if unknown else ""


def _registered(run: _Run, facts: RegistrationFacts) -> Outcome:
    """The outcome as the kernel tells it once more, after everything but a held link was closed."""
    plan, work, taken = run.plan, run.work, run.taken or Taken()
    now = look_again(facts)
    found = now.snapshot.maps.get(work.map_id)
    state, status = (found.state, found.status) if found else ("", "")
    what = f"map {work.map_id} {printable(plan.map_name)}"
    link = f" by link {work.link_id}" if work.link_id else ""
    pinned = f", pinned at {printable(plan.pin)}" if plan.pin else ""
    held = ", while this program holds the link" if _is_held(plan) else ""
    there = now.unread or (f"{what}, {status or 'gone'}{link}{pinned}{held}",)
    done = "Swapped" if plan.replace_link else "Registered"
    return Outcome(
        ok=found is not None or bool(now.unread),
        map_id=work.map_id,
        link_id=work.link_id,
        state=state,
        status=status,
        steps=tuple(taken.results),
        words=f"{done}: {taken.results[-1].message}. {_sentence(lifetime(plan).words)}",
        left=(*there, *side_effects(taken)),
        held=work.link if _is_held(plan) else None,
    )


def _is_held(plan: Plan) -> bool:
    """Whether the link that the plan makes needs this program to live."""
    return plan.link and not plan.pin and not plan.replace_link


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."
