"""ELF as compilers write it for BPF: sections, symbols, relocations (elf(5)).

Read here and by no library, as all that a hostile file says of itself, each offset, size, count,
name and link, must be held against the file's length before it is believed; little is left to read
after that.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cached_property
from typing import Final, Literal, NamedTuple

_HEADER: Final = "HHIQQQIHHHHHH"  # Elf64_Ehdr after e_ident
_SECTION: Final = "IIQQQQIIQQ"  # Elf64_Shdr
_SYMBOL: Final = "IBBHQQ"  # Elf64_Sym
_RELOCATION: Final = "QII"  # Elf64_Rel, its r_info in halves: little endian has the type first

_IDENT: Final = 16
_CLASS_64: Final = 2
_ET_REL: Final = 1
_MACHINES: Final = (247, 0)  # EM_BPF; EM_NONE, which LLVM wrote once
_NULL, _PROGBITS, _SYMTAB, _STRTAB, _NOBITS, _REL = 0, 1, 2, 3, 8, 9
_COMPRESSED: Final = 0x800
_GLOBAL, _WEAK = 1, 2

LONGEST_NAME: Final = 512
"""Bytes of a section's or symbol's name, as many as KSYM_NAME_LEN."""

MOST_SYMBOLS: Final = 1 << 16
"""Symbols, and relocations of one section; what people compile has a few thousand."""


class ElfError(Exception):
    """A file that is no BPF object, or a corrupt one; says why in one line."""


class Section(NamedTuple):
    """A section; offset and size are in bytes of the file.

    Attributes:
        index: Its number.
        name: Its name.
        type: SHT_*.
        flags: SHF_*.
        offset: Where it starts.
        size: Its bytes; of SHT_NOBITS none of them is in the file.
        link: For symbols, the section of their names.
        info: For relocations, the section that they change.
        entry_size: Bytes of each symbol or relocation.
    """

    index: int  # type: ignore[assignment] # tuple.index() is of no use here
    name: str
    type: int
    flags: int
    offset: int
    size: int
    link: int
    info: int
    entry_size: int

    @property
    def is_data(self) -> bool:
        """Whether it holds a program's own bytes (SHT_PROGBITS)."""
        return self.type == _PROGBITS

    @property
    def is_zeroes(self) -> bool:
        """Whether it is all zeroes and not in the file (SHT_NOBITS)."""
        return self.type == _NOBITS

    @property
    def is_code(self) -> bool:
        """Whether it holds instructions (SHF_EXECINSTR)."""
        return self.is_data and bool(self.flags & 4)


