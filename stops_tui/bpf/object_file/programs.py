"""The programs of an object: functions in sections of their own (libbpf's add_programs)."""

from __future__ import annotations

from typing import Final

from stops_tui.bpf.object_file.elf import Elf, ElfError
from stops_tui.bpf.object_file.ext import BtfExt
from stops_tui.bpf.object_file.records import ObjectProgram
from stops_tui.bpf.object_file.types import Words

_INSN: Final = 8  # bytes
_MOST: Final = 4096  # the largest objects have some hundred
_SHARED: Final = ".text"  # what programs call; nothing in it is a program

Functions = dict[tuple[int, int], str]
"""Section number and bytes from its start → the function that starts there."""


def functions(elf: Elf) -> Functions:
    """All functions, those that programs only call too."""
    code = {section.index for section in elf.sections if section.is_code}
    return {
        (symbol.section, symbol.value): symbol.name
        for symbol in elf.symbols
        if symbol.kind == "func" and symbol.section in code
    }


def read_programs(elf: Elf, ext: BtfExt, words: Words | None) -> tuple[ObjectProgram, ...]:
    """The programs, section by section.

    Raises:
        ElfError: A function is not in its section, or no whole number of instructions.
        BtfError: What the BTF has of a function is wrong.
    """
    sections = {
        section.index: section
        for section in elf.sections
        if section.is_code and section.name != _SHARED
    }
    found = []
    for symbol in elf.symbols:
        section = sections.get(symbol.section)
        if section is None or symbol.kind != "func":
            continue
        if not symbol.size or symbol.value % _INSN or symbol.size % _INSN:
            raise ElfError(f"function {symbol.name} is no whole number of instructions")
        if symbol.value + symbol.size > section.size:
            raise ElfError(f"function {symbol.name} reaches beyond section {section.name}")
        type_id = ext.functions.get((section.name, symbol.value))
        prototype = words.prototype(type_id) if words and type_id else ""
        found.append(
            ((section.index, symbol.value),
             ObjectProgram(symbol.name, section.name, symbol.value, symbol.size, prototype))
        )  # fmt: skip
        if len(found) > _MOST:
            raise ElfError(f"it has more than {_MOST:,} programs")
    return tuple(program for _, program in sorted(found))
