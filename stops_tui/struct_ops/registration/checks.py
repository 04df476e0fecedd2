"""What can be known of a plan before anything is done."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from stops_tui.struct_ops.registration import life_checks, member_checks, object_checks
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.objects import Unusable, placed, wanted_of
from stops_tui.struct_ops.registration.outcome import Check
from stops_tui.struct_ops.registration.plan import Plan
from stops_tui.struct_ops.subsystems import of_type
from stops_tui.struct_ops.text import printable


def checks(plan: Plan, facts: RegistrationFacts) -> tuple[Check, ...]:
    """Everything that was looked at: what failed, then what to be warned of, then what passed."""
    return in_order(_all(plan, facts))


def checks_together(
    plans: Sequence[Plan], facts: RegistrationFacts
) -> tuple[tuple[Check, ...], ...]:
    """The checks of each of several plans that are to be done at once."""
    return tuple(
        in_order((*_all(plan, facts), *_clashes(plan, plans[:number], facts)))
        for number, plan in enumerate(plans)
    )


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
            beyond=True,
        )
        return
    yield from life_checks.kinds(plan, type_, facts)
    yield from member_checks.mandatory(plan, type_)
    yield from member_checks.programs(plan, type_, facts)
    yield from object_checks.objects(plan, facts)
    yield from member_checks.data(plan, type_)
    yield from life_checks.map_name(plan)
    yield from life_checks.subsystem_state(plan, type_, facts)
    yield from life_checks.replaced(plan, type_, facts)
    yield from life_checks.rights(plan, facts)
    yield from life_checks.place(plan, facts)
    yield from life_checks.lives(plan)


def _clashes(plan: Plan, before: Sequence[Plan], facts: RegistrationFacts) -> Iterator[Check]:
    """What a plan and one that is done before it cannot both have."""
    named = of_type(plan.type_name).registering.name
    for other in before:
        name = str(plan.data.get(named, ""))
        same_type = other.type_name == plan.type_name
        if same_type and name and name == str(other.data.get(named, "")):
            words = f'"{printable(name)}" is the name of another of them: choose another {named}'
            yield Check("failed", words, named)
        if plan.pin and plan.pin == other.pin:
            path = printable(plan.pin)
            yield Check("failed", f"another of them is to be pinned at {path}: choose another path")
    try:
        for path, wanted in wanted_of((*before, plan)).items():
            placed(facts.objects.at(path), wanted)
    except Unusable as error:
        if before:
            yield Check("failed", f"together with the others: {error}")
