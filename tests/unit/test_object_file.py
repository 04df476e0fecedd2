"""What is in a BPF object file: the objects of tests/bpf, and files that are none, or wrong."""

from __future__ import annotations

import errno
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stops_tui.bpf.object_file import ObjectFile, ObjectFileError, parse, read
from stops_tui.bpf.object_file.reading import LARGEST
from stops_tui.bpf.object_file.struct_ops import essential_name
from tests.support.clang import bpf_object
from tests.support.elf_editor import ElfEditor

PROGRAMS = {
    "init": "dctcp_init",
    "ssthresh": "dctcp_ssthresh",
    "in_ack_event": "dctcp_in_ack_event",
    "cong_avoid": "dctcp_cong_avoid",
    "cwnd_event": "dctcp_cwnd_event",
    "undo_cwnd": "dctcp_undo_cwnd",
}


def described(name: str) -> ObjectFile:
    return read(str(bpf_object(name)))


def test_a_congestion_control() -> None:
    file = described("dctcp")

    assert (file.license, file.byteorder) == ("GPL", "little")
    assert file.core_relocations > 10
    assert {"license", ".struct_ops", ".maps", ".BTF", "struct_ops/dctcp_init"} <= {*file.sections}
    assert {program.name for program in file.programs} == {*PROGRAMS.values()}
    ssthresh = next(each for each in file.programs if each.name == "dctcp_ssthresh")
    assert ssthresh.section == "struct_ops/dctcp_ssthresh"
    assert (ssthresh.attach, ssthresh.sleepable) == ("struct_ops", False)
    assert ssthresh.size == 8 * ssthresh.insns > 0
    assert ssthresh.prototype == "__u32 dctcp_ssthresh(__u64 * ctx)"
    assert [each[:3] for each in file.maps] == [
        ("flows", "sk_storage", 4),
        ("totals", "array", 4),
        (".rodata", "array", 4),
    ]
    assert [each[3:] for each in file.maps] == [(20, 0), (8, 2), (4, 1)]


def test_its_struct_ops_members_have_programs_or_values() -> None:
    (variable,) = described("dctcp").struct_ops

    assert (variable.variable, variable.type_name, variable.suffix) == (
        "dctcp", "tcp_congestion_ops", "",
    )  # fmt: skip
    assert variable.programs == PROGRAMS
    members = {member.name: member for member in variable.members}
    name, flags, undo = members["name"], members["flags"], members["undo_cwnd"]
    assert variable.value[name.offset :][: name.size] == b"stops_test_name\0"
    assert variable.value[flags.offset :][: flags.size] == b"\2\0\0\0"
    assert (name.kind, name.type) == ("data", "char[16]")
    assert (undo.kind, undo.type) == ("func", "u32 (struct sock *)")
    assert (members["set_state"].kind, members["set_state"].program) == ("func", "")
    # Nothing but these two members is set: where programs belong are zeroes.
    assert variable.value.replace(b"stops_test_name", b"").strip(b"\0") == b"\2"


@pytest.mark.parametrize(
    ("name", "section", "link", "optional"),
    [
        ("dctcp", ".struct_ops", False, False),
        ("dctcp_link", ".struct_ops.link", True, False),
        ("dctcp_optional", "?.struct_ops", False, True),
    ],
)
def test_the_section_says_how_it_is_registered(
    name: str, section: str, link: bool, optional: bool
) -> None:
    (variable,) = described(name).struct_ops
    assert (variable.section, variable.link, variable.optional) == (section, link, optional)
    assert variable.programs == PROGRAMS


def test_an_object_for_big_endian_machines_reads_the_same() -> None:
    big, little = described("dctcp_big_endian"), described("dctcp")

    assert (big.byteorder, big.license) == ("big", "GPL")
    assert big.programs == little.programs
    assert big.maps == little.maps
    assert big.core_relocations == little.core_relocations
    (own,), (other,) = big.struct_ops, little.struct_ops
    assert own.programs == other.programs
    assert own.value == other.value.replace(b"\2\0\0\0", b"\0\0\0\2")


def test_two_variables_share_programs_of_one_section() -> None:
    file = described("pair")

    assert [variable.variable for variable in file.struct_ops] == ["meek", "bold"]
    meek, bold = (variable.programs for variable in file.struct_ops)
    assert meek == {"ssthresh": "by_half", "cong_avoid": "grown", "undo_cwnd": "undone"}
    assert bold == {**meek, "ssthresh": "by_eighth"}
    assert {program.section for program in file.programs} == {"struct_ops"}
    offsets = [program.offset for program in file.programs]
    assert offsets == sorted(offsets)
    assert [b"stops_test_bold" in variable.value for variable in file.struct_ops] == [False, True]


