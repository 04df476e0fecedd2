"""`object`: what is in a BPF object file, and what it needs that the running kernel lacks."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

from stops_tui.bpf.object_file import (
    ObjectFile,
    ObjectFileError,
    ObjectMap,
    ObjectMember,
    ObjectProgram,
    ObjectStructOps,
    read,
)
from stops_tui.btf import BtfError, Field
from stops_tui.exit_codes import FINE, NOT_FOUND
from stops_tui.kernels.kernel import KernelBtf
from stops_tui.report.output import UNBOUNDED, note, print_json, print_line, print_table
from stops_tui.struct_ops.dump import Json, members_json
from stops_tui.struct_ops.objects import Need, by_name, comparisons, member_values, needs_of_file
from stops_tui.struct_ops.scalars import DecodeError
from stops_tui.struct_ops.text import printable
from stops_tui.struct_ops.types import types_of

PROGRAM_TITLES: Final = ("PROGRAM", "SECTION", "SLEEPS", "INSNS", "PROTOTYPE")
MAP_TITLES: Final = ("MAP", "TYPE", "KEY", "VALUE", "ENTRIES")


def report(path: str, kernel_btfs: Callable[[], Sequence[KernelBtf]], *, as_json: bool) -> int:
    """Print what is in a file; the exit code.

    Args:
        path: The file.
        kernel_btfs: The types of the running kernel; may raise OSError and BtfError.
        as_json: Print JSON.
    """
    try:
        file = read(path)
    except ObjectFileError as error:
        note(str(error))
        return NOT_FOUND
    needs, why_not = _needs(file, kernel_btfs)
    if as_json:
        print_json(as_object(file, needs))
        return FINE
    for line in lines(file):
        print_line(line)
    _print_tables(file)
    for line in needs_lines(file, needs, why_not):
        print_line(line)
    return FINE


def as_object(file: ObjectFile, needs: Sequence[Need] | None) -> dict[str, Any]:
    """The whole of `object --json`; without `needs` nothing was compared."""
    return {
        "license": file.license,
        "struct_ops": [_struct_ops_object(file, each) for each in file.struct_ops],
        "programs": [_program_object(each) for each in file.programs],
        "maps": [each._asdict() for each in file.maps],
        "needs": None if needs is None else [each._asdict() for each in needs],
    }


def _struct_ops_object(file: ObjectFile, found: ObjectStructOps) -> dict[str, Any]:
    return {
        "variable": found.variable,
        "type": found.type_name,
        "link": found.link,
        "optional": found.optional,
        "members": _members(file, found),
    }


def _members(file: ObjectFile, found: ObjectStructOps) -> dict[str, Json]:
    """By name: a program's name, None for no program, or the value of data."""
    members = {member.name: _program_of(file, found, member) for member in found.members}
    data = [member for member in found.members if member.kind == "data"]
    fields = [Field(each.name, each.type_id, each.bit_offset, each.bit_size) for each in data]
    if file.btf:
        with suppress(DecodeError):  # what a compiler cannot have made stays None
            for field, value in zip(
                fields, members_json(file.btf, found.value, fields), strict=True
            ):
                members[field.name] = value
    return members


def _program_of(file: ObjectFile, found: ObjectStructOps, member: ObjectMember) -> Json:
    if member.kind == "data" or member.program:
        return member.program or None
    # It may hold a number, of which no libbpf makes anything.
    slot = found.value[member.offset : member.offset + member.size]
    return int.from_bytes(slot, file.byteorder) or None


def _program_object(program: ObjectProgram) -> dict[str, Any]:
    return {
        "name": program.name,
        "section": program.section,
        "sleepable": program.sleepable,
        "insns": program.insns,
    }


def _needs(
    file: ObjectFile, kernel_btfs: Callable[[], Sequence[KernelBtf]]
) -> tuple[list[Need] | None, str]:
    """What the kernel lacks; None, and why, where there is no kernel to compare with."""
    try:
        btfs = kernel_btfs()
        types = by_name(types_of(btfs))
    except OSError as error:
        return None, f"{error.filename}: {error.strerror}"
    except BtfError as error:
        return None, str(error)
    of_variables = [need for each in comparisons(file, types) for need in each.needs]
    return [*needs_of_file(file, btfs), *of_variables], ""


def lines(file: ObjectFile) -> Iterator[str]:
    """The file as a whole, and each struct_ops variable as C would initialise it."""
    relocations = file.core_relocations
    facts = [
        f"license {printable(file.license)}" if file.license else "no license",
        f"{file.byteorder} endian",
        f"{len(file.sections)} sections",
        f"{relocations} CO-RE relocation{'s' * (relocations != 1)}",
        "with BTF" if file.btf else "without BTF",
    ]
    yield f"{printable(file.path, UNBOUNDED)}: a BPF object, {', '.join(facts)}"
    if not file.struct_ops:
        yield "It has no struct_ops."
    for found in file.struct_ops:
        yield ""
        yield from _struct_ops_lines(file, found)


def _struct_ops_lines(file: ObjectFile, found: ObjectStructOps) -> Iterator[str]:
    how = "registered by a link" if found.link else "registered without a link"
    when = ", loaded only when asked for" if found.optional else ""
    yield f"/* {found.section}: {how}{when}; {len(found.value)} bytes */"
    name = printable(f"{found.type_name}{found.suffix}")
    yield f"struct {name} {printable(found.variable)} = {{"
    values = member_values(file, found)
    members = [
        (printable(member.name), value) for member, value in zip(found.members, values, strict=True)
    ]
    width = max((len(name) for name, value in members if value.is_set), default=0)
    for name, value in members:
        if value.is_set:
            yield f"\t.{name:{width}} = {value.text}," if name else f"\t{value.text},"
    unset = [name for name, value in members if name and not value.is_set]
    if unset:
        yield f"\t/* not set: {', '.join(unset)} */"
    yield "};"


def _print_tables(file: ObjectFile) -> None:
    if file.programs:
        print_line("")
        print_table(PROGRAM_TITLES, map(_program_row, file.programs), "INSNS")
    if file.maps:
        print_line("")
        print_table(MAP_TITLES, map(_map_row, file.maps), "KEY VALUE ENTRIES")


def _program_row(program: ObjectProgram) -> list[str]:
    sleeps = "yes" if program.sleepable else "no"
    prototype = program.prototype or "-"
    return [program.name, program.section, sleeps, str(program.insns), prototype]


def _map_row(each: ObjectMap) -> list[str]:
    numbers = each.key_size, each.value_size, each.max_entries
    return [each.name, each.type, *(str(number) if number else "-" for number in numbers)]


def needs_lines(file: ObjectFile, needs: Sequence[Need] | None, why_not: str) -> Iterator[str]:
    """What this kernel lacks; without `needs`, why that is not known."""
    if not (needs or file.struct_ops or file.kfuncs):
        return
    yield ""
    if needs is None:
        yield f"It was not compared with a kernel's types: {printable(why_not)}"
        return
    compared = "struct_ops" if file.struct_ops else "calls of the kernel's functions"
    stopped = any(need.stops for need in needs)
    verdict = "It does not fit" if stopped else f"Its {compared} fit"
    yield f"{verdict} this kernel ({printable(os.uname().release)}){':' if needs else '.'}"
    for need in needs:
        yield f"  {printable(need.variable)}: {need.words}" if need.variable else f"  {need.words}"
