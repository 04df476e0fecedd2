"""Putting other programs into the struct_ops variables of an object, in a copy of its bytes.

libbpf loads a program for the member of a struct_ops variable whose relocation names it. Only since
1.4 can that be changed through its own functions; a copy with other relocations does it for all.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from typing import Final

from stops_tui.bpf.object_file.elf import Elf, ElfError, Section
from stops_tui.bpf.object_file.records import ObjectFile, ObjectFileError, ObjectStructOps
from stops_tui.bpf.object_file.struct_ops import SECTIONS
from stops_tui.bpf.object_file.types import variables
from stops_tui.btf import BtfError

_R_BPF_64_ABS64: Final = 2
_TYPE_AT, _OFFSET_AT, _SIZE_AT = 4, 24, 32  # sh_type, sh_offset, sh_size
_MOST: Final = 1 << 16


def with_programs(file: ObjectFile, places: Mapping[str, Mapping[str, str]]) -> bytes:
    """The object's bytes with these programs in its struct_ops variables, and nothing else there.

    Data members become zero, in all variables: libbpf wants of each that is not zero that the
    kernel has it, and the value of the map that is registered comes from elsewhere.

    Args:
        file: The object.
        places: By variable and member: the program's name.

    Raises:
        ObjectFileError: There is no such variable, member or program in it.
    """
    try:
        return _Copy(file).filled(places)
    except (ElfError, BtfError, struct.error) as error:
        raise ObjectFileError(file.path, str(error)) from error


class _Copy:
    """The bytes that are being changed."""

    def __init__(self, file: ObjectFile) -> None:
        self._file = file
        self._elf = Elf(file.data)
        self._order = "<" if file.byteorder == "little" else ">"
        self._data = bytearray(file.data)

    def filled(self, places: Mapping[str, Mapping[str, str]]) -> bytes:
        known = {found.variable: found for found in self._file.struct_ops}
        for name in places:
            if name not in known:
                raise ElfError(f"there is no struct_ops variable {name}")
        for section in self._elf.sections:
            if section.name in SECTIONS and section.is_data:
                self._data[section.offset : section.offset + section.size] = bytes(section.size)
                self._relocate(section, list(self._relocations(section, known, places)))
        return bytes(self._data)

    def _relocations(
        self,
        section: Section,
        known: Mapping[str, ObjectStructOps],
        places: Mapping[str, Mapping[str, str]],
    ) -> Iterator[tuple[int, int]]:
        """Bytes from the section's start, and the number of the symbol whose address goes there."""
        if self._file.btf is None:
            return
        for variable in variables(self._elf, self._file.btf, section, _MOST):
            for name, program in places.get(variable.name, {}).items():
                members = known[variable.name].members
                found = [each for each in members if each.name == name and each.kind == "func"]
                if not found:
                    raise ElfError(f"{variable.name} has no function member {name}")
                yield variable.offset + found[0].offset, self._symbol(program)

    def _symbol(self, program: str) -> int:
        sections = {each.section for each in self._file.programs if each.name == program}
        for number, symbol in enumerate(self._elf.symbols):
            is_it = symbol.kind == "func" and symbol.name == program
            if is_it and self._elf.sections[symbol.section].name in sections:
                return number
        raise ElfError(f"there is no program {program}")

    def _relocate(self, section: Section, relocations: list[tuple[int, int]]) -> None:
        """Give a section these relocations: they go to the end of the file, in new bytes."""
        tables = self._elf.relocation_tables(section)
        if relocations and not tables:
            raise ElfError(f"{section.name} has no relocations: none of its members has a program")
        for table in tables:
            header = self._elf.header_offset(table.index)
            if table is not tables[0] or not relocations:
                struct.pack_into(f"{self._order}I", self._data, header + _TYPE_AT, 0)  # SHT_NULL
                continue
            self._data += bytes(-len(self._data) % 8)
            places = struct.pack(
                f"{self._order}QQ", len(self._data), len(relocations) * 16
            )  # sh_offset, sh_size
            self._data[header + _OFFSET_AT : header + _OFFSET_AT + len(places)] = places
            for offset, symbol in relocations:
                info = symbol << 32 | _R_BPF_64_ABS64
                self._data += struct.pack(f"{self._order}QQ", offset, info)
