"""What others tell of a BPF object: pyelftools of the file, libbpf of the object it opens."""

from __future__ import annotations

import ctypes
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from tests.support.debian import unpacked

EXECINSTR = 4
LINK = 1 << 13  # BPF_F_LINK
STRUCT_OPS = 26  # BPF_MAP_TYPE_STRUCT_OPS


def elf_programs(data: bytes) -> list[tuple[str, str, int]]:
    """(Name, section, instructions) of every function in a section of its own, in order."""
    elf = ELFFile(io.BytesIO(data))
    table = elf.get_section_by_name(".symtab")
    assert isinstance(table, SymbolTableSection)
    found = []
    for symbol in table.iter_symbols():
        if symbol["st_info"]["type"] == "STT_FUNC" and isinstance(symbol["st_shndx"], int):
            section = elf.get_section(symbol["st_shndx"])
            if section["sh_flags"] & EXECINSTR and section.name != ".text":
                place = symbol["st_shndx"], symbol["st_value"]
                found.append((place, (symbol.name, section.name, symbol["st_size"] // 8)))
    return [program for _, program in sorted(found)]


def elf_license(data: bytes) -> str:
    """What section license says."""
    section = ELFFile(io.BytesIO(data)).get_section_by_name("license")
    return str(section.data().split(b"\0")[0].decode()) if section else ""


class LibbpfObject:
    """An object that libbpf opened; not loaded."""

    def __init__(self, lib: Any, handle: Any) -> None:
        self._lib = lib
        self._handle = handle

    def programs(self) -> list[tuple[str, str, int]]:
        """(Name, section, instructions), in libbpf's order."""
        call = self._lib
        return [
            (
                _text(call.bpf_program__name, program),
                _text(call.bpf_program__section_name, program),
                _number(call.bpf_program__insn_cnt, program),
            )
            for program in self._each(call.bpf_object__next_program)
        ]

    def struct_ops(self) -> dict[str, tuple[int, bool]]:
        """Variable → (bytes of its struct, registered by a link)."""
        call = self._lib
        return {
            _text(call.bpf_map__name, each): (
                _number(call.bpf_map__value_size, each),
                bool(_number(call.bpf_map__map_flags, each) & LINK),
            )
            for each in self._each(call.bpf_object__next_map)
            if _number(call.bpf_map__type, each) == STRUCT_OPS
        }

    def maps(self) -> list[tuple[str, int, int, int]]:
        """(Name, key size, value size, entries) of those that are no struct_ops maps.

        Global data is named by its section alone.
        """
        call = self._lib
        return [
            (
                _text(call.bpf_map__name, each).lstrip("_").partition(".")[2]
                or _text(call.bpf_map__name, each),
                _number(call.bpf_map__key_size, each),
                _number(call.bpf_map__value_size, each),
                _number(call.bpf_map__max_entries, each),
            )
            for each in self._each(call.bpf_object__next_map)
            if _number(call.bpf_map__type, each) != STRUCT_OPS
        ]

    def _each(self, following: Any) -> Iterator[int]:
        following.restype = ctypes.c_void_p
        each = following(self._handle, None)
        while each:
            yield each
            each = following(self._handle, ctypes.c_void_p(each))


@contextmanager
def opened(path: Path) -> Iterator[LibbpfObject]:
    """The object as libbpf 1.4 or later sees it (bpf_object__open)."""
    folder = unpacked("bookworm-backports", "libbpf1")
    lib = ctypes.CDLL(str(next(folder.glob("usr/lib/*/libbpf.so.1"))))
    lib.bpf_object__open.restype = ctypes.c_void_p
    handle = lib.bpf_object__open(str(path).encode())
    assert handle, f"libbpf does not open {path}"
    try:
        yield LibbpfObject(lib, ctypes.c_void_p(handle))
    finally:
        lib.bpf_object__close(ctypes.c_void_p(handle))


def _text(call: Any, handle: int) -> str:
    call.restype = ctypes.c_char_p
    return bytes(call(ctypes.c_void_p(handle))).decode()


def _number(call: Any, handle: int) -> int:
    call.restype = ctypes.c_size_t if call.__name__ == "bpf_program__insn_cnt" else ctypes.c_uint32
    return int(call(ctypes.c_void_p(handle)))
