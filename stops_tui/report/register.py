"""`register`: a new map out of programs, checked, made, and seen to be there."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from stops_tui.exit_codes import PERMISSION, REFUSED, UNSUPPORTED, USAGE
from stops_tui.kernels.kernel import Kernel
from stops_tui.report.change import armed
from stops_tui.report.order import Order, compose_all
from stops_tui.report.outcome import NOTHING_DONE, Unfulfilled, tell_warnings, together, told
from stops_tui.struct_ops.registration import life_checks, object_checks
from stops_tui.struct_ops.registration.checks import checks_together, failures
from stops_tui.struct_ops.registration.execute import dry_run_all, execute_all
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.lifetime import undoing
from stops_tui.struct_ops.registration.outcome import Check, Outcome
from stops_tui.struct_ops.registration.plan import Plan
from stops_tui.struct_ops.text import printable


def report(kernel: Kernel, order: Order, *, dry: bool, as_json: bool) -> int:
    """Register it and print what came of it; the exit code.

    Raises:
        Unfulfilled: The plan is not one, or a check failed; nothing was done.
    """
    facts = RegistrationFacts.gather(kernel)
    plans = compose_all(order, facts)
    for plan in plans:
        _check_life(plan, order)
    found = passed(plans, facts)
    if not as_json:
        tell_warnings(found)
    with armed(kernel) as writes:
        do = dry_run_all if dry else execute_all
        outcomes = do(plans, facts, writes)
        undo = [] if dry else list(chain.from_iterable(map(_undo, plans, outcomes)))
        return told(together(outcomes), found, undo, outcomes, as_json=as_json)


def _undo(plan: Plan, outcome: Outcome) -> tuple[str, ...]:
    return undoing(plan, outcome.map_id, outcome.link_id)


def _check_life(plan: Plan, order: Order) -> None:
    """Refuse what would end with this command, and what is another command's to do."""
    if plan.replace_link:
        raise Unfulfilled(
            f"this plan replaces the map in link {plan.replace_link}: "
            f"say stops-tui swap link {plan.replace_link} --plan {order.plan_file}",
            USAGE,
        )
    if plan.link and not plan.pin:
        plain = "" if order.object_file else ", or make a plain map (without --link)"
        raise Unfulfilled(
            "an unpinned link would end with this command, and unregister: "
            f"pin it (--pin PATH){plain}",
            USAGE,
        )


def passed(plans: Sequence[Plan], facts: RegistrationFacts) -> tuple[Check, ...]:
    """The checks of plans that may go on.

    Raises:
        Unfulfilled: One failed.
    """
    found = checks_together(plans, facts)
    for plan, checks in zip(plans, found, strict=True):
        if failed := failures(checks):
            words = "; ".join(check.words for check in failed)
            of = f"{printable(plan.map_name)}: " if len(plans) > 1 else ""
            raise Unfulfilled(f"{of}{words}. {NOTHING_DONE}", _exit_code(plan, facts), checks)
    return tuple(dict.fromkeys(check for checks in found for check in checks))


def _exit_code(plan: Plan, facts: RegistrationFacts) -> int:
    """Of a plan that is barred: rights, libbpf, what the kernel would say now, or the plan."""
    type_ = facts.types[plan.type_name]
    if failures(tuple(life_checks.rights(plan, facts))):
        return PERMISSION
    if failures(tuple(object_checks.objects(plan, facts))):
        return UNSUPPORTED
    state = (
        *life_checks.subsystem_state(plan, type_, facts),
        *life_checks.replaced(plan, type_, facts),
    )
    return REFUSED if failures(state) else USAGE
