"""The section .BTF.ext: which function is where, and what CO-RE is to adjust.

struct btf_ext_header { u16 magic = 0xEB9F, u8 version, u8 flags, u32 hdr_len, u32 func_info_off,
u32 func_info_len, u32 line_info_off, u32 line_info_len, u32 core_relo_off, u32 core_relo_len };
offsets count from the header's end. Each part is u32 record size, then for each section of code
struct btf_ext_info_sec { u32 sec_name_off, u32 num_info } and so many records (libbpf's
src/libbpf_internal.h).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from stops_tui.bpf.object_file.elf import Elf, ElfError
from stops_tui.bpf.object_file.guard import MOST_SYMBOLS
from stops_tui.btf import Btf

_MAGIC: Final = 0xEB9F
_FUNC_INFO, _CORE_RELO = 8, 24  # where the header has their offset and length
_SIZE: Final = 24
_SIZE_WITH_CORE: Final = 32

_MOST_NAMES: Final = 1 << 22  # characters of the names of all sections


class BtfExt(NamedTuple):
    """What it says.

    Attributes:
        functions: Section name and bytes from its start → the function's BTF id.
        core_relocations: How many places CO-RE is to adjust.
    """

    functions: dict[tuple[str, int], int]
    core_relocations: int


def read_btf_ext(elf: Elf, btf: Btf) -> BtfExt:
    """What the section says; nothing where there is none.

    Raises:
        ElfError: It contradicts itself.
        BtfError: It names sections that the BTF has no names of.
    """
    section = elf.section(".BTF.ext")
    if section is None or not section.is_data:
        return BtfExt({}, 0)
    reader = _Reader(elf.content(section), "<" if elf.byteorder == "little" else ">")
    functions: dict[tuple[str, int], int] = {}
    left = _MOST_NAMES
    for name_at, at, count, size in reader.blocks(_FUNC_INFO):
        name = btf.string(name_at)
        left -= len(name)
        if left < 0 or len(functions) + count > MOST_SYMBOLS:
            raise ElfError(".BTF.ext tells of more functions than any object has")
        functions |= {(name, offset): type_id for offset, type_id in reader.pairs(at, count, size)}
    if reader.length < _SIZE_WITH_CORE:
        return BtfExt(functions, 0)
    return BtfExt(functions, sum(count for _, _, count, _ in reader.blocks(_CORE_RELO)))


class _Reader:
    """Reads the parts; all of what it returns lies in the section."""

    def __init__(self, data: bytes, order: str) -> None:
        self._data = data
        self._order = order
        if len(data) < _SIZE:
            raise ElfError(".BTF.ext is shorter than its header")
        magic, _version, _flags, self.length = struct.unpack_from(order + "HBBI", data)
        if magic != _MAGIC:
            raise ElfError(".BTF.ext has no magic number")
        if not _SIZE <= self.length <= len(data):
            raise ElfError(f".BTF.ext has a header of {self.length} bytes")

    def blocks(self, at: int) -> Iterator[tuple[int, int, int, int]]:
        """(Name of a section, where its records start, how many, bytes of each) of one part."""
        offset, size = struct.unpack_from(self._order + "II", self._data, at)
        start = self.length + offset
        end = start + size
        if end > len(self._data):
            raise ElfError("a part of .BTF.ext reaches beyond it")
        if size < 4:
            return
        each = self._word(start)
        if each < 8:
            raise ElfError(f".BTF.ext has records of {each} bytes")
        start += 4
        while start + 8 <= end:
            name, count = self._word(start), self._word(start + 4)
            start += 8
            if not count or start + count * each > end:
                raise ElfError("records of .BTF.ext are none, or reach beyond their part")
            yield name, start, count, each
            start += count * each

    def pairs(self, start: int, count: int, size: int) -> Iterator[tuple[int, int]]:
        """The first two words of each record."""
        for at in range(start, start + count * size, size):
            yield self._word(at), self._word(at + 4)

    def _word(self, at: int) -> int:
        word: int = struct.unpack_from(self._order + "I", self._data, at)[0]
        return word
