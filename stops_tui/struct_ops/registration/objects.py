"""The object files that plans take programs from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from stops_tui.struct_ops.registration.plan import InObject, Plan
from stops_tui.struct_ops.text import printable

if TYPE_CHECKING:
    from stops_tui.bpf.object_file import ObjectFile, ObjectStructOps


class Unusable(Exception):  # noqa: N818 (a fact about plans and files, not a failure)
    """An object file, or a program of one, that no plan can take; in words."""


class ObjectFiles:
    """Each file is read once, so that what is loaded is what was looked at."""

    def __init__(self, *files: ObjectFile) -> None:
        self._files = {file.path: file for file in files}

    @property
    def files(self) -> tuple[ObjectFile, ...]:
        """Those that were read so far."""
        return tuple(self._files.values())

    def at(self, path: str) -> ObjectFile:
        """What is in the file at a path.

        Raises:
            Unusable: It cannot be read, or is no BPF object.
        """
        from stops_tui.bpf.object_file import ObjectFileError, read  # few plans need it

        if path not in self._files:
            try:
                self._files[path] = read(path)
            except ObjectFileError as error:
                raise Unusable(str(error)) from error
        return self._files[path]


class Wanted(NamedTuple):
    """A program of an object, and the member it is to implement."""

    program: str
    type_name: str
    member: str

    def __str__(self) -> str:
        return printable(f"{self.program} for {self.member} of {self.type_name}")


def wanted_of(plans: Iterable[Plan]) -> dict[str, tuple[Wanted, ...]]:
    """By object file: the programs that plans take from it."""
    found: defaultdict[str, dict[Wanted, None]] = defaultdict(dict)
    for plan in plans:
        for member, source in plan.programs.items():
            if isinstance(source, InObject):
                found[source.path][Wanted(source.program, plan.type_name, member)] = None
    return {path: tuple(programs) for path, programs in found.items()}


def placed(file: ObjectFile, wanted: Iterable[Wanted]) -> dict[str, dict[str, str]]:
    """Where each program is to stand for libbpf: by variable of the object and member.

    libbpf loads a program for the member of a variable that names it. Where a variable names
    another one there, or none, the loader puts the program in its place.

    Raises:
        Unusable: A program is wanted for two members, or no variable is left that has the member.
    """
    places: defaultdict[str, dict[str, str]] = defaultdict(dict)
    served: dict[str, Wanted] = {}
    # First those that stand where they are wanted: the others take what is left.
    for each in sorted(wanted, key=lambda each: next(_named(file, each), None) is None):
        if before := served.get(each.program):
            raise Unusable(
                f"one program implements one member, not {before.member} and {each.member} as well"
                f" ({printable(each.program)}): choose another program for {each.member}"
            )
        served[each.program] = each
        variables = (*_named(file, each), *_having(file, each))
        free = (found for found in variables if each.member not in places[found.variable])
        variable = next(free, None)
        if variable is None:
            raise Unusable(
                f"no struct_ops variable of {printable(file.path)} has a place for {each}: "
                "choose another program"
            )
        places[variable.variable][each.member] = each.program
    return {variable: programs for variable, programs in places.items() if programs}


def _named(file: ObjectFile, wanted: Wanted) -> Iterator[ObjectStructOps]:
    """The variables that name a program for this member."""
    for found in file.struct_ops:
        names = found.programs.get(wanted.member) == wanted.program
        if found.type_name == wanted.type_name and names:
            yield found


def _having(file: ObjectFile, wanted: Wanted) -> Iterator[ObjectStructOps]:
    """The variables that have such a member."""
    for found in file.struct_ops:
        functions = {member.name for member in found.members if member.kind == "func"}
        if found.type_name == wanted.type_name and wanted.member in functions:
            yield found