class Symbol(NamedTuple):
    """A symbol.

    Attributes:
        name: Its name; "" for a section's own.
        kind: "func", "object" (a variable), "section"; "" for any other.
        is_global: Whether it is global or weak, not local.
        is_weak: Whether it may be missing.
        section: The number of its section, or SHN_*.
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


_KINDS: Final = {1: "object", 2: "func", 3: "section"}


class Elf:
    """The sections of a relocatable BPF object, and what is in them.

    Nothing is read twice, and nothing before it is asked for but the section headers. All methods
    raise ElfError where the file contradicts itself.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._order = _byte_order(data)
        self.sections = self._read_sections()
        self._by_name = {section.name: section for section in reversed(self.sections)}

    @property
    def byteorder(self) -> Literal["little", "big"]:
        """The byte order of the file and of the machine it is for."""
        return "little" if self._order == "<" else "big"

    def section(self, name: str) -> Section | None:
        """The first section of this name."""
        return self._by_name.get(name)

    def content(self, section: Section) -> bytes:
        """What is in a section."""
        if section.flags & _COMPRESSED:
            raise ElfError(f"section {section.name} is compressed")
        if section.is_zeroes:
            raise ElfError(f"section {section.name} has no content")
        return self._data[section.offset : section.offset + section.size]

    @cached_property
    def symbols(self) -> tuple[Symbol, ...]:
        """All symbols, by their number."""
        tables = [section for section in self.sections if section.type == _SYMTAB]
        if len(tables) > 1:
            raise ElfError("more than one symbol table")
        if not tables:
            return ()
        names = self._string_table(tables[0].link)
        return tuple(
            Symbol(
                self._name(names, name),
                _KINDS.get(info & 0xF, ""),
                info >> 4 in (_GLOBAL, _WEAK),
                info >> 4 == _WEAK,
                section,
                value,
                size,
            )
            for name, info, _other, section, value, size in self._entries(tables[0], _SYMBOL)
        )

    def relocations(self, section: Section) -> Iterator[Relocation]:
        """The relocations of one section."""
        tables = [each for each in self.sections if each.type == _REL]
        own = [table for table in tables if table.info == section.index]
        if len(own) > 1:
            raise ElfError(f"section {section.name} has more than one table of relocations")
        for table in own:
            for offset, low, high in self._entries(table, _RELOCATION):
                number = high if self._order == "<" else low
                if number >= len(self.symbols):
                    raise ElfError(f"section {table.name}: no symbol {number}")
                yield Relocation(offset, self.symbols[number])

    def _read_sections(self) -> tuple[Section, ...]:
        header = struct.unpack_from(self._order + _HEADER, self._data, _IDENT)
        start, entry_size, count, names_at = header[5], *header[10:]
        end = start + count * entry_size
        if entry_size != struct.calcsize("<" + _SECTION) or not count or end > len(self._data):
            raise ElfError("its section headers are not in the file")
        raw = list(struct.iter_unpack(self._order + _SECTION, self._data[start:end]))
        nameless = [_nameless(index, fields) for index, fields in enumerate(raw)]
        for each in nameless:
            in_file = each.type != _NULL and not each.is_zeroes
            if in_file and each.offset + each.size > len(self._data):
                raise ElfError(f"section {each.index} reaches beyond the file")
        if names_at >= count:
            raise ElfError("the section of the sections' names is missing")
        names = nameless[names_at]
        return tuple(
            each._replace(name=self._name(names, fields[0]))
            for each, fields in zip(nameless, raw, strict=True)
        )

    def _string_table(self, index: int) -> Section:
        if index >= len(self.sections):
            raise ElfError("the section of the symbols' names is missing")
        return self.sections[index]

    def _name(self, table: Section, offset: int) -> str:
        """The string at this offset of a string table."""
        if table.type != _STRTAB or table.flags & _COMPRESSED:
            raise ElfError(f"section {table.index} is no table of names")
        start, stop = table.offset + offset, table.offset + table.size
        end = self._data.find(b"\0", start, min(stop, start + LONGEST_NAME + 1))
        if end < 0:
            raise ElfError(f"a name without end at offset {offset} of section {table.index}")
        return self._data[start:end].decode(errors="backslashreplace")

    def _entries(self, section: Section, layout: str) -> Iterator[tuple[int, ...]]:
        entry = struct.Struct(self._order + layout)
        if section.entry_size != entry.size or section.size % entry.size:
            raise ElfError(f"section {section.name} has entries of an unknown size")
        if section.size // entry.size > MOST_SYMBOLS:
            raise ElfError(f"section {section.name} has more than {MOST_SYMBOLS:,} entries")
        return entry.iter_unpack(self.content(section))


def _nameless(index: int, fields: tuple[int, ...]) -> Section:
    _name, kind, flags, _addr, offset, size, link, info, _align, entry_size = fields
    return Section(index, "", kind, flags, offset, size, link, info, entry_size)


def _byte_order(data: bytes) -> str:
    """Look whether it is a BPF object at all; its byte order as the struct module writes it."""
    if data[:4] != b"\x7fELF":
        raise ElfError("it is no ELF file")
    if len(data) < _IDENT + struct.calcsize("<" + _HEADER):
        raise ElfError("it is cut off in the ELF header")
    order = {1: "<", 2: ">"}.get(data[5], "")
    if data[4] != _CLASS_64 or not order:
        raise ElfError("it is no BPF object: no ELF file of 64 bits")
    kind, machine = struct.unpack_from(order + "HH", data, _IDENT)
    if machine not in _MACHINES:
        raise ElfError(f"it is no BPF object: an ELF file for machine {machine}")
    if kind != _ET_REL:
        raise ElfError(f"it is no BPF object: an ELF file of type {kind}, not relocatable")
    return order
