"""What is in an object file besides its struct_ops maps: programs, other maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from stops_tui.bpf.object_file import ObjectFile, ObjectMap, ObjectProgram
from stops_tui.widgets.line_table import Column, LineTable, Row, Span


class ObjectPrograms(LineTable):
    """One row a program, in the order of the file; a row's key is the program's name."""

    HELP = """The programs in the object file. A section `struct_ops` holds those that implement a
member; `struct_ops.s` says that one may sleep. `INSNS` counts instructions as they are in the file,
without those of the functions that a program calls."""
    COLUMNS: ClassVar[Sequence[Column]] = (
        Column("name", "PROGRAM", 26, least=18),
        Column("section", "SECTION", 26, least=14, keep=7),
        Column("insns", "INSNS", 6, right=True),
        Column("serves", "SERVES", 26, least=14, keep=6),
        Column("prototype", "PROTOTYPE", 30, least=20, grow=True, keep=5),
    )

    def show_programs(self, file: ObjectFile) -> None:
        """Show them, each with the members that it serves."""
        serves: dict[str, list[str]] = {}
        for each in file.struct_ops:
            for member, program in each.programs.items():
                serves.setdefault(program, []).append(f"{each.variable}.{member}")
        self.empty = "There is no program in this object."
        self.show_rows([_program(each, serves.get(each.name, ())) for each in file.programs])


def _program(program: ObjectProgram, serves: Sequence[str]) -> Row:
    return Row(
        program.name,
        (
            Span(program.name, "strong"),
            program.section,
            f"{program.insns:,}",
            Span(", ".join(serves), "accent") if serves else Span("–", "dim"),
            Span(program.prototype, "dim"),
        ),
    )


class ObjectMaps(LineTable):
    """One row a map that is no struct_ops map; a row's key is the map's name."""

    HELP = """The maps that the object's programs use; they are made when it is loaded, and live as
long as a program that uses them. A name that begins with a dot is global data of the program."""
    COLUMNS: ClassVar[Sequence[Column]] = (
        Column("name", "MAP", 26, least=16),
        Column("type", "TYPE", 22, least=14, grow=True),
        Column("key", "KEY", 8, right=True),
        Column("value", "VALUE", 9, right=True),
        Column("entries", "ENTRIES", 11, right=True),
    )

    def show_maps(self, maps: Sequence[ObjectMap]) -> None:
        """Show them."""
        self.empty = "The programs in this object use no maps."
        self.show_rows([_map(each) for each in maps])


def _map(each: ObjectMap) -> Row:
    return Row(
        each.name,
        (
            Span(each.name, "strong"),
            each.type,
            _number(each.key_size, " B"),
            _number(each.value_size, " B"),
            _number(each.max_entries),
        ),
    )


def _number(number: int, unit: str = "") -> str | Span:
    return f"{number:,}{unit}" if number else Span("–", "dim")
