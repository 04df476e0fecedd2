"""The text of every code, held against bpftool itself, which is handed canned instructions."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from stops_tui.bpf.insns import Insn, encode
from stops_tui.kernels.kernel import RawCode
from stops_tui.struct_ops.listing import xlated_listing
from tests.support import bpftool

OFFSETS = (0, 1, -1, 8, 16, 32, 100, -32768)
SOURCES = (*range(7), 10, 15)
IMMEDIATES = (0, 1, 5, 16, 0x50, 0x41, 0xA1, 0xE1, 0xF1, 0x100, 0x110, -1, -(2**31), 70000)

# Newer than bpftool 7.5 (Linux 6.12): acquire and release (6.15), indirect jumps (6.19).
YOUNGER = ("load_acquire", "store_release", "gotox")
# Newer than bpftool 7.1 (Linux 6.1): ISA v4, arenas, per-CPU addresses, may_goto.
YOUNGER_THAN_7_1 = (
    *YOUNGER,
    *("gotol", "bswap", "(s8)", "(s16)", "(s32)", "*(s8 *)", "*(s16 *)", "*(s32 *)", "*((null) *)"),
    *("s/=", "s%=", "addr_space_cast", "__percpu", "may_goto"),
)


def every_code() -> bytes:
    registers = random.Random(0)
    program = [
        Insn(code, registers.randrange(16), src, off, imm)
        for code in range(256)
        if code & 7 not in (5, 6) or code & 0xF0 != 0x80  # calls: by name, see below
        for off in OFFSETS
        for src in SOURCES
        for imm in IMMEDIATES
    ]
    return encode(program)


def calls() -> bytes:
    imms = (0, 1, 5, 211, 10**6, -1, -(2**31))
    return encode(
        Insn(code, 0, src, off, imm)
        for code in (0x85, 0x86, 0x8D, 0x8E)
        for src in (0, 1, 2, 3)
        for off in (0, -5)
        for imm in imms
    )


def listing(insns: bytes, helpers: dict[int, str] | None = None) -> list[str]:
    code = RawCode(xlated=insns, jited=b"", helpers=helpers or {})
    return [line.text for line in xlated_listing(code, None)]


def unnumbered(lines: list[str]) -> list[str]:
    """Without the instruction's number: 7.1 pads those from 1000 on by one column more."""
    return [line.partition(": ")[2] for line in lines]


def test_every_code_as_bpftool_7_5_prints_it(tmp_path: Path) -> None:
    insns = every_code()
    theirs = bpftool.canned_xlated(insns, tmp_path / "insns", bpftool.newer())
    ours = listing(insns)
    assert len(ours) == len(theirs) > 150_000
    differ = [pair for pair in zip(ours, theirs, strict=True) if pair[0] != pair[1]]
    assert {word for word in YOUNGER if any(word in mine for mine, _ in differ)} == set(YOUNGER)
    assert not [pair for pair in differ if not any(word in pair[0] for word in YOUNGER)]


def test_older_forms_as_bpftool_7_1_prints_them(tmp_path: Path) -> None:
    insns = every_code()
    theirs = unnumbered(bpftool.canned_xlated(insns, tmp_path / "insns", bpftool.installed()))
    ours = unnumbered(listing(insns))
    assert len(ours) == len(theirs)
    differ = [pair for pair in zip(ours, theirs, strict=True) if pair[0] != pair[1]]
    assert not [pair for pair in differ if not any(word in pair[0] for word in YOUNGER_THAN_7_1)]


def test_calls_as_bpftool_prints_them(tmp_path: Path) -> None:
    insns = calls()
    theirs = bpftool.canned_xlated(insns, tmp_path / "insns", bpftool.newer())
    names = {0: "bpf_unspec", 1: "bpf_map_lookup_elem", 5: "bpf_ktime_get_ns"}
    assert listing(insns, names | {211: "bpf_cgrp_storage_delete"}) == theirs


@pytest.mark.parametrize("seed", range(3))
def test_random_bytes_as_bpftool_prints_them(seed: int, tmp_path: Path) -> None:
    insns = random.Random(seed).randbytes(8 * 20_000)
    theirs = bpftool.canned_xlated(insns, tmp_path / "insns", bpftool.newer())
    ours = listing(insns)  # no instruction calls a helper by its number, by chance
    differ = [pair for pair in zip(ours, theirs, strict=True) if pair[0] != pair[1]]
    assert not [pair for pair in differ if not any(word in pair[0] for word in YOUNGER)]
