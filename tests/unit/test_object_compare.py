"""Objects beside a kernel's types: what it lacks, and what libbpf makes of that."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from stops_tui.bpf.object_file import ObjectFile, ObjectStructOps, read
from stops_tui.kernels.kernel import KernelBtf
from stops_tui.kernels.live.sysfs_btf import sysfs_btfs
from stops_tui.struct_ops.objects import (
    Comparison,
    MemberPair,
    by_name,
    compare,
    comparisons,
    needs_of_file,
)
from stops_tui.struct_ops.types import StructOpsType, types_of
from tests.support.btf_builder import BtfBuilder
from tests.support.clang import bpf_object

NAME = "tcp_congestion_ops"

Build = Callable[[BtfBuilder], list[tuple[str, int, int]]]


def kernels(build: Build, size: int = 64, name: str = NAME) -> StructOpsType:
    """A kernel's struct_ops type with these members."""
    btf = BtfBuilder()
    members = build(btf)
    data = btf.struct(name, size, members)
    btf.struct(f"bpf_struct_ops_{name}", size + 64, [("data", data, 512)])
    (found,) = types_of([KernelBtf("vmlinux", 1, btf.btf())])
    return found


def real(btf: BtfBuilder) -> list[tuple[str, int, int]]:
    """Some members as the kernel has them."""
    function = btf.ptr(btf.func_proto(0))
    return [
        ("ssthresh", function, 0),
        ("cong_avoid", function, 64),
        ("undo_cwnd", function, 128),
        ("name", btf.array(btf.integer("char", 1, char=True), 16), 192),
        ("flags", btf.integer("u32", 4), 320),
        ("release", function, 384),
    ]


def suffixed(name: str = "suffixed_set") -> tuple[ObjectFile, ObjectStructOps]:
    file = read(str(bpf_object(name)))
    return file, file.struct_ops[0]


def pair(found: Comparison, name: str) -> MemberPair:
    return next(each for each in found.members if each.name == name)


def test_members_stand_side_by_side() -> None:
    file, variable = suffixed()
    found = compare(file, variable, kernels(real))

    assert [each.name for each in found.members] == [
        "name", "future", "foresee", "ssthresh", "cong_avoid", "undo_cwnd", "flags", "release",
    ]  # fmt: skip
    undo = pair(found, "undo_cwnd")
    assert undo.own
    assert undo.kernels
    assert (undo.own.offset, undo.kernels.offset) == (48, 16)
    assert (undo.text, undo.is_set, undo.need) == ("suffixed_window", True, None)
    assert pair(found, "name")[3:] == ('"stops_test_name"', True, None)
    release = pair(found, "release")
    assert (release.own, release.text, release.is_set) == (None, "", False)


def test_what_is_set_must_be_there_and_what_is_zero_need_not() -> None:
    for name, stops in (("suffixed", False), ("suffixed_set", True)):
        file, variable = suffixed(name)
        needs = compare(file, variable, kernels(real)).needs
        assert [(each.lack, each.member, each.stops) for each in needs] == [
            ("suffix", "", False),
            ("member", "future", stops),
            ("member", "foresee", False),
        ]
        assert ("is set" in needs[1].words) is stops


def other(name: str, make: Callable[[BtfBuilder], int]) -> Build:
    """The real members, one of them of another type."""

    def build(btf: BtfBuilder) -> list[tuple[str, int, int]]:
        return [(n, make(btf) if n == name else t, at) for n, t, at in real(btf)]

    return build


@pytest.mark.parametrize(
    ("member", "make", "lack", "words"),
    [
        ("name", lambda btf: btf.array(1, 32), "size", "name has 16 bytes here, and 128 in "),
        ("name", lambda btf: btf.integer("u64", 8), "kind", "name is an array here, and an int"),
        ("name", lambda btf: btf.struct("s", 16), "kind", "name is an array here, and a struct"),
        ("ssthresh", lambda btf: btf.ptr(0), "kind", "ssthresh is a function here, and a pointer"),
    ],
)
def test_another_kind_or_size_is_refused(
    member: str, make: Callable[[BtfBuilder], int], lack: str, words: str
) -> None:
    def build(btf: BtfBuilder) -> list[tuple[str, int, int]]:
        btf.integer("int", 4)  # id 1
        return other(member, make)(btf)

    file, variable = suffixed("suffixed")
    needs = compare(file, variable, kernels(build)).needs
    (need,) = [each for each in needs if each.member == member]
    assert (need.variable, need.lack, need.stops) == ("suffixed", lack, True)
    assert need.words.startswith(words)


def test_a_kernel_without_the_type() -> None:
    file = read(str(bpf_object("pair")))
    found = comparisons(file, by_name([kernels(real, name="other_ops")]))
    assert [each.type for each in found] == [None, None]
    for each in found:
        (need,) = each.needs
        assert (need.lack, need.stops) == ("type", True)
        assert need.words == "this kernel has no struct_ops type tcp_congestion_ops"
        assert all(member.need is None for member in each.members)


def test_what_was_compiled_for_this_kernel_fits_it() -> None:
    types = by_name(types_of(sysfs_btfs()))
    for name in ("dctcp", "dctcp_link", "dctcp_optional", "pair", "cc"):
        for each in comparisons(read(str(bpf_object(name))), types):
            assert each.needs == ()
            assert each.type is types[NAME]
            assert [pair.own and pair.own.name for pair in each.members] == [
                pair.kernels and pair.kernels.name for pair in each.members
            ]


def test_functions_that_a_kernel_has_not() -> None:
    file = read(str(bpf_object("kfuncs")))
    assert [(each.name, each.weak) for each in file.kfuncs] == [
        ("stops_test_strong", False),
        ("stops_test_weak", True),
        ("tcp_reno_undo_cwnd", False),
    ]
    assert [(each.member, each.lack, each.stops) for each in needs_of_file(file, sysfs_btfs())] == [
        ("stops_test_strong", "kfunc", True),
        ("stops_test_weak", "kfunc", False),
    ]
    without, with_undo = BtfBuilder(), BtfBuilder()
    without.integer("int", 4)
    with_undo.func("tcp_reno_undo_cwnd", with_undo.func_proto(0))
    btfs = [KernelBtf(name, 0, each.btf()) for name, each in (("a", without), ("b", with_undo))]
    assert len(needs_of_file(file, btfs[:1])) == 3
    assert len(needs_of_file(file, btfs)) == 2
    assert needs_of_file(read(str(bpf_object("suffixed"))), btfs) == ()


def test_the_first_of_two_types_of_one_name_is_meant() -> None:
    first, second = kernels(real), kernels(real, size=128)
    assert by_name([first, second]) == {NAME: first}
