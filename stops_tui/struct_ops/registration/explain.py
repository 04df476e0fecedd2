"""Why a step failed: the errno's cause, and what of this kernel and this plan it comes from."""

from __future__ import annotations

from errno import E2BIG, EEXIST, EINVAL

from stops_tui.bpf.errors import BpfError
from stops_tui.struct_ops.members import name_in_subsystem
from stops_tui.struct_ops.registration.actions import Cause, Failure, Work, refusal_of
from stops_tui.struct_ops.registration.diagnose import blame
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.life_checks import decoded_data
from stops_tui.struct_ops.registration.plan import InObject, Plan
from stops_tui.struct_ops.registration.sources import describe
from stops_tui.struct_ops.registration.steps import can_dry_run
from stops_tui.struct_ops.subsystems import of_type
from stops_tui.struct_ops.text import printable
from stops_tui.struct_ops.types import StructOpsType

_LONGEST = 400
"""Characters of a cause; the verifier's own words can be long."""

_REGISTERING = ("BPF_MAP_UPDATE_ELEM", "BPF_LINK_CREATE")


def explain(failure: Failure, work: Work, plan: Plan, facts: RegistrationFacts) -> Cause:
    """The cause in words, and the member it comes from, as far as it can be told."""
    error, type_ = failure.error, facts.types.get(plan.type_name)
    if isinstance(error, BpfError) and error.program:
        return _refused(error, plan)
    if type_ is None or not isinstance(error, BpfError) or error.command not in _REGISTERING:
        return Cause()
    if error.errno == 0:
        return Cause("the kernel claimed success with another value than 0: nothing was registered")
    if error.errno == EEXIST:
        return _taken(plan, type_, facts)
    if error.errno in (EINVAL, E2BIG) and error.command == "BPF_MAP_UPDATE_ELEM":
        return _invalid(work, plan, type_, facts)
    subsystem, data = of_type(type_.name).registering, decoded_data(plan, type_)
    if error.errno == EINVAL and subsystem.needs_map:
        return Cause(f"the subsystem refuses it if no program uses {subsystem.needs_map}")
    if subsystem.obstacle is None or data is None:
        return Cause()
    return Cause(subsystem.obstacle(data, facts.kernel.conditions()))


def _refused(error: BpfError, plan: Plan) -> Cause:
    """Which program of an object the verifier refused, and where in it."""
    why = refusal_of(error) or error.cause
    serves = (
        member
        for member, source in plan.programs.items()
        if isinstance(source, InObject) and source.program == error.program
    )
    return Cause(printable(f"program {error.program}: {why}", _LONGEST), next(serves, ""))


def _taken(plan: Plan, type_: StructOpsType, facts: RegistrationFacts) -> Cause:
    """Which map has the name; the kernel's own, such as reno, are in no map."""
    named = of_type(type_.name).registering.name
    name = str(plan.data.get(named, ""))
    owners = [
        f"map {found.id} {printable(found.name)}"
        for found in facts.inventory.sweep().maps.values()
        if found.type
        and found.type.name == type_.name
        and (found.state == "INUSE" or found.links)
        and name_in_subsystem(found.type, found.raw.value) == name
    ]
    by = ", ".join(owners) or "the kernel itself, or by a map that was unregistered meanwhile"
    return Cause(
        f'"{printable(name)}" is registered already (by {by}): choose another {named}', named
    )


def _invalid(work: Work, plan: Plan, type_: StructOpsType, facts: RegistrationFacts) -> Cause:
    """Which program does not fit, or which value is refused, if trials tell."""
    if not can_dry_run(plan, facts):
        return Cause()
    found = blame(plan, type_, work.writes, work.serving(plan))
    if found.programs:
        told = [f"{name} ({describe(plan.programs[name], facts)})" for name in found.programs]
        words = f"the program for {', '.join(told)} was made for another member"
        return Cause(f"{words}: choose another program", found.programs[0])
    if found.data:
        told = [f"{printable(str(plan.data[name]))} for {name}" for name in found.data]
        words = f"the kernel does not take {', '.join(told)}"
        return Cause(f"{words}: give it another value", found.data[0])
    return Cause()
