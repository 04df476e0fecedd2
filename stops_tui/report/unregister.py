"""`unregister`: end a registration, after a question."""

from __future__ import annotations

import os

from stops_tui.exit_codes import NOT_FOUND, REFUSED, USAGE
from stops_tui.kernels.kernel import Kernel
from stops_tui.report.change import armed, ask
from stops_tui.report.choice import chosen_maps
from stops_tui.report.outcome import NOTHING_DONE, Unfulfilled, told
from stops_tui.struct_ops.registration.checks import failures
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.plan import PlanError
from stops_tui.struct_ops.registration.unregister import Unregistration, checks, execute, plan_for
from stops_tui.struct_ops.text import printable


def report(kernel: Kernel, by: str, which: int | str, *, yes: bool, as_json: bool) -> int:
    """Unregister it and print what came of it; the exit code.

    Args:
        kernel: Where.
        by: "id", "name", "link" or "pinned".
        which: The map's id, its name, the link's id, or the path of a pin.
        yes: Without asking.
        as_json: See `outcome.told`.

    Raises:
        Unfulfilled: There is no such thing, it is not registered, or the person does not want it.
    """
    facts = RegistrationFacts.gather(kernel)
    wanted = _wanted(facts, by, which)
    about = wanted.map_id, wanted.link_ids[0] if wanted.link_ids else 0
    found = checks(wanted, facts)
    if failed := failures(found):
        words = "; ".join(check.words for check in failed)
        raise Unfulfilled(f"{words}. {NOTHING_DONE}", REFUSED, found, about)
    ask(question(wanted), found, about, yes=yes, as_json=as_json)
    with armed(kernel) as writes:
        return told(execute(wanted, facts, writes), found, as_json=as_json)


def question(wanted: Unregistration) -> str:
    """What is asked: the map, what it is, who holds it, and what will be removed."""
    parts = [f"Unregister {wanted.what} ({wanted.type_name}, {wanted.status})"]
    held = [f"{wanted.holders} in the subsystem"] if wanted.holders else []
    held += [*wanted.users, *(f"pin {printable(pin)}" for pin in wanted.other_pins)]
    if held:
        parts.append(f"held by {', '.join(held)}")
    if wanted.link_ids and wanted.map_id:
        links = ", ".join(map(str, wanted.link_ids))
        parts.append(f"detach link{'s' * (len(wanted.link_ids) > 1)} {links}")
    if wanted.pins:
        parts.append(f"remove {', '.join(printable(pin) for pin in wanted.pins)}")
    return f"{'; '.join(parts)}?"


def _wanted(facts: RegistrationFacts, by: str, which: int | str) -> Unregistration:
    try:
        match by, which:
            case "id", int():
                return plan_for(facts, map_id=which)
            case "link", int():
                return plan_for(facts, link_id=which)
            case "pinned", str():
                return plan_for(facts, pin=os.path.abspath(which))  # noqa: PTH100 (keeps links)
            case _:
                return plan_for(facts, map_id=_id_of(facts, str(which)))
    except PlanError as error:
        raise Unfulfilled(f"{error}. {NOTHING_DONE}", NOT_FOUND) from error


def _id_of(facts: RegistrationFacts, name: str) -> int:
    """The id of the one map that has this name, or that its subsystem knows by it."""
    maps = chosen_maps(facts.snapshot, ("name", name))
    if not maps:
        raise PlanError(f"no struct_ops map has name {printable(name)}")
    if len(maps) > 1:
        each = ", ".join(f"id {map_.id} {printable(map_.name)} ({map_.status})" for map_ in maps)
        words = "several maps have that name, as their own or in their subsystem; choose one"
        raise Unfulfilled(f"{words}: {each}", USAGE)
    return maps[0].id
