"""eBPF instructions: assembling, encoding, and the kernel's text for every form."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stops_tui.bpf import insns as asm
from stops_tui.bpf.disasm import Names, insn_text, is_wide
from stops_tui.bpf.insns import R0, R1, R2, R3, R10, Insn, PseudoLoad, decode, encode

INSNS = st.builds(
    Insn,
    code=st.integers(0, 255),
    dst=st.integers(0, 15),
    src=st.integers(0, 15),
    off=st.integers(-(2**15), 2**15 - 1),
    imm=st.integers(-(2**31), 2**31 - 1),
)


def lower(insn: Insn) -> Insn:
    """The same on the lower 32 bits: ALU for ALU64, JMP32 for JMP."""
    return replace(insn, code=insn.code ^ 3)


WRITTEN = [
    (asm.mov(R0, 0), "(b7) r0 = 0"),
    (asm.mov(R1, -7), "(b7) r1 = -7"),
    (asm.mov(R1, R10), "(bf) r1 = r10"),
    (lower(asm.alu("=", R1, R2)), "(bc) w1 = w2"),
    (lower(asm.alu("=", R1, 3)), "(b4) w1 = 3"),
    *[
        (asm.alu(op, R1, R2), f"({code | 0x0F:02x}) r1 {op} r2")
        for op, code in asm.ALU_OPS.items()
        if op not in ("neg", "endian")
    ],
    *[
        (lower(asm.alu(op, R1, -2)), f"({code | 0x04:02x}) w1 {op} -2")
        for op, code in asm.ALU_OPS.items()
        if op not in ("neg", "endian")
    ],
    (asm.alu("s/=", R1, R2), "(3f) r1 s/= r2"),
    (asm.alu("s%=", R1, 5), "(97) r1 s%= 5"),
    (lower(asm.alu("s/=", R1, 5)), "(34) w1 s/= 5"),
    (lower(asm.alu("s%=", R1, R2)), "(9c) w1 s%= w2"),
    (asm.ldx("u8", R1, R2, 1), "(71) r1 = *(u8 *)(r2 +1)"),
    (asm.ldx("u16", R1, R2), "(69) r1 = *(u16 *)(r2 +0)"),
    (asm.ldx("u32", R1, R2), "(61) r1 = *(u32 *)(r2 +0)"),
    (asm.ldx("u64", R1, R10, -8), "(79) r1 = *(u64 *)(r10 -8)"),
    (asm.ldx("s8", R1, R2), "(91) r1 = *(s8 *)(r2 +0)"),
    (asm.ldx("s16", R1, R2), "(89) r1 = *(s16 *)(r2 +0)"),
    (asm.ldx("s32", R1, R2), "(81) r1 = *(s32 *)(r2 +0)"),
    (asm.stx("u8", R10, -1, R1), "(73) *(u8 *)(r10 -1) = r1"),
    (asm.stx("u16", R10, -2, R1), "(6b) *(u16 *)(r10 -2) = r1"),
    (asm.stx("u32", R10, -4, R1), "(63) *(u32 *)(r10 -4) = r1"),
    (asm.stx("u64", R10, -8, R1), "(7b) *(u64 *)(r10 -8) = r1"),
    (asm.stx("u64", R10, -8, -1), "(7a) *(u64 *)(r10 -8) = -1"),
    (asm.stx("u32", R1, 4, 1), "(62) *(u32 *)(r1 +4) = 1"),
    (Insn(asm.JMP, off=-3), "(05) goto pc-3"),
    *[
        (asm.jmp(op, R1, R2, 5), f"({code | 0x0D:02x}) if r1 {op} r2 goto pc+5")
        for op, code in asm.JMP_OPS.items()
        if op not in ("jmp", "call", "exit", "may_goto")
    ],
    *[
        (lower(asm.jmp(op, R1, -1, 0)), f"({code | 0x06:02x}) if w1 {op} 0xffffffff goto pc+0")
        for op, code in asm.JMP_OPS.items()
        if op not in ("jmp", "call", "exit", "may_goto")
    ],
    (asm.exit_(), "(95) exit"),
    (asm.atomic("add", "u64", R10, -8, R1), "(db) lock *(u64 *)(r10 -8) += r1"),
    (asm.atomic("and", "u32", R10, -8, R1), "(c3) lock *(u32 *)(r10 -8) &= r1"),
    (asm.atomic("or", "u64", R10, -8, R1), "(db) lock *(u64 *)(r10 -8) |= r1"),
    (asm.atomic("xor", "u32", R10, -8, R1), "(c3) lock *(u32 *)(r10 -8) ^= r1"),
    *[
        (
            asm.atomic(f"fetch_{op}", size, R2, 0, R1),
            f"({code}) r1 = atomic{width}_fetch_{op}(({size} *)(r2 +0), r1)",
        )
        for op in ("add", "and", "or", "xor")
        for size, code, width in (("u32", "c3", ""), ("u64", "db", "64"))
    ],
    (asm.atomic("xchg", "u64", R2, 8, R1), "(db) r1 = atomic64_xchg((u64 *)(r2 +8), r1)"),
    (asm.atomic("xchg", "u32", R2, 8, R1), "(c3) r1 = atomic_xchg((u32 *)(r2 +8), r1)"),
    (
        asm.atomic("cmpxchg", "u64", R2, 8, R1),
        "(db) r0 = atomic64_cmpxchg((u64 *)(r2 +8), r0, r1)",
    ),
    (asm.atomic("cmpxchg", "u32", R2, 8, R1), "(c3) r0 = atomic_cmpxchg((u32 *)(r2 +8), r0, r1)"),
    (asm.atomic("load_acquire", "u8", R1, -8, R10), "(d3) r1 = load_acquire((u8 *)(r10 -8))"),
    (asm.atomic("load_acquire", "u64", R1, -8, R10), "(db) r1 = load_acquire((u64 *)(r10 -8))"),
    (asm.atomic("store_release", "u16", R10, -8, R1), "(cb) store_release((u16 *)(r10 -8), r1)"),
]

# Forms that no program of ours is assembled from.
READ = [
    (Insn(0x87, 1), "(87) r1 = -r1"),
    (Insn(0x84, 1), "(84) w1 = -w1"),
    (Insn(0xD4, 1, imm=16), "(d4) r1 = le16 r1"),
    (Insn(0xDC, 1, imm=64), "(dc) r1 = be64 r1"),
    (Insn(0xD7, 1, imm=32), "(d7) r1 = bswap32 r1"),
    (Insn(0xBF, 1, 2, off=8), "(bf) r1 = (s8)r2"),
    (Insn(0xBF, 1, 2, off=16), "(bf) r1 = (s16)r2"),
    (Insn(0xBF, 1, 2, off=32), "(bf) r1 = (s32)r2"),
    (Insn(0xBC, 1, 2, off=8), "(bc) w1 = (s8)w2"),
    (Insn(0xBC, 1, 2, off=16), "(bc) w1 = (s16)w2"),
    (Insn(0xBF, 1, 2, off=1, imm=0x10002), "(bf) r1 = addr_space_cast(r2, 1, 2)"),
    (Insn(0xBF, 1, 2, off=-1), "(bf) r1 = &(void __percpu *)(r2)"),
    (Insn(0x06, imm=-70000), "(06) gotol pc-70000"),
    (Insn(0x0D, 3), "(0d) gotox r3"),
    (Insn(0xE5, off=2), "(e5) may_goto pc+2"),
    (Insn(0x20, imm=12), "(20) r0 = *(u32 *)skb[12]"),
    (Insn(0x48, src=3, imm=-1), "(48) r0 = *(u16 *)skb[r3 + -1]"),
    (Insn(0xC2), "(c2) nospec"),
    # No kernel accepts these.
    (Insn(0xC3, imm=0x77), "BUG_c3"),
    (Insn(0x23), "BUG_23"),
    (Insn(0x02), "BUG_st_02"),
    (Insn(0x01), "BUG_ldx_01"),
    (Insn(0x98), "BUG_ld_98"),
    (Insn(0x00), "BUG_ld_00"),
    (Insn(0xFF, 1, 2), "(ff) r1 (null) r2"),
    (Insn(0xE5, 1, 2, imm=3), "(e5) if r1 (null) 0x3 goto pc+0"),
    (Insn(0x99, 1, 2), "(99) r1 = *((null) *)(r2 +0)"),
]


@pytest.mark.parametrize(("insn", "text"), [*WRITTEN, *READ], ids=lambda value: str(value))
def test_text(insn: Insn, text: str) -> None:
    assert insn_text(insn) == text


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (PseudoLoad.VALUE, -1, "0xffffffffffffffff"),
        (PseudoLoad.VALUE, 0x1_8000_0000, "0x180000000"),
        (PseudoLoad.MAP_FD, 7, "map[id:7]"),
        (PseudoLoad.MAP_VALUE, 16 << 32 | 7, "map[id:7][0]+16"),
        (PseudoLoad.BTF_ID, 5, "0x5"),
        (PseudoLoad.FUNC, -9 & 0xFFFF_FFFF, "subprog[-9]"),
        (PseudoLoad.FUNC, 9, "subprog[+9]"),
        (PseudoLoad.MAP_IDX, 2, "0x2"),
        (PseudoLoad.MAP_IDX_VALUE, 8 << 32 | 2, "map[idx:2]+8"),
    ],
)
def test_wide_load(kind: PseudoLoad, value: int, text: str) -> None:
    insn, following = asm.ld_imm64(R3, value, kind)
    assert is_wide(insn)
    assert insn_text(insn, following) == f"(18) r3 = {text}"


def test_a_wide_load_cut_off_has_no_upper_half() -> None:
    assert insn_text(asm.ld_imm64(R1, -1)[0]) == "(18) r1 = 0xffffffff"


BASE = 0xFFFF_FFFF_8100_0000
NAMES = Names(
    helpers={0: "bpf_unspec", 5: "bpf_ktime_get_ns"},
    symbols={BASE + 70000: "bpf_user_rnd_u32", BASE - 16: "tcp_slow_start", 0x99: "bpf_prog_1_f"},
    call_base=BASE,
    functions=(0x55, 0x99),
)


@pytest.mark.parametrize(
    ("insn", "names", "text"),
    [
        (asm.call(5), NAMES, "bpf_ktime_get_ns#5"),
        (asm.call(70000), NAMES, "bpf_user_rnd_u32#70000"),
        (asm.call(70001), NAMES, "0xffffffff81011171#70001"),
        (asm.call(5), Names(), "0x5#5"),
        (asm.call(-5), Names(), "0xfffffffffffffffb#-5"),
        (asm.call_kfunc(-16), NAMES, "tcp_slow_start#-16"),
        (asm.call_kfunc(5), NAMES, "0xffffffff81000005#5"),
        (Insn(0x85, src=1, off=5, imm=1), NAMES, "pc+5#bpf_prog_1_f"),
        (Insn(0x85, src=1, off=-5, imm=0), NAMES, "pc-5#0x55"),
        (Insn(0x85, src=1, off=-5, imm=2), NAMES, "pc-5#0xffffffff81000002"),
        (Insn(0x85, src=1, off=5, imm=1), Names(), "pc+5"),
        (Insn(0x85, src=1, off=5), Names(functions=(0, 0)), "pc+5#0x0"),
    ],
)
def test_call(insn: Insn, names: Names, text: str) -> None:
    assert insn_text(insn, None, names) == f"(85) call {text}"


def test_a_program_in_both_byte_orders() -> None:
    program = [asm.mov(R0, 0x01020304), asm.stx("u8", R10, -2, R1), asm.exit_()]
    assert encode(program, "little").hex(" ", 8) == (
        "b700000004030201 731afeff00000000 9500000000000000"
    )
    assert encode(program, "big").hex(" ", 8) == (
        "b700000001020304 73a1fffe00000000 9500000000000000"
    )


def test_half_an_instruction_is_refused() -> None:
    with pytest.raises(ValueError, match="12 bytes"):
        decode(bytes(12))


def test_a_field_too_large_is_refused() -> None:
    with pytest.raises(struct.error):
        encode([asm.mov(R0, 1 << 31)])


@settings(deadline=None)
@given(st.lists(INSNS), st.sampled_from(["little", "big"]))
def test_decode_undoes_encode(program: list[Insn], order: asm.ByteOrder) -> None:
    assert decode(encode(program, order), order) == program


@settings(deadline=None)
@given(st.binary().map(lambda data: data[: len(data) // 8 * 8]))
def test_encode_undoes_decode(data: bytes) -> None:
    assert encode(decode(data)) == data


@settings(deadline=None)
@given(INSNS, st.none() | INSNS)
def test_anything_prints_as_one_line(insn: Insn, following: Insn | None) -> None:
    for names in (Names(), NAMES):
        text = insn_text(insn, following, names)
        assert text.isprintable()
        assert text.startswith((f"({insn.code:02x}) ", "BUG_"))
