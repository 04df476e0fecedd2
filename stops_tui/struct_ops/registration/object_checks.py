"""Checks of the object files that a plan takes programs from, and of what loads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from stops_tui.kernels.writes import Libbpf
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.objects import Unusable, placed, wanted_of
from stops_tui.struct_ops.registration.outcome import Check
from stops_tui.struct_ops.registration.plan import Plan
from stops_tui.struct_ops.text import printable
from stops_tui.struct_ops.types import StructOpsType

if TYPE_CHECKING:
    from stops_tui.bpf.object_file import ObjectFile, ObjectStructOps

LINKS_SINCE = 1, 2
"""libbpf knows .struct_ops.link and struct_ops.s/ programs."""

VARIANTS_SINCE = 1, 4
"""libbpf knows ?.struct_ops, X___suffix, modules' types, and leaves out members a kernel lacks."""


def objects(plan: Plan, facts: RegistrationFacts) -> Iterator[Check]:
    """Whether the programs can be loaded, as far as can be told before."""
    for path, wanted in wanted_of((plan,)).items():
        try:
            file = facts.objects.at(path)
            places = placed(file, wanted)
        except Unusable as error:
            yield Check("failed", str(error))
            continue
        known = {program.name for program in file.programs}
        if not all(each.program in known for each in wanted):
            continue  # told of its member
        libbpf = facts.kernel.writes.libbpf()
        problems = [*_lacking(file, places, facts)]
        if problem := load_problem(libbpf, file, places, facts.types):
            problems.append(problem)
        for problem in problems:
            yield Check("failed", f"{printable(path)}: {problem}", beyond=True)
        if not problems:
            count = "1 program" if len(wanted) == 1 else f"{len(wanted)} programs"
            yield Check("passed", f"{libbpf} can load {count} of {printable(path)}")


def _lacking(
    file: ObjectFile, places: Mapping[str, Mapping[str, str]], facts: RegistrationFacts
) -> Iterator[str]:
    """What of an object no libbpf loads, as this kernel has it otherwise or not at all."""
    from stops_tui.struct_ops.objects import comparisons, needs_of_file  # few plans need it

    yield from (
        need.words for need in needs_of_file(file, facts.kernel.kernel_btfs()) if need.stops
    )
    for found in comparisons(file, facts.types):
        if found.variable.variable in places:
            yield from (need.words for need in found.needs if need.lack in ("kind", "size"))


def load_problem(
    libbpf: Libbpf,
    file: ObjectFile,
    places: Mapping[str, Mapping[str, str]],
    types: Mapping[str, StructOpsType],
) -> str:
    """Why this libbpf cannot load an object, and which could; "" where it should.

    Args:
        libbpf: What was found.
        file: The object.
        places: The programs wanted, which it has, by variable and member.
        types: What the kernel offers, by name.
    """
    if libbpf.problem:
        return libbpf.problem
    for since, reason in _demands(file, places, types):
        if libbpf.level < since:
            needed = ".".join(str(number) for number in since)
            return (
                f"{reason}: that needs libbpf {needed} or later, and {libbpf.path} is "
                f"{libbpf.version}; a newer one may be named by STOPS_TUI_LIBBPF"
            )
    return ""


def _demands(
    file: ObjectFile,
    places: Mapping[str, Mapping[str, str]],
    types: Mapping[str, StructOpsType],
) -> Iterator[tuple[tuple[int, int], str]]:
    """What the object has that not every libbpf knows, and the version that does."""
    programs = {program.name: program for program in file.programs}
    for found in file.struct_ops:
        if found.variable in places:
            for name in places[found.variable].values():
                program = programs.get(name)  # a member may point to a function that is none
                if program and program.sleepable:
                    yield LINKS_SINCE, printable(f"{program.name} is in {program.section}")
            yield from _of_wanted(found, types.get(found.type_name))
        elif found.section == ".struct_ops" and (lacking := _lacking_beside(found, types)):
            yield VARIANTS_SINCE, f"{lacking}, and {printable(found.variable)} cannot be left out"


def _of_wanted(
    found: ObjectStructOps, type_: StructOpsType | None
) -> Iterator[tuple[tuple[int, int], str]]:
    variable = printable(found.variable)
    if found.optional:
        yield VARIANTS_SINCE, f"{variable} is in {found.section}"
    elif found.link:
        yield LINKS_SINCE, f"{variable} is in {found.section}"
    if found.suffix:
        struct = printable(f"{found.type_name}{found.suffix}")
        yield VARIANTS_SINCE, f"{variable} is a struct {struct}"
    if type_ and type_.btf_name != "vmlinux":
        yield VARIANTS_SINCE, f"{type_.name} is of the module {type_.btf_name}"
    if type_ and (absent := _absent(found, type_)):
        yield VARIANTS_SINCE, f"this kernel's {type_.name} has no {printable(absent)}"


def _lacking_beside(found: ObjectStructOps, types: Mapping[str, StructOpsType]) -> str:
    """What of a variable that is not wanted this kernel lacks; "" for nothing."""
    type_ = types.get(found.type_name) if not found.suffix else None
    if type_ is None:
        return f"this kernel has no {printable(f'{found.type_name}{found.suffix}')}"
    absent = _absent(found, type_)
    return f"this kernel's {type_.name} has no {printable(absent)}" if absent else ""


def _absent(found: ObjectStructOps, type_: StructOpsType) -> str:
    """A member of the object's struct that the kernel's has not; "" for none."""
    known = {member.name for member in type_.members}
    return next((member.name for member in found.members if member.name not in known), "")
