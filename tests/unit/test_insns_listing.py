"""Listings of code that no kernel gave: placed lines, hostile strings, corrupt info."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stops_tui.bpf import insns as asm
from stops_tui.bpf.insns import R0, R1, encode
from stops_tui.bpf.jited import branch_targets
from stops_tui.btf import Btf
from stops_tui.kernels.kernel import RawCode
from stops_tui.struct_ops.listing import jited_listing, xlated_listing
from tests.support.btf_builder import BtfBuilder

U32 = st.integers(0, 2**32 - 1)

BUILDER = BtfBuilder()
INT = BUILDER.integer("int", 4)
PROTO = BUILDER.func_proto(INT, [("a", INT)])
FIRST, SECOND = BUILDER.func("first", PROTO), BUILDER.func("second", PROTO)
FILE = BUILDER.string("a.c")
LINES = [BUILDER.string(text) for text in ("\t one", "two", "three", "", "\x1b[2Jx\ty\n[red]")]
BTF = BUILDER.btf()

WIDE = asm.ld_imm64(R1, 1)
PROGRAM = encode([asm.mov(R0, 0), *WIDE, asm.mov(R0, 3), asm.exit_(), asm.exit_()])


def record(at: int, line: int) -> tuple[int, int, int, int]:
    return at, FILE, LINES[line], (line + 1) << 10 | 7


def texts(code: RawCode, linum: bool = False) -> list[str]:
    return [line.text for line in xlated_listing(code, BTF, linum)]


def test_prototypes_source_lines_and_instructions() -> None:
    lines = (record(0, 0), record(1, 1), record(4, 2))
    code = RawCode(PROGRAM, b"", func_info=((0, FIRST), (4, SECOND)), line_info=lines)
    assert texts(code) == [
        "int first(int a):",
        "; one",
        "   0: (b7) r0 = 0",
        "; two",
        "   1: (18) r1 = 0x1",
        "   3: (b7) r0 = 3",
        "int second(int a):",
        "; three",
        "   4: (95) exit",
        "   5: (95) exit",
    ]


def test_line_numbers_on_demand() -> None:
    code = RawCode(PROGRAM, b"", line_info=(record(0, 1),))
    assert texts(code, linum=True)[0] == "; two [file:a.c line_num:2 line_col:7]"
    source = xlated_listing(code, BTF)[0]
    assert (source.kind, source.text, source.offset) == ("source", "; two", 0)
    assert (source.file, source.line, source.column) == ("a.c", 2, 7)


def test_an_instruction_carries_its_bytes() -> None:
    lines = xlated_listing(RawCode(PROGRAM, b""), None)
    assert [line.offset for line in lines] == [0, 1, 3, 4, 5]
    assert lines[1].code == encode(WIDE)


def test_strings_are_shown_literally() -> None:
    assert texts(RawCode(PROGRAM, b"", line_info=(record(0, 4),)))[0] == (
        "; \\x1b[2Jx\ty\\x0a[red]"
    )


def test_only_blanks_of_c_are_cut_off_in_front() -> None:
    builder = BtfBuilder()
    line = builder.string(" \t\v\f\r\n\u2003x ")
    code = RawCode(PROGRAM, b"", line_info=((0, 0, line, 0),))
    assert xlated_listing(code, builder.btf())[0].text == "; \\u2003x "


def test_an_empty_source_line_is_one_as_in_bpftool() -> None:
    assert texts(RawCode(PROGRAM, b"", line_info=(record(0, 3),)))[0] == "; "


@pytest.mark.parametrize("type_id", [INT, 0, 99, 2**32 - 1])
def test_a_prototype_that_is_none(type_id: int) -> None:
    code = RawCode(PROGRAM, b"", func_info=((0, type_id), (4, SECOND)))
    assert "int second(int a):" in texts(code)


def test_a_line_that_btf_lacks_is_left_out() -> None:
    code = RawCode(PROGRAM, b"", line_info=((0, 0, 10**6, 1), record(3, 1)))
    assert texts(code)[0] == "   0: (b7) r0 = 0"
    assert "; two" in texts(code)


def test_half_an_instruction_at_the_end_is_left_out() -> None:
    assert texts(RawCode(PROGRAM[:12], b"")) == ["   0: (b7) r0 = 0"]


def test_a_wide_load_cut_off() -> None:
    assert texts(RawCode(encode(WIDE[:1]), b"")) == ["   0: (18) r1 = 0x1"]


def test_nothing_to_list() -> None:
    nothing = RawCode(b"", b"", func_info=((0, FIRST),), jited_func_lens=(4,), jited_ksyms=(0,))
    assert xlated_listing(nothing, BTF) == []
    assert jited_listing(nothing, BTF, "x86_64") == []


def shown_by_libbpf(offsets: Sequence[int], asked: Sequence[int]) -> list[int | None]:
    """The index that bpf_prog_linfo__lfind() gives for each instruction asked for in turn."""
    shown: list[int | None] = []
    skip = 0
    for at in asked:
        if skip >= len(offsets) or at < offsets[skip]:
            shown.append(None)
            continue
        index = skip
        while index < len(offsets) and at >= offsets[index]:
            index += 1
        shown.append(index - 1)
        skip += 1
    return shown


@settings(deadline=None)
@given(st.lists(st.integers(0, 12), max_size=12), st.integers(1, 12))
def test_source_lines_are_those_that_libbpf_finds(offsets: list[int], length: int) -> None:
    builder = BtfBuilder()
    strings = [builder.string(f"line {index}") for index in range(len(offsets))]
    records = tuple((at, 0, line, 0) for at, line in zip(offsets, strings, strict=True))
    code = RawCode(encode([asm.exit_()] * length), b"", line_info=records)
    expected: list[str] = []
    for at, index in enumerate(shown_by_libbpf(offsets, range(length))):
        expected += [] if index is None else [f"; line {index}"]
        expected.append(f"{at:4d}: (95) exit")
    assert [line.text for line in xlated_listing(code, builder.btf())] == expected


ANY_CODE = st.builds(
    RawCode,
    xlated=st.binary(max_size=200),
    jited=st.binary(max_size=100),
    jited_func_lens=st.lists(U32 | st.integers(0, 50), max_size=4).map(tuple),
    jited_ksyms=st.lists(st.integers(0, 2**64 - 1), max_size=4).map(tuple),
    func_info=st.lists(st.tuples(st.integers(0, 30), U32 | st.integers(0, 6)), max_size=4).map(
        tuple
    ),
    line_info=st.lists(st.tuples(U32 | st.integers(0, 9), U32, U32, U32), max_size=9).map(tuple),
    jited_line_info=st.lists(st.integers(0, 2**64 - 1), max_size=9).map(tuple),
    symbols=st.dictionaries(st.integers(0, 2**64 - 1), st.text(), max_size=3),
    helpers=st.dictionaries(st.integers(0, 9), st.text(), max_size=3),
    call_base=st.integers(0, 2**64 - 1),
)


@settings(deadline=None)  # the first example loads capstone
@given(ANY_CODE, st.sampled_from([BTF, None]), st.sampled_from(["x86_64", "aarch64", "riscv64"]))
def test_any_code_lists_and_every_byte_once(code: RawCode, btf: Btf | None, machine: str) -> None:
    for listing in (xlated_listing(code, btf), jited_listing(code, btf, machine)):
        assert all(line.text.replace("\t", " ").isprintable() for line in listing)
    xlated = b"".join(line.code for line in xlated_listing(code, btf))
    assert xlated == code.xlated[: len(code.xlated) // 8 * 8]
    jited = b"".join(line.code for line in jited_listing(code, btf, machine))
    assert code.jited.startswith(jited)


X86_64 = bytes.fromhex("55 e80a000000 06 c3")
ARM64 = bytes.fromhex("3f2303d5 03000094 00000000 ffffffff c0035fd6 01")
BASE = 0xFFFF_FFFF_C000_1000


@pytest.mark.parametrize(
    ("machine", "code", "lines"),
    [
        (
            "x86_64",
            X86_64,
            [
                "   0: pushq   %rbp",
                "   1: callq   0xffffffffc0001010 <called>",
                "   6: .byte   0x06",
                "   7: retq",
            ],
        ),
        (
            "aarch64",
            ARM64,
            [
                "   0: paciasp",
                "   4: bl      #0xffffffffc0001010 <called>",
                "   8: udf     #0",
                "   c: .byte   0xff, 0xff, 0xff, 0xff",
                "  10: ret",
                "  14: .byte   0x01",
            ],
        ),
        ("riscv64", ARM64[:10], ["   0: 3f 23 03 d5 03 00 00 94", "   8: 00 00"]),
    ],
)
def test_jited_code(machine: str, code: bytes, lines: list[str]) -> None:
    raw = RawCode(
        xlated=b"",
        jited=code,
        jited_func_lens=(len(code),),
        jited_ksyms=(BASE,),
        func_info=((0, FIRST),),
        line_info=(record(0, 0),),
        jited_line_info=(BASE,),
        symbols={BASE: "bpf_prog_0_first", BASE + 0x10: "called"},
    )
    assert [line.text for line in jited_listing(raw, BTF, machine)] == [
        "int first(int a):",
        "bpf_prog_0_first:",
        "; one",
        *lines,
    ]


def test_jited_code_of_several_functions() -> None:
    ret = bytes.fromhex("90 c3")
    raw = RawCode(
        xlated=b"",
        jited=ret * 2,
        jited_func_lens=(2, 2),
        jited_ksyms=(BASE, BASE - 64),
        func_info=((0, FIRST), (2, SECOND)),
        line_info=(record(0, 0), record(1, 1), record(2, 2)),
        jited_line_info=(BASE, BASE + 1, BASE - 64),
    )
    listing = jited_listing(raw, BTF, "x86_64")
    assert [(line.kind, line.text) for line in listing] == [
        ("prototype", "int first(int a):"),
        ("label", "0xffffffffc0001000:"),
        ("source", "; one"),
        ("insn", "   0: nop"),
        ("source", "; two"),
        ("insn", "   1: retq"),
        ("prototype", "int second(int a):"),
        ("label", "0xffffffffc0000fc0:"),
        ("source", "; three"),
        ("insn", "   0: nop"),
        ("insn", "   1: retq"),
    ]


def test_numbers_large_enough_to_be_addresses_are_hex() -> None:
    # movabsq $0xffffc90000011000, %rsi; jmp +2, into the function itself
    code = bytes.fromhex("48be 00100100 00c9ffff eb02 9090 c3")
    raw = RawCode(b"", code, (len(code),), (BASE,), symbols={0xFFFFC90000011000: "tallies"})
    assert [line.text for line in jited_listing(raw, None, "x86_64")][1:3] == [
        "   0: movabsq $0xffffc90000011000 <tallies>, %rsi",
        "   a: jmp     0xffffffffc000100e <+0xe>",
    ]


def test_nothing_is_named_where_the_address_is_withheld() -> None:
    code = bytes.fromhex("48be 02000000 00000000 b810000000")
    lines = jited_listing(RawCode(b"", code), None, "x86_64")
    assert [line.text for line in lines] == ["   0: movabsq $2, %rsi", "   a: movl    $0x10, %eax"]


@pytest.mark.parametrize(
    ("machine", "code", "targets"),
    [
        ("x86_64", "90 e8f7ffffff", {BASE + 6 - 9}),
        ("x86_64", "e904000000", {BASE + 9}),
        ("x86_64", "e8040000", set()),
        ("aarch64", "00000000 03000094", {BASE + 4 + 12}),  # bl
        ("aarch64", "feffff17 00", {BASE - 8}),  # b
        ("riscv64", "e904000000", set()),
    ],
)
def test_where_branches_lead(machine: str, code: str, targets: set[int]) -> None:
    assert branch_targets(bytes.fromhex(code), BASE, machine) == targets