def test_a_suffix_is_no_part_of_the_types_name() -> None:
    (variable,) = described("suffixed_set").struct_ops
    assert (variable.type_name, variable.suffix) == ("tcp_congestion_ops", "___v2")
    assert [member.name for member in variable.members][:3] == ["name", "future", "foresee"]
    assert variable.value[16:24] == b"\7" + bytes(7)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("x", ("x", "")),
        ("x___v2", ("x", "___v2")),
        ("x___v2___v3", ("x___v2", "___v3")),
        ("x____v2", ("x____v2", "")),
        ("___v2", ("___v2", "")),
        ("x___", ("x___", "")),
    ],
)
def test_where_libbpf_divides_a_name(name: str, parts: tuple[str, str]) -> None:
    assert essential_name(name) == parts


def test_an_object_without_struct_ops_is_described() -> None:
    file = described("plain")

    assert file.struct_ops == ()
    assert file.license == "Dual BSD/GPL"
    kinds = [(each.name, each.section, each.attach, each.sleepable) for each in file.programs]
    assert kinds == [
        ("filter", "socket", "socket", False),
        ("slow", "fentry.s/bpf_prog_run_pin_on_cpu", "fentry", True),
    ]
    assert [(each.name, each.type) for each in file.maps] == [
        ("lengths", "hash"),
        (".bss", "array"),
    ]


def test_files_that_are_no_objects(tmp_path: Path) -> None:
    fifo, listening, huge = tmp_path / "fifo", tmp_path / "socket", tmp_path / "huge"
    os.mkfifo(fifo)
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    (tmp_path / "empty").touch()
    (tmp_path / "short").write_bytes(b"\x7fELF\2\1")
    with huge.open("wb") as file:
        file.truncate(LARGEST + 1)
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(listening))
        reasons = {
            "/bin/ls": "it is no BPF object",
            "/dev/zero": "it is no regular file",
            __file__: "it is no ELF file",
            str(tmp_path): "it is a directory",
            "": "it names no file",
            str(fifo): "it is no regular file",
            str(listening): "it is no regular file",
            str(huge): "it has 67,108,865 bytes, more than 67,108,864",
            str(loop): os.strerror(errno.ELOOP),
            str(tmp_path / "empty"): "it is empty",
            str(tmp_path / "short"): "it is cut off in the ELF header",
            str(tmp_path / "none"): os.strerror(errno.ENOENT),
            "a\0b": "embedded null byte",
        }
        for path, reason in reasons.items():
            with pytest.raises(ObjectFileError) as caught:
                read(path)
            assert caught.value.path == path
            assert caught.value.reason.startswith(reason)


Edit = Callable[[ElfEditor], object]

HUGE = (1 << 64) - 1
HOSTILE: dict[str, tuple[Edit, str]] = {
    "machine": (lambda e: e.header("machine", 62), "it is no BPF object: an ELF file for"),
    "executable": (lambda e: e.header("type", 2), "it is no BPF object: an ELF file of type ET_E"),
    "32 bits": (lambda e: e.byte(4, 1), "it is no BPF object: no ELF file of 64 bits"),
    "byte order": (lambda e: e.byte(5, 3), "it is no BPF object: no ELF file of 64 bits"),
    "no sections": (lambda e: e.header("shnum", 0), "its section headers are not in the file"),
    "most sections": (lambda e: e.header("shnum", 65535), "its section headers are not in"),
    "far headers": (lambda e: e.header("shoff", HUGE), "its section headers are not in the file"),
    "thin headers": (lambda e: e.header("shentsize", 1), "its section headers are not in"),
    "no names": (lambda e: e.header("shstrndx", 65535), "the section of the sections' names"),
    "other count": (
        lambda e: (e.header("shnum", 0), e.section(0, "size", 1 << 63)),
        "its section headers are not in the file",
    ),
    "other names": (
        lambda e: (e.header("shstrndx", 65535), e.section(0, "link", 1 << 31)),
        "the section of the sections' names is missing",
    ),
    "far names": (lambda e: e.section(e.header("shstrndx"), "offset", HUGE), "section 1 reaches"),
    "unread names": (
        lambda e: e.section(e.header("shstrndx"), "flags", 0x800), "section 1 is no table of names",
    ),
    "name beyond": (lambda e: e.section(1, "name", 1 << 31), "a name without end"),
    "large section": (lambda e: e.section(".BTF", "size", HUGE), "section "),
    "far section": (lambda e: e.section(".BTF", "offset", HUGE), "section "),
    "large symbols": (lambda e: e.section(".symtab", "size", 1 << 62), "section "),
    "thin symbols": (lambda e: e.section(".symtab", "entsize", 0), "section .symtab has entries"),
    "odd symbols": (lambda e: e.section(".symtab", "size", 25), "section .symtab has entries"),
    "own names": (
        lambda e: e.section(".symtab", "link", 0), "section 0 is no table of names",
    ),
    "symbols' names": (lambda e: e.section(".symtab", "link", 1 << 31), "the section of the symb"),
    "two tables": (lambda e: e.section(".maps", "type", 2), "more than one symbol table"),
    "compressed": (lambda e: e.section(".BTF", "flags", 0x800), "section .BTF is compressed"),
    "compressed ops": (
        lambda e: e.section(".struct_ops", "flags", 0x803), "section .struct_ops is compressed",
    ),
    "code beyond": (
        lambda e: e.symbol("dctcp_init", "size", 1 << 40), "function dctcp_init reaches beyond",
    ),
    "half an instruction": (
        lambda e: e.symbol("dctcp_init", "size", 9), "function dctcp_init is no whole number",
    ),
    "variable beyond": (
        lambda e: e.symbol("dctcp", "value", 8), "dctcp reaches beyond section .struct_ops",
    ),
    "no such symbol": (
        lambda e: e.word(e.place(".rel.struct_ops").start + 12, 1 << 30),
        "section .rel.struct_ops: no symbol",
    ),
    "relocation beyond": (
        lambda e: e.word(e.place(".rel.struct_ops").start, 1 << 30), "a relocation is beyond",
    ),
    "between members": (
        lambda e: e.word(e.place(".rel.struct_ops").start, 1), "dctcp has dctcp_",
    ),
    "no function": (
        lambda e: e.symbol("dctcp_init", "section", 0xFFF1),
        ".struct_ops points to dctcp_init, no function",
    ),
    "BTF": (lambda e: e.word(e.place(".BTF").start, 0), "BTF, offset 0x0: no BTF magic number"),
    "BTF.ext": (lambda e: e.word(e.place(".BTF.ext").start, 0), ".BTF.ext has no magic number"),
    "BTF.ext's parts": (
        lambda e: e.word(e.place(".BTF.ext").start + 12, 1 << 31), "a part of .BTF.ext reaches",
    ),
    "BTF.ext's records": (
        lambda e: e.word(e.place(".BTF.ext").start + 32, 0), ".BTF.ext has records of 0 bytes",
    ),
    "BTF.ext's count": (
        lambda e: e.word(e.place(".BTF.ext").start + 40, 1 << 31), "records of .BTF.ext",
    ),
    "no BTF": (lambda e: e.section(".BTF", "type", 3), "its struct_ops cannot be told without BTF"),
}  # fmt: skip


