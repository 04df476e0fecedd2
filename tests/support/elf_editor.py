"""Change what an ELF file of 64 bits says of itself; written apart from the reader under test."""

from __future__ import annotations

import struct
from dataclasses import dataclass

_EHDR = {"shoff": (40, 8), "shentsize": (58, 2), "shnum": (60, 2), "shstrndx": (62, 2)}
_EHDR |= {"type": (16, 2), "machine": (18, 2)}
_SHDR = {"name": (0, 4), "type": (4, 4), "flags": (8, 8), "offset": (24, 8), "size": (32, 8)}
_SHDR |= {"link": (40, 4), "info": (44, 4), "entsize": (56, 8)}
_SYM = {"name": (0, 4), "info": (4, 1), "section": (6, 2), "value": (8, 8), "size": (16, 8)}


@dataclass
class ElfEditor:
    """An object's bytes, changed in place."""

    data: bytearray

    @property
    def order(self) -> str:
        """Of the file, as the struct module writes it."""
        return "<" if self.data[5] == 1 else ">"

    def header(self, field: str, value: int | None = None) -> int:
        """A field of the ELF header; with a value, set it."""
        return self._field(*_EHDR[field], value)

    def section(self, which: str | int, field: str, value: int | None = None) -> int:
        """A field of a section's header; with a value, set it."""
        number = which if isinstance(which, int) else self.number(which)
        at, size = _SHDR[field]
        return self._field(self.header("shoff") + 64 * number + at, size, value)

    def symbol(self, name: str, field: str, value: int | None = None) -> int:
        """A field of a symbol; with a value, set it."""
        start, size = self.section(".symtab", "offset"), self.section(".symtab", "size")
        strings = self.section(self.section(".symtab", "link"), "offset")
        for at in range(start, start + size, 24):
            if self._string(strings + self._field(at, 4, None)) == name.encode():
                return self._field(at + _SYM[field][0], _SYM[field][1], value)
        raise KeyError(name)

    def number(self, name: str) -> int:
        """A section's number."""
        strings = self.section(self.header("shstrndx"), "offset")
        for number in range(self.header("shnum")):
            if self._string(strings + self.section(number, "name")) == name.encode():
                return number
        raise KeyError(name)

    def place(self, name: str) -> slice:
        """Where a section's content is."""
        start = self.section(name, "offset")
        return slice(start, start + self.section(name, "size"))

    def byte(self, at: int, value: int) -> None:
        """Put a byte somewhere."""
        self._field(at, 1, value)

    def word(self, at: int, value: int) -> None:
        """Put 4 bytes somewhere."""
        self._field(at, 4, value)

    def _string(self, at: int) -> bytes:
        return bytes(self.data[at : self.data.find(b"\0", at)])

    def _field(self, at: int, size: int, value: int | None) -> int:
        layout = self.order + {1: "B", 2: "H", 4: "I", 8: "Q"}[size]
        if value is not None:
            struct.pack_into(layout, self.data, at, value)
        found: int = struct.unpack_from(layout, self.data, at)[0]
        return found
