"""BPF objects made by hand: section after section, for what no compiler would write."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

PROGBITS, SYMTAB, STRTAB, NOBITS, REL = 1, 2, 3, 8, 9
EXECINSTR = 4
FUNC, OBJECT = 0x12, 0x11  # STB_GLOBAL, STT_*


@dataclass
class ElfBuilder:
    """Sections and symbols as they are added; `data()` is the object."""

    order: str = "<"
    strings: bytearray = field(default_factory=lambda: bytearray(b"\0"))
    contents: bytearray = field(default_factory=bytearray)
    headers: list[tuple[int, ...]] = field(default_factory=lambda: [(0,) * 10])
    symbols: bytearray = field(default_factory=lambda: bytearray(24))

    def string(self, text: str) -> int:
        """Add a name; its offset."""
        self.strings += text.encode() + b"\0"
        return len(self.strings) - len(text.encode()) - 1

    def section(self, name: str, content: bytes, kind: int = PROGBITS, **more: int) -> int:
        """Add a section; its number. `more`: flags, link, info, entsize."""
        number = self.header(self.string(name), kind, 64 + len(self.contents), len(content), **more)
        self.contents += content
        return number

    def header(self, name: int, kind: int, offset: int, size: int, **more: int) -> int:
        """Add a section whose content is where others have theirs."""
        link, info, entsize = (more.get(each, 0) for each in ("link", "info", "entsize"))
        flags = more.get("flags", 0)
        self.headers.append((name, kind, flags, 0, offset, size, link, info, 8, entsize))
        return len(self.headers) - 1

    def symbol(self, name: int, info: int, section: int, value: int, size: int) -> int:
        """Add a symbol; its number."""
        self.symbols += struct.pack(self.order + "IBBHQQ", name, info, 0, section, value, size)
        return len(self.symbols) // 24 - 1

    def data(self) -> bytes:
        """The object: its header, what is in the sections, and their headers."""
        self.section(".symtab", bytes(self.symbols), SYMTAB, link=len(self.headers) + 1, entsize=24)
        names = self.section(".strtab", b"", STRTAB)
        strings = (0, STRTAB, 0, 0, 64 + len(self.contents), len(self.strings), 0, 0, 1, 0)
        self.headers[names] = strings
        end = 64 + len(self.contents) + len(self.strings)
        ident = b"\x7fELF\2" + (b"\1" if self.order == "<" else b"\2") + b"\1" + bytes(9)
        header = (1, 247, 1, 0, 0, end, 0, 64, 0, 0, 64, len(self.headers), names)
        return b"".join(
            (
                ident + struct.pack(self.order + "HHIQQQIHHHHHH", *header),
                bytes(self.contents),
                bytes(self.strings),
                *(struct.pack(self.order + "IIQQQQIIQQ", *each) for each in self.headers),
            )
        )