@pytest.mark.parametrize("what", HOSTILE)
def test_a_file_that_lies_about_itself_is_told_of(what: str) -> None:
    edit, reason = HOSTILE[what]
    editor = ElfEditor(bytearray(bpf_object("dctcp").read_bytes()))
    edit(editor)
    began = time.process_time()

    with pytest.raises(ObjectFileError) as caught:
        parse(bytes(editor.data), "lies.o")

    assert caught.value.reason.startswith(reason)
    assert str(caught.value) == f"lies.o: {caught.value.reason}"
    assert time.process_time() - began < 1


def test_names_that_share_one_long_string_are_not_read() -> None:
    """Each of many names could be another tail of it: memory by the square of the file's size."""
    editor = ElfEditor(bytearray(bpf_object("dctcp").read_bytes()))
    long = b"x" * (1 << 20) + b"\0"
    number = editor.header("shstrndx")
    editor.section(number, "offset", len(editor.data))
    editor.section(number, "size", len(long))
    with pytest.raises(ObjectFileError, match="a name without end"):
        parse(bytes(editor.data) + long, "long.o")


def test_more_sections_than_the_header_can_count() -> None:
    """Section 0 has their number, and that of the names (elf(5), e_shnum and e_shstrndx)."""
    whole = bpf_object("pair").read_bytes()
    editor = ElfEditor(bytearray(whole))
    editor.section(0, "size", editor.header("shnum"))
    editor.section(0, "link", editor.header("shstrndx"))
    editor.header("shnum", 0)
    editor.header("shstrndx", 65535)

    one, other = parse(bytes(editor.data), "x.o"), parse(whole, "x.o")

    assert one._replace(data=b"", btf=None) == other._replace(data=b"", btf=None)
    assert one.sections

    editor.section(0, "size", 65537)
    editor.header("shoff", len(editor.data))
    headers = bytes(32) + (65537).to_bytes(8, "little") + bytes(64 * 65537 - 40)
    with pytest.raises(ObjectFileError, match="more than 65,536 sections"):
        parse(bytes(editor.data) + headers, "x.o")


@given(st.binary(max_size=400))
def test_any_bytes_are_refused_in_words(data: bytes) -> None:
    for start in (b"", b"\x7fELF\2\1\1" + bytes(9) + b"\1\0\xf7\0"):
        with pytest.raises(ObjectFileError):
            parse(start + data, "any")


@given(st.data())
def test_a_file_that_is_cut_off_is_refused(data: st.DataObject) -> None:
    whole = bpf_object("suffixed").read_bytes()
    with pytest.raises(ObjectFileError):
        parse(whole[: data.draw(st.integers(0, len(whole) - 1))], "cut")
