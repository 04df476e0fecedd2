"""Seeing what is there: no call's success is believed before."""

from __future__ import annotations

import time
from collections.abc import Callable

from stops_tui.struct_ops.inventory import Snapshot, StructOpsMap
from stops_tui.struct_ops.registration.actions import NotThere, Work
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.life_checks import decoded_data
from stops_tui.struct_ops.registration.plan import Plan
from stops_tui.struct_ops.subsystems import of_type
from stops_tui.struct_ops.types import StructOpsType

PATIENCE = 1.0
"""Seconds that the kernel is given to free what nobody holds any more: it does so deferred."""


def read_back(plan: Plan, type_: StructOpsType, facts: RegistrationFacts, work: Work) -> str:
    """What the kernel and the subsystem say after a registration, in words.

    Raises:
        NotThere: It is not registered, whatever the calls said.
    """
    found = _map(facts.inventory.sweep(), work)
    expected = "READY" if plan.needs_link_map else "INUSE"
    if found.state != expected:
        raise NotThere(f"the calls succeeded, but map {found.id} is {found.state}")
    _check_programs(found, plan, work)
    words = f"map {found.id} is {found.state}, refcnt {found.refcnt}"
    if plan.needs_link_map:
        if work.link_id not in found.links:
            raise NotThere(f"the calls succeeded, but link {work.link_id} is not on map {found.id}")
        words += f", in link {work.link_id}"
    showing, data = of_type(type_.name).registering.showing, decoded_data(plan, type_)
    if showing and data is not None:
        conditions = facts.kernel.conditions()
        shown = showing.shows(data, conditions)
        if shown is False:
            raise NotThere(f"the calls succeeded, but {showing.absent(data, conditions)}")
        if shown:
            words += f"; {showing.where} shows it"
    return words


def read_back_ready(plan: Plan, facts: RegistrationFacts, work: Work) -> str:
    """What the kernel says of a scratch map.

    Raises:
        NotThere: It did not accept it.
    """
    found = _map(facts.inventory.sweep(), work)
    if found.state != "READY":
        raise NotThere(f"the calls succeeded, but map {found.id} is {found.state}")
    _check_programs(found, plan, work)
    return f"map {found.id} is READY: the kernel accepts it"


def settled(
    facts: RegistrationFacts, done: Callable[[Snapshot], bool], seconds: float = PATIENCE
) -> Snapshot:
    """The kernel's state once it is as expected, or when patience ends."""
    end = time.monotonic() + seconds
    while not done(snapshot := facts.inventory.sweep()) and time.monotonic() < end:
        time.sleep(0.01)
    return snapshot


def _map(snapshot: Snapshot, work: Work) -> StructOpsMap:
    found = snapshot.maps.get(work.map_id)
    if found is None:
        raise NotThere(f"the calls succeeded, but map {work.map_id} is gone")
    return found


def _check_programs(found: StructOpsMap, plan: Plan, work: Work) -> None:
    """That each member runs the program that was given for it, and the others none."""
    given = {member: program.id for member, program in work.serving(plan).items()}
    for value in found.members:
        if value.prog_id != (wanted := given.get(value.member.name, 0)):
            raise NotThere(
                f"the calls succeeded, but {value.member.name} of map {found.id} has "
                f"{_program(value.prog_id)}, not {_program(wanted)}"
            )


def _program(prog_id: int) -> str:
    return f"program {prog_id}" if prog_id else "no program"
