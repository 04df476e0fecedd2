"""What is asked of an ELF file before pyelftools reads it.

pyelftools believes what a file says of itself: offsets beyond its end, sizes without measure, names
as long as the rest of it. All that it is to read is held against the file's length here, and
against what people compile.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any, Final

from elftools.common.exceptions import ELFError as ElfError

Header = Mapping[str, Any]
"""The file's header (Elf64_Ehdr) or a section's (Elf64_Shdr), by elf(5)'s names of its fields."""

LONGEST_NAME: Final = 512
"""Bytes of a section's or symbol's name, as many as KSYM_NAME_LEN."""

MOST_SECTIONS: Final = 1 << 16
"""Sections; what people compile has a hundred."""

MOST_SYMBOLS: Final = 1 << 16
"""Symbols, and relocations of one section; what people compile has a few thousand."""

_HEADER, _SECTION_HEADER = 64, 64  # bytes
_CLASS_64: Final = 2
_BYTE_ORDERS: Final = (1, 2)
_MACHINES: Final = ("EM_BPF", "EM_NONE")  # LLVM wrote EM_NONE once
_COMPRESSED: Final = 0x800


def check_start(data: bytes) -> None:
    """Whether it starts as an ELF file of 64 bits does."""
    if data[:4] != b"\x7fELF":
        raise ElfError("it is no ELF file")
    if len(data) < _HEADER:
        raise ElfError("it is cut off in the ELF header")
    if data[4] != _CLASS_64 or data[5] not in _BYTE_ORDERS:
        raise ElfError("it is no BPF object: no ELF file of 64 bits")


def check_header(header: Header, length: int) -> None:
    """Whether it is relocatable and for BPF, and the header of section 0 is in the file.

    That header counts the sections where there are more than the file's own can say.
    """
    if header["e_machine"] not in _MACHINES:
        raise ElfError(f"it is no BPF object: an ELF file for {_word(header['e_machine'])}")
    if header["e_type"] != "ET_REL":
        kind = _word(header["e_type"])
        raise ElfError(f"it is no BPF object: an ELF file of type {kind}, not relocatable")
    start, each = header["e_shoff"], header["e_shentsize"]
    if each != _SECTION_HEADER or start + each > length:
        raise ElfError("its section headers are not in the file")


def check_sections(start: int, count: int, names: int, length: int) -> None:
    """Whether all section headers are in the file, and the section of the sections' names."""
    if not count or start + count * _SECTION_HEADER > length:
        raise ElfError("its section headers are not in the file")
    if count > MOST_SECTIONS:
        raise ElfError(f"it has more than {MOST_SECTIONS:,} sections")
    if not 0 < names < count:
        raise ElfError("the section of the sections' names is missing")


def check_section(index: int, header: Header, length: int) -> None:
    """Whether what is in a section is in the file."""
    empty = header["sh_type"] in ("SHT_NULL", "SHT_NOBITS")
    if not empty and header["sh_offset"] + header["sh_size"] > length:
        raise ElfError(f"section {index} reaches beyond the file")


def check_content(name: str, header: Header) -> None:
    """Whether there is something to read in a section, as it is: libbpf unpacks none either."""
    if header["sh_flags"] & _COMPRESSED:
        raise ElfError(f"section {name} is compressed")
    if header["sh_type"] in ("SHT_NULL", "SHT_NOBITS"):
        raise ElfError(f"section {name} has no content")


def check_entries(name: str, header: Header, size: int) -> None:
    """Whether a section holds symbols or relocations of so many bytes each, and not too many."""
    check_content(name, header)
    if header["sh_entsize"] != size or header["sh_size"] % size:
        raise ElfError(f"section {name} has entries of an unknown size")
    if header["sh_size"] // size > MOST_SYMBOLS:
        raise ElfError(f"section {name} has more than {MOST_SYMBOLS:,} entries")


def check_names(index: int, header: Header) -> None:
    """Whether a section is a table of names."""
    if header["sh_type"] != "SHT_STRTAB" or header["sh_flags"] & _COMPRESSED:
        raise ElfError(f"section {index} is no table of names")


def check_name(table: Header, offset: int, file: IO[bytes]) -> None:
    """Whether a name of a table ends there, and soon: many could be tails of one long string."""
    most = min(table["sh_size"] - offset, LONGEST_NAME + 1)
    file.seek(table["sh_offset"] + offset)
    if most <= 0 or b"\0" not in file.read(most):
        raise ElfError(f"a name without end at offset {offset} of its table")


def _word(value: str | int) -> str:
    return value if isinstance(value, str) else f"{value:#x}"
