"""JITed code as the processor's instructions, by capstone: x86-64 and arm64."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_BIG_NUMBER = re.compile(r"\b(?:0x[0-9a-f]{5,16}|[0-9]{5,20})\b")
_HEX_ROW = 8  # bytes a line where the instruction set is not known


@dataclass(frozen=True, slots=True)
class JitedInsn:
    """One machine instruction.

    Attributes:
        offset: Bytes from the start of the function.
        code: Its bytes.
        text: AT&T syntax on x86-64, as the kernel's own tools print.
    """

    offset: int
    code: bytes
    text: str


def disassemble(
    code: bytes, address: int, machine: str, symbols: Mapping[int, str]
) -> Iterator[JitedInsn]:
    """One function's instructions.

    Args:
        code: The function's bytes. What is no instruction is printed as `.byte`.
        address: Where the kernel runs it; jump targets are printed as addresses.
        machine: uname -m. Another than x86_64 and aarch64 gives rows of plain bytes.
        symbols: Kernel address → name, printed behind an address as `<name>`.
    """
    engine = _engine(machine)
    if engine is None:
        for start in range(0, len(code), _HEX_ROW):
            row = code[start : start + _HEX_ROW]
            yield JitedInsn(start, row, row.hex(" "))
        return
    end = 0
    for _, size, mnemonic, operands in engine.disasm_lite(code, address):
        start, end = end, end + size
        named = _BIG_NUMBER.sub(lambda hit: _named(hit[0], address, len(code), symbols), operands)
        yield JitedInsn(start, code[start:end], f"{mnemonic:<7} {named}".rstrip())
    if code[end:]:  # too short for an instruction
        tail = ", ".join(f"0x{byte:02x}" for byte in code[end:])
        yield JitedInsn(end, code[end:], f".byte   {tail}")


def branch_targets(code: bytes, address: int, machine: str) -> set[int]:
    """Where its direct calls and long jumps lead, and chance addresses: nothing is decoded."""
    if machine == "x86_64":  # e8 call, e9 jmp: signed 32 bits, from the end of the instruction
        ends = [i + 5 for i, byte in enumerate(code[:-4]) if byte in (0xE8, 0xE9)]
        return {address + end + struct.unpack_from("<i", code, end - 4)[0] for end in ends}
    if machine == "aarch64":  # bl, b: signed 26 bits of words, from the instruction
        words = struct.iter_unpack("<I", code[: len(code) & ~3])
        branches = [(i * 4, w) for i, (w,) in enumerate(words) if w >> 26 & 0x1F == 0b00101]
        return {address + at + 4 * (((w & 0x3FFFFFF) ^ 1 << 25) - (1 << 25)) for at, w in branches}
    return set()


def _named(number: str, start: int, length: int, symbols: Mapping[int, str]) -> str:
    """The number in hex, and what is there if it is a known address or one in the function."""
    address = int(number, 0)
    if address in symbols:
        return f"0x{address:x} <{symbols[address]}>"
    if start <= address < start + length:
        return f"0x{address:x} <+0x{address - start:x}>"
    return f"0x{address:x}"


def _engine(machine: str) -> Any:
    """A capstone.Cs; None for an instruction set that is not shown."""
    import capstone  # type: ignore[import-untyped]  # it ships none; slow, so loaded when needed

    if machine == "x86_64":
        engine = capstone.Cs(capstone.CS_ARCH_X86, capstone.CS_MODE_64)
        engine.syntax = capstone.CS_OPT_SYNTAX_ATT
    elif machine == "aarch64":
        engine = capstone.Cs(capstone.CS_ARCH_ARM64, capstone.CS_MODE_LITTLE_ENDIAN)
    else:
        return None
    engine.skipdata = True
    return engine
