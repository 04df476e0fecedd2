"""Program code of the running kernel, line by line as bpftool prints it."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stops_tui.bpf import insns as asm
from stops_tui.bpf.disasm import insn_text
from stops_tui.bpf.errors import BpfError
from stops_tui.bpf.insns import R0, R1, R10, Insn, decode, encode
from stops_tui.bpf.syscall import Bpf, opened
from stops_tui.btf import Btf
from stops_tui.kernels.kernel import RawCode
from stops_tui.kernels.live.code import program_code
from stops_tui.kernels.live.facts import CAP_SYS_ADMIN
from stops_tui.struct_ops.listing import ListingLine, jited_listing, xlated_listing
from tests.support import bpftool
from tests.support.child import in_child, keep_capabilities
from tests.support.clang import bpf_object, tool

GONE = 2**31 - 1


@pytest.fixture(scope="module")
def vmlinux() -> Btf:
    return Btf.parse(Path("/sys/kernel/btf/vmlinux").read_bytes())


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """The programs of cc.c: member → program id."""
    with bpftool.registered(bpf_object("cc"), tmp_path_factory.mktemp("cc")) as found:
        yield found.programs


@pytest.fixture(scope="module")
def modern(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """The programs of v4.c: member → program id."""
    if not accepts(asm.mov(R1, 5), Insn(0xBF, R0, R1, off=8)):
        pytest.skip("this kernel has no movsx: it came with ISA v4, in 6.6")
    v4 = bpf_object("v4")
    with bpftool.registered(v4, tmp_path_factory.mktemp("v4"), bpftool.newer()) as found:
        yield found.programs


def accepts(*insns: Insn) -> bool:
    """Whether the running kernel knows instructions."""
    try:
        os.close(Bpf().prog_load(encode([*insns, asm.mov(R0, 0), asm.exit_()]), prog_type=1))
    except BpfError:
        return False
    return True


def btf_of(prog_id: int) -> Btf:
    bpf = Bpf()
    with opened(bpf.prog_get_fd_by_id(prog_id)) as fd:
        btf_id = bpf.prog_get_info_by_fd(fd).btf_id
    with opened(bpf.btf_get_fd_by_id(btf_id)) as fd:
        return Btf.parse(bpf.btf_get_data_by_fd(fd))


def code_of(prog_id: int, vmlinux: Btf) -> RawCode:
    code = program_code(Bpf(), prog_id, vmlinux)
    assert code is not None
    return code


def texts(lines: list[ListingLine]) -> list[str]:
    return [line.text for line in lines]


def kinds(lines: list[ListingLine], kind: str) -> list[str]:
    return [line.text for line in lines if line.kind == kind]


@pytest.mark.parametrize("linum", [False, True])
def test_compiled_programs_read_as_bpftool_prints_them(
    linum: bool, compiled: dict[str, int], vmlinux: Btf
) -> None:
    assert len(compiled) == 7
    for prog_id in compiled.values():
        ours = xlated_listing(code_of(prog_id, vmlinux), btf_of(prog_id), linum)
        for version in (bpftool.installed(), bpftool.newer()):
            args = ["prog", "dump", "xlated", "id", str(prog_id), *(["linum"] if linum else [])]
            assert texts(ours) == bpftool.text(*args, bpftool=version).splitlines()


@pytest.mark.parametrize("linum", [False, True])
def test_isa_v4_reads_as_bpftool_prints_it(
    linum: bool, modern: dict[str, int], vmlinux: Btf
) -> None:
    printed = []
    for prog_id in modern.values():
        ours = texts(xlated_listing(code_of(prog_id, vmlinux), btf_of(prog_id), linum))
        args = ["prog", "dump", "xlated", "id", str(prog_id), *(["linum"] if linum else [])]
        assert ours == bpftool.text(*args, bpftool=bpftool.newer()).splitlines()
        printed += ours
    text = "\n".join(printed)
    for form in (
        *("gotol pc+", "r1 = (s32)r2", "w1 = (s8)w2", "bswap16", "bswap64", "be32", "le16"),
        *("r0 s/= r2", "r0 s%= 3", "w0 s/= 3", "w0 s%= w2", "*(s8 *)", "*(s16 *)", "*(s32 *)"),
        *("atomic64_fetch_add", "atomic_fetch_xor", "atomic64_xchg", "atomic_cmpxchg"),
        *("lock *(u64 *)(r10 -8) |= r2", "lock *(u32 *)(r10 -8) += r2"),
    ):
        assert form in text


def test_what_the_programs_cover(compiled: dict[str, int], vmlinux: Btf) -> None:
    """The comparison above is worth what is in the programs."""
    text = "\n".join(
        line
        for prog_id in compiled.values()
        for line in texts(xlated_listing(code_of(prog_id, vmlinux), btf_of(prog_id)))
    )
    for form in (
        *("map[id:", "][0]+0", "subprog[+", "#bpf_prog_", "call tcp_reno_undo_cwnd#"),
        *("void stops_init(__u64 * ctx):", "; ", "lock *(u64 *)", "goto pc-"),
        "long add_up(__u32 i, void * ctx):",
        "call bpf_sk_storage_get",
    ):
        assert form in text


def test_a_program_without_btf_has_instructions_only(vmlinux: Btf) -> None:
    bpf = Bpf()
    insns = [asm.mov(R0, 0), asm.exit_()]
    with opened(bpf.prog_load(encode(insns), prog_type=1)) as fd:
        prog_id = bpf.prog_get_info_by_fd(fd).id
        lines = xlated_listing(code_of(prog_id, vmlinux), None)
    assert texts(lines) == ["   0: (b7) r0 = 0", "   1: (95) exit"]


def test_source_lines_carry_their_place(compiled: dict[str, int], vmlinux: Btf) -> None:
    prog_id = compiled["undo_cwnd"]
    lines = xlated_listing(code_of(prog_id, vmlinux), btf_of(prog_id))
    source = next(line for line in lines if "tcp_reno_undo_cwnd((struct sock" in line.text)
    path = Path(source.file)
    assert path.name == "cc.c"
    assert path.read_text().splitlines()[source.line - 1].strip() in source.text
    assert source.column > 1


def test_jited_code_in_full_and_in_step(compiled: dict[str, int], vmlinux: Btf) -> None:
    for prog_id in compiled.values():
        code, btf = code_of(prog_id, vmlinux), btf_of(prog_id)
        xlated = xlated_listing(code, btf)
        jited = jited_listing(code, btf, "x86_64")
        assert b"".join(line.code for line in jited if line.kind == "insn") == code.jited
        assert kinds(jited, "prototype") == kinds(xlated, "prototype")
        assert len(kinds(jited, "label")) == len(code.jited_func_lens)
        assert all(re.match(r"bpf_prog_[0-9a-f]{16}_", label) for label in kinds(jited, "label"))
        assert set(kinds(jited, "source")) == set(kinds(xlated, "source"))


def test_jited_instructions_are_where_objdump_finds_them(
    compiled: dict[str, int], vmlinux: Btf, tmp_path: Path
) -> None:
    objdump = [tool("objdump"), "-D", "-b", "binary", "-m", "i386:x86-64", "--no-show-raw-insn"]
    for prog_id in compiled.values():
        code = code_of(prog_id, vmlinux)
        (tmp_path / "code").write_bytes(code.jited[: code.jited_func_lens[0]])
        command = [*objdump, str(tmp_path / "code")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        theirs = re.findall(r"^ +([0-9a-f]+):\t(\w+)", done.stdout, re.MULTILINE)
        first = RawCode(b"", code.jited, code.jited_func_lens[:1], code.jited_ksyms[:1])
        ours = [
            (line.offset, line.text.split()[1])
            for line in jited_listing(first, None, "x86_64")
            if line.kind == "insn"
        ]
        assert [offset for offset, _ in ours] == [int(offset, 16) for offset, _ in theirs]
        for (_, mine), (_, other) in zip(ours, theirs, strict=True):
            same = mine.startswith(other) or other.startswith(mine)  # pushq, push; nopl, nopl
            assert same or (mine, other) == ("nop", "xchg"), "66 90 is both"


def test_jited_calls_are_named(compiled: dict[str, int], vmlinux: Btf) -> None:
    prog_id = compiled["undo_cwnd"]
    lines = jited_listing(code_of(prog_id, vmlinux), None, "x86_64")
    assert any(line.text.endswith("<tcp_reno_undo_cwnd>") for line in lines)


def test_maps_are_named(compiled: dict[str, int], vmlinux: Btf) -> None:
    assert {"tallies", "per_socket"} <= set(code_of(compiled["init"], vmlinux).maps.values())


def test_a_program_that_is_gone() -> None:
    assert program_code(Bpf(), GONE, None) is None


def test_without_cap_syslog_the_kernel_withholds(compiled: dict[str, int], vmlinux: Btf) -> None:
    def seen() -> list[list[Any]]:
        keep_capabilities(CAP_SYS_ADMIN)
        codes = [code_of(prog_id, vmlinux) for prog_id in compiled.values()]
        return [
            [
                kinds(xlated_listing(code, None), "insn"),
                texts(jited_listing(code, None, "x86_64")),
                code.withheld,
            ]
            for code in codes
        ]

    without = [tool("setpriv"), "--bounding-set", "-syslog", "--inh-caps", "-syslog"]
    dump = [*without, str(bpftool.installed()), "prog", "dump", "xlated", "id"]
    for prog_id, (xlated, jited, withheld) in zip(compiled.values(), in_child(seen), strict=True):
        dumped = subprocess.run([*dump, str(prog_id)], capture_output=True, text=True, check=True)
        theirs = dumped.stdout.splitlines()
        assert xlated == [line for line in theirs if re.match(r" *\d+: ", line)]
        assert jited == []
        assert withheld.startswith("CAP_SYSLOG is missing")


def test_the_running_kernel_prints_the_youngest_forms_so() -> None:
    """bpftool 7.5 does not know them; the verifier's log is printed by the kernel itself."""
    acquiring = [asm.stx("u64", R10, -8, 5), asm.atomic("load_acquire", "u64", R1, -8, R10)]
    if not accepts(*acquiring):
        pytest.skip("this kernel has no load_acquire: it came with 6.15")
    program = [
        *acquiring,
        asm.atomic("load_acquire", "u8", R1, -8, R10),
        asm.atomic("store_release", "u32", R10, -8, R1),
        asm.atomic("fetch_or", "u64", R10, -8, R1),
        Insn(0xBF, R0, R1, off=8),
        asm.alu("s%=", R0, 3),
        asm.ldx("s16", R0, R10, -8),
        Insn(0x06, imm=0),
        Insn(0xBF, 3, 9),  # refused: r9 has no value
        asm.exit_(),
    ]
    with pytest.raises(BpfError) as refused:
        Bpf().prog_load(encode(program), prog_type=1)
    logged = re.findall(r"^\d+: (\(..\) [^;\n]*?) *(?:;.*)?$", refused.value.log, re.MULTILINE)
    assert logged == [insn_text(insn) for insn in decode(encode(program))[: len(logged)]]
    assert len(logged) == 10
