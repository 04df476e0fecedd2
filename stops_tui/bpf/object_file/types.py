"""The types of an object: its BTF, bounded, and what they are in words."""

from __future__ import annotations

from typing import Final, NamedTuple

from stops_tui.bpf.object_file.elf import Elf, ElfError, Section
from stops_tui.btf import Btf, BtfError, Datasec, Kind, Var
from stops_tui.btf.c import prototype, type_text
from stops_tui.btf.header import read_header

LARGEST_BTF: Final = 1 << 24
"""Bytes of BTF; a kernel's own has 6 million, objects have some hundred thousand."""

_MOST_NAMES: Final = 1 << 26  # characters of all names, if each of them were as long as the longest
_MOST_TEXT: Final = 1 << 20  # characters of all types that are put into words


def read_btf(elf: Elf) -> Btf | None:
    """The object's own BTF; None where it has none.

    Raises:
        BtfError: It is corrupt, or takes more memory than any compiler's.
        ElfError: Its section is.
    """
    section = elf.section(".BTF")
    if section is None or not section.is_data:
        return None
    data = elf.content(section)
    if len(data) > LARGEST_BTF:
        raise BtfError(f"{len(data):,} bytes, more than {LARGEST_BTF:,}", 0)
    header = read_header(data, split=False)
    longest = max(map(len, data[slice(*header.strings)].split(b"\0")))
    # Every 8 bytes of types may name a string, and all of them the same long one's tails.
    if (header.types.stop - header.types.start) // 8 * longest > _MOST_NAMES:
        raise BtfError(f"too many types for names of {longest:,} characters", header.strings.start)
    return Btf.parse(data)


class Variable(NamedTuple):
    """A variable in a section: its name, its type, bytes from the section's start."""

    name: str
    type_id: int
    offset: int


def variables(elf: Elf, btf: Btf, section: Section, most: int) -> list[Variable]:
    """The variables that the BTF has of a section.

    Compilers leave their offsets to the linker: those of global ones are their symbols', as in
    btf_fixup_datasec() of libbpf.

    Args:
        elf: The object.
        btf: Its types.
        section: The section.
        most: How many there may be.
    """
    type_id = btf.find(section.name, Kind.DATASEC)
    datasec = btf.type(type_id) if type_id else None
    if not isinstance(datasec, Datasec):
        return []
    if len(datasec.variables) > most:
        raise ElfError(f"section {section.name} has more than {most} variables")
    linked = bool(datasec.size)
    places = {} if linked else _places(elf, section)
    found = []
    for entry in datasec.variables:
        variable = btf.type(entry.type_id)
        if isinstance(variable, Var):
            offset = places.get(variable.name, entry.offset) if variable.linkage else entry.offset
            found.append(Variable(variable.name, variable.type_id, offset))
    return sorted(found, key=lambda variable: variable.offset)


def _places(elf: Elf, section: Section) -> dict[str, int]:
    return {
        symbol.name: symbol.value
        for symbol in elf.symbols
        if symbol.section == section.index and symbol.kind == "object" and symbol.is_global
    }


class Words:
    """Types as C text; as much of it as any object needs, for hostile ones could ask for more.

    Methods raise BtfError where the BTF contradicts itself, or there would be more.
    """

    def __init__(self, btf: Btf) -> None:
        self._btf = btf
        self._left = _MOST_TEXT

    def type(self, type_id: int) -> str:
        """`char[16]`; a function as `u32 (struct sock *)`."""
        return self._bounded(type_text(self._btf, type_id), type_id)

    def prototype(self, func_id: int) -> str:
        """`u32 dctcp_ssthresh(struct sock * sk)`."""
        return self._bounded(prototype(self._btf, func_id), func_id)

    def _bounded(self, text: str, type_id: int) -> str:
        self._left -= len(text)
        if self._left < 0:
            raise BtfError(
                f"types of more than {_MOST_TEXT:,} characters", self._btf.offset_of(type_id)
            )
        return text
