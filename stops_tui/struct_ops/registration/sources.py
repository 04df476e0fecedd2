"""What is known of the program that a plan names for a member."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stops_tui.struct_ops.examples import EXAMPLES, BuiltIn
from stops_tui.struct_ops.inventory import Program
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.objects import Unusable
from stops_tui.struct_ops.registration.plan import (
    Example,
    InObject,
    Loaded,
    Pinned,
    ProgramSource,
)
from stops_tui.struct_ops.text import printable
from stops_tui.struct_ops.types import StructOpsType

if TYPE_CHECKING:
    from stops_tui.bpf.object_file import ObjectProgram


class NoProgram(Exception):  # noqa: N818 (a fact about a plan, not a failure)
    """A source that gives no program, and what to do, in words."""


@dataclass(frozen=True, slots=True)
class Served:
    """A member that a program is known to serve."""

    map_id: int
    map_name: str
    member: str

    def __str__(self) -> str:
        return f"serves {self.member} in map {self.map_id} {printable(self.map_name)}".rstrip()


def prog_id_of(source: Loaded | Pinned, facts: RegistrationFacts) -> int:
    """The id of a program that is in the kernel.

    Raises:
        NoProgram: Nothing is pinned there, or no program is.
    """
    if isinstance(source, Loaded):
        return source.id
    pin = next((pin for pin in facts.holders.pins if pin.path == source.path), None)
    if pin is None:
        raise NoProgram(f"nothing is pinned at {source.path}")
    if pin.kind != "prog":
        raise NoProgram(f"{source.path} is a pin of {pin.kind} {pin.id}, not of a program")
    return pin.id


def program_of(source: Loaded | Pinned, facts: RegistrationFacts) -> Program:
    """A program that is in the kernel.

    Raises:
        NoProgram: It is not there, or is no struct_ops program.
    """
    prog_id = prog_id_of(source, facts)
    program = facts.programs.get(prog_id)
    if program is None:
        raise NoProgram(f"there is no struct_ops program {prog_id}")
    return program


def built_in(source: Example, type_: StructOpsType) -> BuiltIn:
    """The example that a program is of.

    Raises:
        NoProgram: It has no such program, or is not for this type.
    """
    example = EXAMPLES.get(source.name)
    if example is None or source.member not in example.programs:
        raise NoProgram(f"there is no example {source}: see `stops-tui examples`")
    if example.type_name != type_.name:
        raise NoProgram(f"example {source.name} implements {example.type_name}")
    return example


def in_object(source: InObject, facts: RegistrationFacts) -> ObjectProgram:
    """The program of an object file.

    Raises:
        NoProgram: There is no such file or program, or it is no struct_ops program.
    """
    try:
        file = facts.objects.at(source.path)
    except Unusable as error:
        raise NoProgram(str(error)) from error
    program = next((each for each in file.programs if each.name == source.program), None)
    if program is None:
        raise NoProgram(f"{source.path} has no program {source.program}")
    if program.attach != "struct_ops":
        raise NoProgram(f"{source.program} in {source.path} is for {program.attach}")
    return program


def attaches_to(program: Program, type_: StructOpsType) -> bool:
    """Whether a program was made for this struct."""
    return program.raw.attach_btf_id == type_.type_id and (
        program.raw.attach_btf_obj_id in (0, type_.btf_id)
    )


def struct_of(program: Program, facts: RegistrationFacts) -> str:
    """The struct a program was made for, "sched_ext_ops"; "?" if unknown."""
    return facts.inventory.attached_struct(program.raw)


def known_services(prog_id: int, facts: RegistrationFacts) -> list[Served]:
    """The members of maps that a program serves: all of the same name, as it has but one."""
    return [
        Served(map_id, facts.snapshot.maps[map_id].name, member)
        for map_id, member in facts.served.get(prog_id, ())
    ]


def describe(source: ProgramSource, facts: RegistrationFacts) -> str:
    """A source in a few words: `484 t_undo`, `example:reno/ssthresh`, `my_undo of my_cc.bpf.o`."""
    if isinstance(source, InObject):
        return printable(f"{source.program} of {posixpath.basename(source.path)}")
    try:
        name = program_of(source, facts).name if isinstance(source, Loaded | Pinned) else ""
    except NoProgram:
        name = ""
    return printable(f"{source} {name}".rstrip())
