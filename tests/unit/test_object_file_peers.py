"""What we tell of objects is what others tell: LLVM, libbpf, bpftool.

The objects are ours of tests/bpf, and all that Debian's udev-hid-bpf ships: some implement
hid_bpf_ops, some are of the older form, programs in sections fmod_ret.
"""

from __future__ import annotations

import re
from pathlib import Path

from stops_tui.bpf.object_file import ObjectFile, read
from stops_tui.btf import Kind
from tests.support import bpftool
from tests.support.clang import OBJECTS, bpf_object, vmlinux_h
from tests.support.debian import hid_objects
from tests.support.elf_peers import opened, told_by_llvm


def ours() -> list[Path]:
    """All objects that this kernel has the types for, of this machine's byte order."""
    types = vmlinux_h().read_text()
    return [
        bpf_object(name)
        for name, made in OBJECTS.items()
        if name != "dctcp_big_endian"
        and (not made.struct or f"\nstruct bpf_struct_ops_{made.struct} {{" in types)
    ]


def same_as_others(path: Path) -> ObjectFile:
    """Describe an object, and compare with LLVM and with libbpf."""
    file = read(str(path))
    programs = [(each.name, each.section, each.insns) for each in file.programs]
    assert (programs, file.license) == told_by_llvm(file.data)
    with opened(path) as libbpf:
        # libbpf takes the mark of those that are not loaded by themselves for no part of the name.
        named = [(name, section.removeprefix("?"), insns) for name, section, insns in programs]
        assert sorted(named) == sorted(libbpf.programs())
        variables = {each.variable: (len(each.value), each.link) for each in file.struct_ops}
        assert variables == libbpf.struct_ops()
        maps = [(each.name.lstrip("."), *each[2:]) for each in file.maps]
        assert sorted(maps) == sorted(libbpf.maps())
    return file


def test_our_objects_read_as_by_others() -> None:
    for path in ours():
        same_as_others(path)


def test_every_object_of_udev_hid_bpf_reads_as_by_others() -> None:
    older: list[Path] = []
    newer: list[Path] = []
    for path in hid_objects():
        file = same_as_others(path)
        attached = {program.attach for program in file.programs}
        (newer if file.struct_ops else older).append(path)
        if file.struct_ops:
            (variable,) = file.struct_ops
            assert (variable.type_name, variable.link) == ("hid_bpf_ops", True)
            served = set(variable.programs.values())
            assert served == {each.name for each in file.programs if each.attach == "struct_ops"}
        else:
            assert attached & {"fmod_ret", "syscall"}
    assert len(newer) > 20
    assert len(older) > 20


def test_what_bpftool_linked_reads_the_same(tmp_path: Path) -> None:
    """A linker has put variables where they are in their section (BTF tells their offsets)."""
    for name in ("odd", "pair", "plain"):
        whole, linked = bpf_object(name), tmp_path / f"{name}.o"
        bpftool.text("gen", "object", str(linked), str(whole), bpftool=bpftool.newer())
        one, other = same_as_others(whole), same_as_others(linked)
        assert sorted(one.programs) == sorted(other.programs)
        assert sorted(one.maps) == sorted(other.maps)
        assert [each._replace(type_id=0, members=()) for each in one.struct_ops] == [
            each._replace(type_id=0, members=()) for each in other.struct_ops
        ]
        assert [each.programs for each in one.struct_ops] == [
            each.programs for each in other.struct_ops
        ]


def test_members_are_those_of_bpftools_skeleton(tmp_path: Path) -> None:
    for path in (bpf_object("dctcp_link"), bpf_object("pair"), hid_objects()[-1]):
        file = read(str(path))
        skeleton = bpftool.text("gen", "skeleton", str(path), bpftool=bpftool.newer())
        for variable in file.struct_ops:
            body = re.search(
                rf"struct \w+__{variable.variable}__{variable.type_name} \{{(.*?)\n\t\t\}} \*",
                skeleton,
                re.DOTALL,
            )
            assert body, skeleton
            functions = re.findall(r"struct bpf_program \*(\w+);", body[1])
            assert functions == [each.name for each in variable.members if each.kind == "func"]


def test_types_are_those_that_bpftool_dumps() -> None:
    path = bpf_object("suffixed")
    file = read(str(path))
    assert file.btf is not None
    dumped = bpftool.parsed("btf", "dump", "file", str(path))["types"]
    (variable,) = file.struct_ops
    (struct,) = [each for each in dumped if each["id"] == variable.type_id]
    assert struct["name"] == variable.type_name + variable.suffix
    members = [(each["name"], each["type_id"], each["bits_offset"]) for each in struct["members"]]
    assert members == [(each.name, each.type_id, each.bit_offset) for each in variable.members]
    functions = [each["name"] for each in dumped if each["kind"] == "FUNC"]
    for program in file.programs:
        assert program.name in functions
        assert file.btf.find(program.name, Kind.FUNC)
        assert f" {program.name}(" in program.prototype
