"""Doing what a plan says, and telling what is there afterwards."""

from __future__ import annotations

from dataclasses import replace

from stops_tui.kernels.writes import Handle, ReadOnly, Writes
from stops_tui.struct_ops.registration.actions import Explain, NotThere, Taken, Work, take
from stops_tui.struct_ops.registration.checks import checks, failures
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
    if barred := _barred(plan, facts, writes):
        return barred
    return perform(plan, facts, writes, tell)


def perform(
    plan: Plan, facts: RegistrationFacts, writes: Writes, tell: Tell | None = None
) -> Outcome:
    """As `execute`, whatever the checks say: the kernel is asked, and answers.

    Raises:
        ReadOnly: Writing is not armed; nothing was done.
    """
    _armed(writes)
    work = Work(writes)
    held: Handle | None = None
    try:
        taken = take(actions(plan, facts), work, tell, _explainer(plan, facts))
        held = work.link if not taken.failure and _is_held(plan) else None
    finally:
        work.close(keep=held)
    if taken.failure:
        link_id = 0 if plan.replace_link else work.link_id
        return _failed(taken, left_behind(facts, work.map_id, link_id) + side_effects(taken))
    return replace(_registered(taken, plan, facts, work), held=held)


def dry_run(
    plan: Plan, facts: RegistrationFacts, writes: Writes, tell: Tell | None = None
) -> Outcome:
    """Let the kernel validate the plan in a scratch link map, which is dropped; else only check.

    Raises:
        ReadOnly: Writing is not armed; nothing was done. (Programs and maps are made.)
    """
    if barred := _barred(plan, facts, writes):
        return barred
    unknown = of_type(plan.type_name).registering.unknown
    still = f" Only registering shows {unknown}." if unknown else ""
    if not can_dry_run(plan, facts):
        why = (
            f"{plan.type_name} takes no links"
            if facts.links_supported
            else "this kernel has no BPF_F_LINK (6.4)"
        )
        words = f"Only the checks ran, and passed: {why}, so nothing can be tried.{still}"
        return Outcome(ok=True, words=words)
    work = Work(writes)
    try:
        taken = take(dry_actions(plan, facts), work, tell, _explainer(plan, facts))
    finally:
        work.close()
    left = left_behind(facts, work.map_id, 0)
    if taken.failure:
        return _failed(taken, left)
    words = f"The kernel accepts it; nothing was registered.{still} {leftovers(left)}"
    return Outcome(ok=not left, steps=tuple(taken.results), words=words, left=left)


def _barred(plan: Plan, facts: RegistrationFacts, writes: Writes) -> Outcome | None:
    _armed(writes)
    failed = failures(checks(plan, facts))
    if not failed:
        return None
    words = "; ".join(check.words for check in failed)
    return Outcome(ok=False, words=f"{words}. {NOTHING_DONE}")


def _armed(writes: Writes) -> None:
    if not writes.armed:
        raise ReadOnly("writing is not armed: nothing was done")


def _explainer(plan: Plan, facts: RegistrationFacts) -> Explain:
    return lambda failure, work: explain(failure, work, plan, facts)


def _failed(taken: Taken, left: tuple[str, ...]) -> Outcome:
    return Outcome(
        ok=False,
        steps=tuple(taken.results),
        words=failed_words(taken, left),
        left=left,
        refused=taken.failure is not None and not isinstance(taken.failure.error, NotThere),
    )


def _registered(taken: Taken, plan: Plan, facts: RegistrationFacts, work: Work) -> Outcome:
    """The outcome as the kernel tells it once more, after everything but a held link was closed."""
    found = facts.inventory.sweep().maps.get(work.map_id)
    state, status = (found.state, found.status) if found else ("", "")
    what = f"map {work.map_id} {printable(plan.map_name)}"
    link = f" by link {work.link_id}" if work.link_id else ""
    pinned = f", pinned at {printable(plan.pin)}" if plan.pin else ""
    held = ", while this program holds the link" if _is_held(plan) else ""
    done = "Swapped" if plan.replace_link else "Registered"
    return Outcome(
        ok=found is not None,
        map_id=work.map_id,
        link_id=work.link_id,
        state=state,
        status=status,
        steps=tuple(taken.results),
        words=f"{done}: {taken.results[-1].message}. {_sentence(lifetime(plan).words)}",
        left=(f"{what}, {status or 'gone'}{link}{pinned}{held}", *side_effects(taken)),
    )


def _is_held(plan: Plan) -> bool:
    """Whether the link that the plan makes needs this program to live."""
    return plan.link and not plan.pin and not plan.replace_link


def _sentence(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}."
