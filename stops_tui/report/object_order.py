"""The plans that a command line asks for of an object file: one for each variable it names."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from stops_tui.exit_codes import NOT_FOUND, UNSUPPORTED
from stops_tui.report.order import Order, check_source, finished, nearest, of_type, wrong
from stops_tui.report.outcome import Unfulfilled
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.object_plan import object_plan
from stops_tui.struct_ops.registration.objects import Unusable
from stops_tui.struct_ops.registration.plan import InObject, Plan, PlanError, parse_source
from stops_tui.struct_ops.text import printable

if TYPE_CHECKING:
    from stops_tui.bpf.object_file import ObjectFile

Assignments = tuple[tuple[str, str], ...]


def compose_of_object(order: Order, path: str, facts: RegistrationFacts) -> tuple[Plan, ...]:
    """A plan for each variable that is asked for, with what is set over it.

    Raises:
        Unfulfilled: The order cannot be understood, or names what is not there.
    """
    if order.example or order.plan_file or order.type_name:
        raise wrong("--object says all: leave --type, --example and --plan out")
    try:
        file = facts.objects.at(str(Path(path).absolute()))
    except Unusable as error:
        raise Unfulfilled(str(error), NOT_FOUND) from error
    variables = _variables(file, order.variables)
    if order.map_name and len(variables) > 1:
        raise wrong("several maps cannot all have one name: leave --name out")
    return tuple(_plan(file, name, order, variables, facts) for name in variables)


def _variables(file: ObjectFile, asked: Sequence[str]) -> tuple[str, ...]:
    """Those that were asked for, each once; without any the only one that libbpf would make."""
    known = [found.variable for found in file.struct_ops]
    path = printable(file.path)
    if not known:
        raise Unfulfilled(f"{path} has no struct_ops: see stops-tui object {path}", NOT_FOUND)
    for name in asked:
        if name not in known:
            hint = nearest(name, known, f"it has {', '.join(map(printable, known))}")
            words = f'{path} has no struct_ops variable "{printable(name)}": {hint}'
            raise Unfulfilled(words, NOT_FOUND)
    if asked:
        return tuple(dict.fromkeys(asked))
    required = [found.variable for found in file.struct_ops if not found.optional]
    alone = required if required else known
    if len(alone) == 1:
        return tuple(alone)
    told = ", ".join(
        f"{printable(found.variable)}{' (optional)' if found.optional else ''}"
        for found in file.struct_ops
    )
    raise wrong(f"{path} has several struct_ops: {told}. Say which: --map NAME, for each")


def _plan(
    file: ObjectFile,
    variable: str,
    order: Order,
    variables: Sequence[str],
    facts: RegistrationFacts,
) -> Plan:
    programs = dict(_of_variable(order.programs, variable, variables))
    data = dict(_of_variable(order.data, variable, variables))
    found = next(each for each in file.struct_ops if each.variable == variable)
    type_ = of_type(found.type_name, facts)
    begun, lost = object_plan(file, variable, facts.types)
    missed = [check.words for check in lost if check.member not in {*programs, *data}]
    if missed:
        raise Unfulfilled(f"{printable(variable)}: {'; '.join(missed)}", UNSUPPORTED)
    for member, text in programs.items():
        programs[member] = _source(file, member, text)
    over = replace(order, programs=tuple(programs.items()), data=tuple(data.items()))
    plan = finished(over, begun, type_)
    for member, source in plan.programs.items():
        check_source(member, source, type_, facts)
    if len(variables) > 1 and plan.pin:
        return replace(plan, pin=posixpath.join(plan.pin, plan.map_name))
    return plan


def _source(file: ObjectFile, member: str, text: str) -> str:
    """A program of the object by its name, or what else a plan takes as a program.

    Raises:
        Unfulfilled: It is neither.
    """
    known = [program.name for program in file.programs]
    if text in known:
        return str(InObject(file.path, text))
    try:
        return str(parse_source(text))
    except PlanError as error:
        hint = nearest(text, known, f"it has {', '.join(known)}")
        path = printable(file.path)
        raise Unfulfilled(f'{member}: {path} has no program "{text}": {hint}', NOT_FOUND) from error


def _of_variable(given: Assignments, variable: str, variables: Sequence[str]) -> Assignments:
    """What is given for one variable: `VAR.member=…`, or `member=…` where there is but one."""
    found = []
    for name, text in given:
        owner, dot, member = name.partition(".")
        if dot and owner not in variables:
            hint = nearest(owner, variables, f"there are {', '.join(map(printable, variables))}")
            raise wrong(f'no map "{printable(owner)}" is registered here: {hint}')
        if not dot and len(variables) > 1:
            raise wrong(
                f"{printable(name)} of which map? Say it as in {printable(variables[0])}."
                f"{printable(name)}={printable(text)}"
            )
        if not dot or owner == variable:
            found.append((member or name, text))
    return tuple(found)
