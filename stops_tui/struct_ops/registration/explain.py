"""Why a step failed: the errno's cause, and what of this kernel and this plan it comes from."""

from __future__ import annotations

from errno import EEXIST, EINVAL

from stops_tui.bpf.errors import BpfError
from stops_tui.struct_ops.registration.actions import Failure, Work, words_of
from stops_tui.struct_ops.registration.diagnose import misfits
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.life_checks import decoded_data, name_in_subsystem
from stops_tui.struct_ops.registration.plan import Plan
from stops_tui.struct_ops.registration.sources import describe
from stops_tui.struct_ops.registration.steps import can_dry_run
from stops_tui.struct_ops.subsystems import of_type
from stops_tui.struct_ops.text import printable
from stops_tui.struct_ops.types import StructOpsType

_REGISTERING = ("BPF_MAP_UPDATE_ELEM", "BPF_LINK_CREATE")


def explain(failure: Failure, work: Work, plan: Plan, facts: RegistrationFacts) -> str:
    """The cause in words; "" to leave it at what the error itself says."""
    error, type_ = failure.error, facts.types.get(plan.type_name)
    if type_ is None or not isinstance(error, BpfError) or error.command not in _REGISTERING:
        return ""
    if error.errno == 0:
        return "the kernel claimed success with another value than 0: nothing was registered"
    if error.errno == EEXIST:
        return _taken(plan, type_, facts)
    if error.errno == EINVAL and error.command == "BPF_MAP_UPDATE_ELEM":
        return _invalid(error, work, plan, type_, facts)
    subsystem, data = of_type(type_.name).registering, decoded_data(plan, type_)
    if subsystem.obstacle is None or data is None:
        return ""
    return subsystem.obstacle(data, facts.kernel.conditions())


def _taken(plan: Plan, type_: StructOpsType, facts: RegistrationFacts) -> str:
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
    return f'"{printable(name)}" is registered already (by {by}): choose another {named}'


def _invalid(
    error: BpfError, work: Work, plan: Plan, type_: StructOpsType, facts: RegistrationFacts
) -> str:
    """Which program does not fit, if one does not."""
    found = None
    if can_dry_run(plan, facts):
        found = misfits(plan, type_, work.writes, work.programs)
    if not found:
        return words_of(error)
    told = [f"{name} ({describe(plan.programs[name], facts)})" for name in found]
    return f"the program for {', '.join(told)} was made for another member: choose another program"
