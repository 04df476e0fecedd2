"""eBPF instructions: the record, its eight bytes, and an assembler in the kernel's notation.

An instruction is `u8 code; u8 dst:4, src:4; s16 off; s32 imm` (struct bpf_insn in
include/uapi/linux/bpf.h). ldimm64 takes two: the second holds the upper half of the value.

The operator words (`+=`, `s>`, `u32`) are the ones that `bpf.disasm` prints:

    program = [mov(R0, 0), exit_()]
    attr.insns = encode(program)
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

ByteOrder = Literal["little", "big"]

INSN_SIZE = 8

# Classes: the low three bits of a code.
LD, LDX, ST, STX, ALU, JMP, JMP32, ALU64 = range(8)
# Modes: the high three bits of a load's or store's code.
IMM, ABS, IND, MEM, MEMSX, ATOMIC = 0x00, 0x20, 0x40, 0x60, 0x80, 0xC0
# Bit 3 of an arithmetic or jump code: the operand is a register, not imm.
X = 0x08

SIZES = {"u32": 0x00, "u16": 0x08, "u8": 0x10, "u64": 0x18}
SIGNED_SIZES = {"s32": 0x00, "s16": 0x08, "s8": 0x10}

ALU_OPS = {
    "+=": 0x00,
    "-=": 0x10,
    "*=": 0x20,
    "/=": 0x30,
    "|=": 0x40,
    "&=": 0x50,
    "<<=": 0x60,
    ">>=": 0x70,
    "neg": 0x80,
    "%=": 0x90,
    "^=": 0xA0,
    "=": 0xB0,
    "s>>=": 0xC0,
    "endian": 0xD0,
}
SIGNED_ALU_OPS = {"s/=": 0x30, "s%=": 0x90}  # marked by off = 1

JMP_OPS = {
    "jmp": 0x00,
    "==": 0x10,
    ">": 0x20,
    ">=": 0x30,
    "&": 0x40,
    "!=": 0x50,
    "s>": 0x60,
    "s>=": 0x70,
    "call": 0x80,
    "exit": 0x90,
    "<": 0xA0,
    "<=": 0xB0,
    "s<": 0xC0,
    "s<=": 0xD0,
    "may_goto": 0xE0,
}

# What an atomic instruction does is in its imm.
FETCH = 0x01
ATOMIC_OPS = {
    "add": 0x00,
    "or": 0x40,
    "and": 0x50,
    "xor": 0xA0,
    "fetch_add": 0x00 | FETCH,
    "fetch_or": 0x40 | FETCH,
    "fetch_and": 0x50 | FETCH,
    "fetch_xor": 0xA0 | FETCH,
    "xchg": 0xE0 | FETCH,
    "cmpxchg": 0xF0 | FETCH,
    "load_acquire": 0x100,
    "store_release": 0x110,
}


class Reg(IntEnum):
    """A register: R0 is the result, R1..R5 the arguments, R6..R9 are kept, R10 is the frame."""

    R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10 = range(11)


R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10 = Reg


class PseudoLoad(IntEnum):
    """What the imm of an ldimm64 is: its `src` (BPF_PSEUDO_* in include/uapi/linux/bpf.h)."""

    VALUE = 0
    MAP_FD = 1
    MAP_VALUE = 2
    BTF_ID = 3
    FUNC = 4
    MAP_IDX = 5
    MAP_IDX_VALUE = 6


class PseudoCall(IntEnum):
    """What the imm of a call is: its `src` (BPF_PSEUDO_* in include/uapi/linux/bpf.h)."""

    HELPER = 0
    SUBPROGRAM = 1
    KFUNC = 2


@dataclass(frozen=True, slots=True)
class Insn:
    """One instruction, 8 bytes.

    Attributes:
        code: Class, operation and operand kind.
        dst: Destination register, 0..15 (beyond 10 only in corrupt code).
        src: Source register, or what imm means (`PseudoLoad`, `PseudoCall`).
        off: Signed 16-bit jump distance, memory offset or variant.
        imm: Signed 32-bit constant.
    """

    code: int
    dst: int = 0
    src: int = 0
    off: int = 0
    imm: int = 0


_LAYOUT = {"little": struct.Struct("<BBhi"), "big": struct.Struct(">BBhi")}


def encode(insns: Iterable[Insn], byteorder: ByteOrder = sys.byteorder) -> bytes:
    """The instructions as the kernel of that byte order takes them, 8 bytes each.

    Raises:
        struct.error: A field does not fit.
    """
    pack = _LAYOUT[byteorder].pack
    if byteorder == "little":
        return b"".join(pack(i.code, i.src << 4 | i.dst, i.off, i.imm) for i in insns)
    return b"".join(pack(i.code, i.dst << 4 | i.src, i.off, i.imm) for i in insns)


def decode(data: bytes, byteorder: ByteOrder = sys.byteorder) -> list[Insn]:
    """The instructions in `data`, whatever they are; nothing is refused.

    Raises:
        ValueError: `data` is no multiple of 8 bytes.
    """
    if len(data) % INSN_SIZE:
        raise ValueError(f"{len(data)} bytes are no whole number of 8-byte instructions")
    fields = _LAYOUT[byteorder].iter_unpack(data)
    if byteorder == "little":
        return [Insn(code, regs & 15, regs >> 4, off, imm) for code, regs, off, imm in fields]
    return [Insn(code, regs >> 4, regs & 15, off, imm) for code, regs, off, imm in fields]


def _with_operand(code: int, dst: int, operand: Reg | int, off: int = 0) -> Insn:
    """An instruction whose operand is a register if it is a `Reg`, else a constant."""
    if isinstance(operand, Reg):
        return Insn(code | X, dst, operand, off)
    return Insn(code, dst, off=off, imm=operand)


def mov(dst: Reg, value: Reg | int) -> Insn:
    """`dst = value`, 64 bits; a constant is sign-extended."""
    return alu("=", dst, value)


def alu(op: str, dst: Reg, value: Reg | int) -> Insn:
    """`dst op value` on 64 bits; `op` as in ALU_OPS or SIGNED_ALU_OPS."""
    if op in SIGNED_ALU_OPS:
        return _with_operand(ALU64 | SIGNED_ALU_OPS[op], dst, value, off=1)
    return _with_operand(ALU64 | ALU_OPS[op], dst, value)


def ldx(size: str, dst: Reg, base: Reg, off: int = 0) -> Insn:
    """`dst = *(size *)(base + off)`; `size` as in SIZES, or SIGNED_SIZES to sign-extend."""
    if size in SIGNED_SIZES:
        return Insn(LDX | MEMSX | SIGNED_SIZES[size], dst, base, off)
    return Insn(LDX | MEM | SIZES[size], dst, base, off)


def stx(size: str, base: Reg, off: int, value: Reg | int) -> Insn:
    """`*(size *)(base + off) = value`, from a register or a constant."""
    if isinstance(value, Reg):
        return Insn(STX | MEM | SIZES[size], base, value, off)
    return Insn(ST | MEM | SIZES[size], base, off=off, imm=value)


def atomic(op: str, size: str, base: Reg, off: int, value: Reg) -> Insn:
    """An atomic `op` of ATOMIC_OPS on `*(size *)(base + off)`; size is u32 or u64.

    `load_acquire` is the exception: there `base` is the destination and `value` the address.
    """
    return Insn(STX | ATOMIC | SIZES[size], base, value, off, ATOMIC_OPS[op])


def ld_imm64(dst: Reg, value: int, kind: PseudoLoad = PseudoLoad.VALUE) -> tuple[Insn, Insn]:
    """`dst = value`, 64 bits (two instructions); with a `kind`, `value` is an fd or an id."""
    low, high = struct.unpack("<ii", (value & 0xFFFF_FFFF_FFFF_FFFF).to_bytes(8, "little"))
    return Insn(LD | IMM | SIZES["u64"], dst, kind, imm=low), Insn(0, imm=high)


def jmp(op: str, dst: Reg, value: Reg | int, off: int) -> Insn:
    """`if dst op value goto pc+off` on 64 bits; `off` counts from the next instruction."""
    return _with_operand(JMP | JMP_OPS[op], dst, value, off)


def call(helper: int) -> Insn:
    """Call a helper by its number in enum bpf_func_id."""
    return Insn(JMP | JMP_OPS["call"], src=PseudoCall.HELPER, imm=helper)


def call_kfunc(type_id: int, fd_index: int = 0) -> Insn:
    """Call a kernel function by its BTF_KIND_FUNC id.

    `fd_index` is 0 for vmlinux, else the place of the module's BTF in PROG_LOAD's `fd_array`.
    """
    return Insn(JMP | JMP_OPS["call"], src=PseudoCall.KFUNC, off=fd_index, imm=type_id)


def exit_() -> Insn:
    """Return r0."""
    return Insn(JMP | JMP_OPS["exit"])
