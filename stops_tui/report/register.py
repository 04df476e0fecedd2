"""`register`: a new map out of programs, checked, made, and seen to be there."""

from __future__ import annotations

from stops_tui.kernels.kernel import Kernel
from stops_tui.report.change import armed
from stops_tui.report.order import Order, compose
from stops_tui.report.outcome import NOTHING_DONE, Unfulfilled, tell_warnings, told
from stops_tui.report.output import PERMISSION, REFUSED, USAGE
from stops_tui.struct_ops.registration import life_checks
from stops_tui.struct_ops.registration.checks import checks, failures
from stops_tui.struct_ops.registration.execute import dry_run, execute
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.lifetime import undoing
from stops_tui.struct_ops.registration.outcome import Check
from stops_tui.struct_ops.registration.plan import Plan


def report(kernel: Kernel, order: Order, *, dry: bool, as_json: bool) -> int:
    """Register it and print what came of it; the exit code.

    Raises:
        Unfulfilled: The plan is not one, or a check failed; nothing was done.
    """
    facts = RegistrationFacts.gather(kernel)
    plan = compose(order, facts)
    if plan.replace_link:
        raise Unfulfilled(
            f"this plan replaces the map in link {plan.replace_link}: "
            f"say stops-tui swap link {plan.replace_link} --plan {order.plan_file}",
            USAGE,
        )
    if plan.link and not plan.pin:
        raise Unfulfilled(
            "an unpinned link would end with this command, and unregister: pin it (--pin PATH), "
            "or make a plain map (without --link)",
            USAGE,
        )
    found = passed(plan, facts)
    if not as_json:
        tell_warnings(found)
    with armed(kernel) as writes:
        outcome = dry_run(plan, facts, writes) if dry else execute(plan, facts, writes)
        undo = () if dry else undoing(plan, outcome.map_id, outcome.link_id)
        return told(outcome, found, undo, as_json=as_json)


def passed(plan: Plan, facts: RegistrationFacts) -> tuple[Check, ...]:
    """The checks of a plan that may go on.

    Raises:
        Unfulfilled: One failed.
    """
    found = checks(plan, facts)
    if failed := failures(found):
        words = "; ".join(check.words for check in failed)
        raise Unfulfilled(f"{words}. {NOTHING_DONE}", _exit_code(plan, facts), found)
    return found


def _exit_code(plan: Plan, facts: RegistrationFacts) -> int:
    """Of a plan that is barred: rights, what the kernel would say now, or the plan itself."""
    type_ = facts.types[plan.type_name]
    if failures(tuple(life_checks.rights(plan, facts))):
        return PERMISSION
    state = (
        *life_checks.subsystem_state(plan, type_, facts),
        *life_checks.replaced(plan, type_, facts),
    )
    return REFUSED if failures(state) else USAGE
