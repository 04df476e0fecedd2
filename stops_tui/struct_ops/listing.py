"""A program's code as typed lines, ready to print or to paint; no kernel is needed.

Translated code reads as `bpftool prog dump xlated`, line for line; JITed code is laid out as
`bpftool prog dump jited`. Wrong or corrupt line info costs lines, never an exception.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from stops_tui.bpf.disasm import Names, insn_text, is_wide
from stops_tui.bpf.insns import INSN_SIZE, decode
from stops_tui.bpf.jited import disassemble
from stops_tui.btf import Btf, BtfError
from stops_tui.btf.c import prototype
from stops_tui.kernels.kernel import RawCode
from stops_tui.struct_ops.text import printable

LineKind = Literal["prototype", "label", "source", "insn"]

_C_BLANKS = " \t\n\v\f\r"
_LONGEST = 4096


@dataclass(frozen=True, slots=True)
class ListingLine:
    """One line of a listing.

    Attributes:
        kind: "prototype" (a function starts), "label" (its JITed symbol), "source" or "insn".
        text: The whole line, printable but for tabs in source lines.
        offset: Where it stands: instructions from the program's start in translated code, bytes
            from the function's start in JITed code.
        file: The source line's file.
        line: Its number, from 1; 0 for lines of other kinds.
        column: Its column, from 1; 0 if unknown.
        code: The instruction's bytes.
    """

    kind: LineKind
    text: str
    offset: int
    file: str = ""
    line: int = 0
    column: int = 0
    code: bytes = b""


def xlated_listing(code: RawCode, btf: Btf | None, linum: bool = False) -> list[ListingLine]:
    """Translated instructions with prototypes and source lines between.

    Args:
        code: What the kernel gave.
        btf: The program's own BTF, which names functions and source lines.
        linum: Append file, line and column to source lines, as bpftool's `linum`.
    """
    insns = decode(code.xlated[: len(code.xlated) // INSN_SIZE * INSN_SIZE])
    names = Names(code.helpers, code.symbols, code.call_base, code.jited_ksyms)
    prototypes = iter(code.func_info)
    function = next(prototypes, None)
    sources = _Sources(code.line_info, (insn_off for insn_off, *_ in code.line_info))
    lines: list[ListingLine] = []
    at = 0
    while at < len(insns):
        if function and function[0] == at:
            lines += _prototype(btf, function[1], at)
            function = next(prototypes, None)
        lines += _source(btf, sources.at(at), at, linum)
        size = 2 if is_wide(insns[at]) else 1
        following = insns[at + 1] if at + 1 < len(insns) else None
        raw = code.xlated[at * INSN_SIZE : (at + size) * INSN_SIZE]
        text = printable(f"{at:4d}: {insn_text(insns[at], following, names)}", _LONGEST)
        lines.append(ListingLine("insn", text, at, code=raw))
        at += size
    return lines


def jited_listing(
    code: RawCode, btf: Btf | None, machine: str, linum: bool = False
) -> list[ListingLine]:
    """JITed instructions of every function, with prototypes, symbols and source lines between.

    Args:
        code: What the kernel gave.
        btf: The program's own BTF.
        machine: uname -m, which names the instruction set.
        linum: As in `xlated_listing`.
    """
    if not code.jited:
        return []
    lines: list[ListingLine] = []
    start = 0
    for index, length in enumerate(code.jited_func_lens or (len(code.jited),)):
        address = code.jited_ksyms[index] if index < len(code.jited_ksyms) else 0
        if index < len(code.func_info):
            lines += _prototype(btf, code.func_info[index][1], 0)
        if code.jited_ksyms:
            label = printable(code.symbols.get(address) or f"0x{address:016x}")
            lines.append(ListingLine("label", f"{label}:", 0))
        body = code.jited[start : start + length]
        lines += _jited_function(code, btf, body, address, machine, linum)
        start += length
    return lines


def _jited_function(
    code: RawCode, btf: Btf | None, body: bytes, address: int, machine: str, linum: bool
) -> Iterator[ListingLine]:
    records = [
        (record, at - address)
        for record, at in zip(code.line_info, code.jited_line_info, strict=False)
        if address <= at < address + len(body)
    ]
    sources = _Sources([record for record, _ in records], (offset for _, offset in records))
    for insn in disassemble(body, address, machine, code.symbols):
        yield from _source(btf, sources.at(insn.offset), insn.offset, linum)
        text = printable(f"{insn.offset:4x}: {insn.text}")
        yield ListingLine("insn", text, insn.offset, code=insn.code)


_LineInfo = tuple[int, int, int, int]


class _Sources:
    """Which line_info record an instruction shows, chosen as libbpf's bpf_prog_linfo does.

    An instruction shows the last record at or before it, unless each such record has had an
    instruction already. Offsets asked for must not go backwards.
    """

    def __init__(self, records: Sequence[_LineInfo], offsets: Iterable[int]) -> None:
        self._records = records
        self._offsets = list(offsets)
        self._used = 0
        self._last = 0

    def at(self, offset: int) -> _LineInfo | None:
        if self._used >= len(self._records) or offset < self._offsets[self._used]:
            return None
        last = self._last
        while last + 1 < len(self._offsets) and self._offsets[last + 1] <= offset:
            last += 1
        self._last = last
        self._used += 1
        return self._records[last]


def _prototype(btf: Btf | None, type_id: int, offset: int) -> Iterator[ListingLine]:
    """The line above a function; none if BTF cannot tell it."""
    if btf is None:
        return
    try:
        text = printable(prototype(btf, type_id), _LONGEST)
    except BtfError:
        return
    yield ListingLine("prototype", f"{text}:", offset)


def _source(
    btf: Btf | None, record: _LineInfo | None, offset: int, linum: bool
) -> Iterator[ListingLine]:
    """The source line above an instruction; none if there is no record or it names no string."""
    if btf is None or record is None:
        return
    _, file_off, line_off, line_col = record
    text = _string(btf, line_off)
    if text is None:
        return
    file = _string(btf, file_off) or ""
    line, column = line_col >> 10, line_col & 0x3FF
    text = f"; {text}"
    if linum:
        text += f" [file:{file} line_num:{line} line_col:{column}]"
    yield ListingLine("source", text, offset, file, line, column)


def _string(btf: Btf, offset: int) -> str | None:
    """A string without leading blanks, all but tabs printable; None if BTF has none there."""
    try:
        raw = btf.string(offset).lstrip(_C_BLANKS)
    except BtfError:
        return None
    return "\t".join(printable(part, _LONGEST) for part in raw.split("\t"))
