"""ELF as compilers write it for BPF: sections, symbols, relocations (elf(5)), by pyelftools.

The only file that reads by it; nothing is read that guard.py has not let through.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from io import BytesIO
from typing import Any, Final, Literal, NamedTuple

from elftools.common.exceptions import ELFError as ElfError
from elftools.common.utils import struct_parse
from elftools.elf.elffile import ELFFile
from elftools.elf.relocation import RelocationSection
from elftools.elf.sections import Section as ElfSection
from elftools.elf.sections import StringTableSection, SymbolTableSection
from elftools.elf.sections import Symbol as ElfSymbol

from stops_tui.bpf.object_file import guard

__all__ = ["Elf", "ElfError", "Relocation", "Section", "Symbol"]

_EXECINSTR: Final = 4
_KINDS: Final = {"STT_OBJECT": "object", "STT_FUNC": "func", "STT_SECTION": "section"}


class Section(NamedTuple):
    """A section; offset and size are in bytes of the file.

    Attributes:
        index: Its number.
        name: Its name.
        type: "SHT_PROGBITS"; a number where it has no name.
        flags: SHF_*.
        offset: Where it starts.
        size: Its bytes; of SHT_NOBITS none of them is in the file.
        info: For relocations, the section that they change.
    """

    index: int  # type: ignore[assignment] # tuple.index() is of no use here
    name: str
    type: str | int
    flags: int
    offset: int
    size: int
    info: int

    @property
    def is_data(self) -> bool:
        """Whether it holds a program's own bytes (SHT_PROGBITS)."""
        return self.type == "SHT_PROGBITS"

    @property
    def is_zeroes(self) -> bool:
        """Whether it is all zeroes and not in the file (SHT_NOBITS)."""
        return self.type == "SHT_NOBITS"

    @property
    def is_code(self) -> bool:
        """Whether it holds instructions (SHF_EXECINSTR)."""
        return self.is_data and bool(self.flags & _EXECINSTR)


class Symbol(NamedTuple):
    """A symbol.

    Attributes:
        name: Its name; "" for a section's own.
        kind: "func", "object" (a variable), "section"; "" for any other.
        is_global: Whether it is global or weak, not local.
        is_weak: Whether it may be missing.
        section: The number of its section; 0 where it has none.
        value: Bytes from the start of that section.
        size: Bytes.
    """

    name: str
    kind: str
    is_global: bool
    is_weak: bool
    section: int
    value: int
    size: int


class Relocation(NamedTuple):
    """A place, bytes from the start of a section, where the address of a symbol belongs."""

    offset: int
    symbol: Symbol


class Elf:
    """The sections of a relocatable BPF object, and what is in them.

    Nothing is read twice, and nothing before it is asked for but the section headers. All methods
    raise ElfError where the file contradicts itself.
    """

    def __init__(self, data: bytes) -> None:
        guard.check_start(data)
        self._file = ELFFile(BytesIO(data))
        guard.check_header(self._file.header, len(data))
        count, names = self._file.num_sections(), self._file.get_shstrndx()
        guard.check_sections(self._file["e_shoff"], count, names, len(data))
        self.sections = tuple(self._read_sections(count, self._names(names)))
        self._by_name = {section.name: section for section in reversed(self.sections)}

    @property
    def byteorder(self) -> Literal["little", "big"]:
        """The byte order of the file and of the machine it is for."""
        return "little" if self._file.little_endian else "big"

    def section(self, name: str) -> Section | None:
        """The first section of this name."""
        return self._by_name.get(name)

    def header_offset(self, index: int) -> int:
        """Where the header of a section is, bytes from the file's start."""
        return int(self._file["e_shoff"]) + index * int(self._file["e_shentsize"])

    def content(self, section: Section) -> bytes:
        """What is in a section."""
        header = self._header(section.index)
        guard.check_content(section.name, header)
        return ElfSection(header, section.name, self._file).data()

    @cached_property
    def symbols(self) -> tuple[Symbol, ...]:
        """All symbols, by their number."""
        tables = [section for section in self.sections if section.type == "SHT_SYMTAB"]
        if len(tables) > 1:
            raise ElfError("more than one symbol table")
        return tuple(symbol for table in tables for symbol in self._read_symbols(table))

    def relocation_tables(self, section: Section) -> list[Section]:
        """The sections of a section's relocations; there should be one at most."""
        return [
            each for each in self.sections if each.type == "SHT_REL" and each.info == section.index
        ]

    def relocations(self, section: Section) -> Iterator[Relocation]:
        """The relocations of one section."""
        tables = self.relocation_tables(section)
        if len(tables) > 1:
            raise ElfError(f"section {section.name} has more than one table of relocations")
        for table in tables:
            header = self._header(table.index)
            guard.check_entries(table.name, header, self._file.structs.Elf_Rel.sizeof())
            for each in RelocationSection(header, table.name, self._file).iter_relocations():
                number = each["r_info_sym"]
                if number >= len(self.symbols):
                    raise ElfError(f"section {table.name}: no symbol {number}")
                yield Relocation(each["r_offset"], self.symbols[number])

    def _header(self, index: int) -> Any:
        file = self._file
        header = struct_parse(file.structs.Elf_Shdr, file.stream, self.header_offset(index))
        guard.check_section(index, header, file.stream_len)
        return header

    def _names(self, index: int) -> _Names:
        header = self._header(index)
        guard.check_names(index, header)
        return _Names(header, "", self._file)

    def _read_sections(self, count: int, names: _Names) -> Iterator[Section]:
        for index in range(count):
            header = self._header(index)
            yield Section(
                index,
                names.get_string(header["sh_name"]),
                header["sh_type"],
                header["sh_flags"],
                header["sh_offset"],
                header["sh_size"],
                header["sh_info"],
            )

    def _read_symbols(self, table: Section) -> Iterator[Symbol]:
        header = self._header(table.index)
        guard.check_entries(table.name, header, self._file.structs.Elf_Sym.sizeof())
        if header["sh_link"] >= len(self.sections):
            raise ElfError("the section of the symbols' names is missing")
        names = self._names(header["sh_link"])
        for symbol in SymbolTableSection(header, table.name, self._file, names).iter_symbols():
            yield self._symbol(symbol)

    def _symbol(self, symbol: ElfSymbol) -> Symbol:
        info, section = symbol["st_info"], symbol["st_shndx"]
        is_there = isinstance(section, int) and section < len(self.sections)  # not "SHN_ABS"
        return Symbol(
            symbol.name,
            _KINDS.get(info["type"], ""),
            info["bind"] in ("STB_GLOBAL", "STB_WEAK"),
            info["bind"] == "STB_WEAK",
            section if is_there else 0,
            symbol["st_value"],
            symbol["st_size"],
        )


class _Names(StringTableSection):
    """A table of names, none of which is read beyond its end."""

    def get_string(self, offset: int) -> str:
        guard.check_name(self.header, offset, self.stream)
        return super().get_string(offset)
