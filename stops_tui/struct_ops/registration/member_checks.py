"""Checks of a plan's members: programs, mandatory ones, data."""

from __future__ import annotations

from collections.abc import Iterator

from stops_tui.struct_ops.candidates import fit_of
from stops_tui.struct_ops.examples import unavailable
from stops_tui.struct_ops.registration.encode import EncodeError, encode_member
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.naming import name_problem
from stops_tui.struct_ops.registration.outcome import Check
from stops_tui.struct_ops.registration.plan import Example, InObject, Plan, ProgramSource
from stops_tui.struct_ops.registration.sources import (
    NoProgram,
    built_in,
    describe,
    in_object,
    program_of,
)
from stops_tui.struct_ops.subsystems import of_type
from stops_tui.struct_ops.text import printable
from stops_tui.struct_ops.types import Member, StructOpsType


def mandatory(plan: Plan, type_: StructOpsType) -> Iterator[Check]:
    """What the subsystem refuses a map without (EINVAL)."""
    demanded = [member for member in type_.members if member.mandatory]
    given = {*plan.programs, *(name for name, value in plan.data.items() if value != "")}
    missing = [m for m in demanded if m.name not in given and m.instead not in given]
    told: set[str] = set()
    for member in missing:
        if member.instead not in told:
            yield Check("failed", _missing(member), member.name)
        told.add(member.name)
    if demanded and not missing:
        names = ", ".join(member.name for member in demanded if member.name in given)
        yield Check("passed", f"mandatory members set ({names})")


def _missing(member: Member) -> str:
    named = f"{member.name} or {member.instead}" if member.instead else member.name
    what = "choose a program" if member.kind == "func" else "give it a value"
    return f"{named} is mandatory, the kernel refuses a map without it: {what}"


def programs(plan: Plan, type_: StructOpsType, facts: RegistrationFacts) -> Iterator[Check]:
    """Whether each program fits its member; said once where it is known of all."""
    found = [_program(name, source, type_, facts) for name, source in plan.programs.items()]
    yield from (check for check in found if check)
    if found and not any(found):
        yield Check("passed", "each program fits its member")


def _program(
    name: str, source: ProgramSource, type_: StructOpsType, facts: RegistrationFacts
) -> Check | None:
    """What is wrong or unsure about one program; None if it is known to fit."""
    if problem := member_problem(type_, name):
        return Check("failed", problem, name)
    try:
        if isinstance(source, Example):
            return _example(name, source, type_)
        if isinstance(source, InObject):
            in_object(source, facts)  # the verifier sees whether it fits
            return None
        fit = fit_of(program_of(source, facts), type_, name, facts)
    except NoProgram as error:
        return Check("failed", f"{printable(str(error))}: choose another program", name)
    shown = describe(source, facts)
    if fit.fit == "no":
        return Check("failed", f"{name}: {shown} {fit.reason}: choose another program", name)
    if fit.fit == "guess":
        return Check("warned", f"{name}: that {shown} fits is a guess, the kernel will tell", name)
    return None


def _example(name: str, source: Example, type_: StructOpsType) -> Check | None:
    example = built_in(source, type_)
    if lacking := unavailable(example, {type_.name: type_}):
        return Check("failed", f"{source}: {lacking}", name)
    if source.member != name:
        return Check(
            "failed", f"{source} implements {source.member}: choose a program for {name}", name
        )
    return None


def member_problem(type_: StructOpsType, name: str) -> str:
    """Why no program may serve a member, and what to do; "" if one may."""
    member = next((each for each in type_.members if each.name == name and name), None)
    if member is None:
        return f"{type_.name} has no member {printable(name)} in this kernel: take it out"
    if member.kind == "data":
        return f"{name} is a data member, not a function: give it a value instead"
    if not of_type(type_.name).registering.takes_program(name):
        return f"the kernel takes no program for {name} of {type_.name}: leave it out"
    return ""


def data(plan: Plan, type_: StructOpsType) -> Iterator[Check]:
    """Whether each data member takes what it is given."""
    scratch = bytearray(type_.value_size)
    named = of_type(type_.name).registering.name
    failed = False
    for name, content in plan.data.items():
        try:
            field = encode_member(type_, name, content, scratch)
            problem = name_problem(str(content), field.length) if name == named and content else ""
        except EncodeError as error:
            problem = error.reason
        if problem:
            failed = True
            yield Check("failed", f"{printable(name)}: {problem}", name)
    if plan.data and not failed:
        yield Check("passed", f"data well formed ({', '.join(plan.data)})")
