"""What can be known of a plan before anything is done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stops_tui.struct_ops.registration import life_checks, member_checks
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.outcome import Check
from stops_tui.struct_ops.registration.plan import Plan
from stops_tui.struct_ops.text import printable


def checks(plan: Plan, facts: RegistrationFacts) -> tuple[Check, ...]:
    """Everything that was looked at: what failed, then what to be warned of, then what passed."""
    return in_order(_all(plan, facts))


def in_order(found: Iterable[Check]) -> tuple[Check, ...]:
    """What failed first, then what to be warned of, then what passed."""
    levels = ("failed", "warned", "passed")
    return tuple(sorted(found, key=lambda check: levels.index(check.level)))


def failures(found: tuple[Check, ...]) -> tuple[Check, ...]:
    """The checks that bar the way."""
    return tuple(check for check in found if check.level == "failed")


def _all(plan: Plan, facts: RegistrationFacts) -> Iterator[Check]:
    type_ = facts.types.get(plan.type_name)
    if type_ is None:
        offered = ", ".join(sorted(facts.types)) or "none"
        yield Check(
            "failed",
            f"this kernel does not offer {printable(plan.type_name)}: it offers {offered}",
        )
        return
    yield from life_checks.kinds(plan, type_, facts)
    yield from member_checks.mandatory(plan, type_)
    yield from member_checks.programs(plan, type_, facts)
    yield from member_checks.data(plan, type_)
    yield from life_checks.map_name(plan)
    yield from life_checks.subsystem_state(plan, type_, facts)
    yield from life_checks.replaced(plan, type_, facts)
    yield from life_checks.rights(plan, facts)
    yield from life_checks.place(plan, facts)
    yield from life_checks.lives(plan)
