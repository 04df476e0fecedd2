"""Bytes of a value as text and as a tree."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import pytest

from stops_tui.btf import Enum
from stops_tui.kernels.kernel import KernelBtf
from stops_tui.struct_ops.members import Decoder
from stops_tui.struct_ops.scalars import DecodeError
from stops_tui.struct_ops.text import c_string, printable
from stops_tui.struct_ops.types import StructOpsType, type_of_value
from stops_tui.struct_ops.value import ELEMENTS, ValueNode, flags_text, inline, value_tree
from tests.support.btf_builder import BtfBuilder
from tests.support.fake_btf import Types

DATA = 64


class Made:
    """A struct_ops type made by hand, of 64 bytes, in either byte order."""

    def __init__(self, order: str = "<", name: str = "my_ops") -> None:
        self.b = BtfBuilder(order)
        self.t = Types(self.b)
        self.name = name

    def type(self, members: Sequence[tuple[str, int, int, int]]) -> StructOpsType:
        state = self.b.enum("bpf_struct_ops_state", {"BPF_STRUCT_OPS_STATE_INUSE": 1})
        head = [("refcnt", self.t.u32, 0), ("state", state, 32)]
        common = self.b.struct("bpf_struct_ops_common_value", 8, head)
        data = self.b.bitfields(self.name, 64, members)
        value = self.b.struct(
            f"bpf_struct_ops_{self.name}", 128, [("common", common, 0), ("data", data, 8 * DATA)]
        )
        found = type_of_value(KernelBtf("vmlinux", 1, self.b.btf()), value)
        assert found
        return found


def texts(type_: StructOpsType, data: bytes) -> list[str]:
    value = bytes(DATA) + data.ljust(64, b"\0")
    return [member.text for member in Decoder(type_).members(value)]


def one(made: Made, type_id: int, data: bytes, name: str = "member", bits: int = 0) -> str:
    """The text of one member; the bytes of one that is not set are told by the same code."""
    return texts(made.type([(name, type_id, 0, bits)]), data)[0]


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"dctcp\0\0", '"dctcp"'),
        (b"\0rest", '""'),
        (b"no end of it", '"no end of it"'),
        (b"[red]\x1b[0m\n", r'"[red]\x1b[0m\x0a"'),
        (b'"\\', r'"\"\\"'),
        ("né".encode(), '"né"'),
        ("a\u202eb".encode(), r'"a\u202eb"'),
        ("a\U000e0001".encode(), r'"a\U000e0001"'),
        (b"\xff\xc3", r'"\xff\xc3"'),
        (b"\x7f\xc2\x9b", r'"\x7f\x9b"'),
        (b"x" * 201, '"' + "x" * 200 + '…"'),
    ],
)
def test_strings_are_literal_escaped_and_bounded(raw: bytes, text: str) -> None:
    assert c_string(raw) == text
    assert text.isprintable()


def test_printable_bounds_and_escapes() -> None:
    assert printable("abc", 3) == "abc"
    assert printable("abcd", 3) == "abc…"
    assert printable("\t\n") == r"\x09\x0a"


@pytest.mark.parametrize("order", ["<", ">"])
def test_numbers_in_either_byte_order(order: str) -> None:
    made = Made(order)
    t = made.t
    members = [("a", t.u32, 0, 0), ("b", t.u64, 64, 0), ("c", t.int, 128, 0), ("d", t.u8, 160, 0)]
    data = struct.pack(order + "I4xQiB", 7, 1 << 40, -3, 255)
    assert texts(made.type(members), data) == ["7", str(1 << 40), "-3", "255"]


@pytest.mark.parametrize(("order", "byte"), [("<", 0b101_10_011), (">", 0b011_10_101)])
def test_bitfields_in_either_byte_order(order: str, byte: int) -> None:
    made = Made(order)
    members = [("a", made.t.u32, 0, 3), ("b", made.t.u32, 3, 2), ("c", made.t.int, 5, 3)]
    assert texts(made.type(members), bytes([byte])) == ["3", "2", "-3"]


def test_a_bitfield_may_span_bytes() -> None:
    made = Made()
    members = [("a", made.t.u32, 0, 5), ("b", made.t.u32, 5, 11)]
    assert texts(made.type(members), struct.pack("<H", 1234 << 5 | 9)) == ["9", "1234"]


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_bitfield_is_not_set_by_its_neighbours(order: str) -> None:
    made = Made(order)
    type_ = made.type([("a", made.t.u32, 0, 4), ("b", made.t.u32, 4, 4)])
    value = bytes(DATA) + b"\x30".ljust(64, b"\0")
    numbers = {"a": 0, "b": 3} if order == "<" else {"a": 3, "b": 0}
    members = Decoder(type_).members(value)
    assert {m.member.name: int(m.text) for m in members} == numbers
    assert {m.member.name: m.is_set for m in members} == {n: bool(v) for n, v in numbers.items()}
    nodes = by_name(value_tree(type_, value), "data").children
    assert sorted(node.raw for node in nodes) == [b"\0", b"\x30"]


def test_booleans_pointers_and_floats() -> None:
    made = Made()
    assert one(made, made.t.bool, b"\1") == "true"
    made = Made()
    assert one(made, made.t.task, struct.pack("<Q", 0xFFFF8880DEADBEEF)) == "0xffff8880deadbeef"
    made = Made()
    assert one(made, made.b.floating("double", 8), struct.pack("<d", 1.5)) == "1.5"
    made = Made()
    assert one(made, made.b.floating("long double", 16), b"\1") == "0x01" + "00" * 15


def test_what_is_not_set_reads_zero() -> None:
    made = Made()
    members = [("b", made.t.bool, 0, 0), ("p", made.t.task, 64, 0), ("n", made.t.u32, 128, 0)]
    assert texts(made.type(members), b"") == ["false", "0", "0"]


def test_enums_are_named_by_btf() -> None:
    for enum in ("enum", "enum64"):
        made = Made()
        size = 4 if enum == "enum" else 8
        type_id = getattr(made.b, enum)("e", {"ONE": 1, "MINUS": -2}, size, signed=True)
        members = [("a", type_id, 0, 0), ("b", type_id, 64, 0), ("c", type_id, 128, 0)]
        raw = [n.to_bytes(size, "little", signed=True).ljust(8, b"\0") for n in (1, -2, 9)]
        assert texts(made.type(members), b"".join(raw)) == ["ONE (1)", "MINUS (-2)", "9"]


def test_flags_are_named_where_btf_has_names_else_hex() -> None:
    made = Made()
    assert one(made, made.t.u64, b"\x0a", "flags") == "0xa"
    made = Made(name="sched_ext_ops")
    made.b.enum64("scx_ops_flags", {"SCX_OPS_A": 1, "SCX_OPS_B_C": 2, "SCX_OPS_ALL": 3})
    members = [("flags", made.t.u64, 0, 0), ("other_flags", made.t.u32, 64, 0)]
    assert texts(made.type(members), b"\x0b\0\0\0\0\0\0\0\x03") == ["A | B_C | 0x8 (0xb)", "0x3"]


def test_flags_text() -> None:
    b = BtfBuilder()
    b.enum("e", {"X_A": 1, "X_B": 4, "X_BOTH": 5, "X_NONE": 0})
    names = b.btf().type(1)
    assert isinstance(names, Enum)
    assert [flags_text(names, n) for n in (0, 1, 4, 5, 8, 13)] == [
        "0", "A (0x1)", "B (0x4)", "A | B (0x5)", "0x8", "A | B | 0x8 (0xd)",
    ]  # fmt: skip
    assert flags_text(None, 6) == "0x6"


def test_a_function_member_holds_a_program_id() -> None:
    made = Made()
    f = made.t.function(0, made.t.sock)
    type_ = made.type([("f", f, 0, 0), ("g", f, 64, 0), ("h", f, 128, 0)])
    value = bytes(DATA) + struct.pack("<QQQ", 25, 0, 1 << 40).ljust(64, b"\0")
    assert [(m.prog_id, m.text, m.is_set) for m in Decoder(type_).members(value)] == [
        (25, "", True),
        (0, "", False),
        (0, "0x10000000000", True),
    ]


def test_a_struct_in_one_line() -> None:
    made = Made()
    pair = made.b.struct("pair", 8, [("a", made.t.u32, 0), ("b", made.b.array(made.t.u8, 2), 32)])
    assert one(made, pair, b"\x05\0\0\0\x01\x02") == "{.a = 5, .b = {1, 2}}"
    made = Made()
    assert one(made, made.b.array(made.t.u64, 8), b"\xff" * 64).endswith("…")


def test_header_and_short_values() -> None:
    made = Made()
    decoder = Decoder(made.type([("a", made.t.u32, 0, 0)]))
    assert decoder.header(struct.pack("<II", 6, 1).ljust(128, b"\0")) == (6, "INUSE")
    assert decoder.header(struct.pack("<II", 6, 9).ljust(128, b"\0")) == (6, "STATE_9")
    with pytest.raises(DecodeError, match="a value of 127 bytes"):
        decoder.header(bytes(127))


def test_the_header_of_kernels_before_6_9() -> None:
    b = BtfBuilder()
    t = Types(b)
    counter = b.struct("refcount_struct", 4, [("refs", t.int, 0)])
    state = b.enum("bpf_struct_ops_state", {"BPF_STRUCT_OPS_STATE_TOBEFREE": 2})
    data = b.struct("my_ops", 4, [("n", t.u32, 0)])
    fields = [("refcnt", counter, 0), ("state", state, 32), ("data", data, 512)]
    value = b.struct("bpf_struct_ops_my_ops", 128, fields)
    type_ = type_of_value(KernelBtf("vmlinux", 1, b.btf()), value)
    assert type_
    assert Decoder(type_).header(struct.pack("<II", 3, 2).ljust(128, b"\0")) == (3, "TOBEFREE")


@pytest.mark.parametrize(
    "head",
    [[], ["refcnt"], ["state"]],
)
def test_a_value_struct_without_header_is_refused(head: list[str]) -> None:
    b = BtfBuilder()
    t = Types(b)
    data = b.struct("my_ops", 4, [("n", t.u32, 0)])
    fields = [(name, t.u32, 32 * place) for place, name in enumerate(head)]
    value = b.struct("bpf_struct_ops_my_ops", 128, [*fields, ("data", data, 512)])
    type_ = type_of_value(KernelBtf("vmlinux", 1, b.btf()), value)
    assert type_
    with pytest.raises(DecodeError):
        Decoder(type_)


def by_name(node: ValueNode, *path: str) -> ValueNode:
    for name in path:
        node = next(child for child in node.children if child.name == name)
    return node


def test_the_tree_of_a_value() -> None:
    made = Made()
    f = made.t.function(made.t.u32, made.t.sock)
    words = made.b.array(made.t.u32, 3)
    inner = made.b.struct("inner", 16, [("words", words, 0), ("name", made.t.chars(4), 96)])
    type_ = made.type([("f", f, 0, 0), ("inner", inner, 64, 0), ("low", made.t.u32, 192, 4)])
    data = struct.pack("<Q3I4sI", 25, 1, 2, 3, b"abc", 0x15).ljust(64, b"\0")
    tree = value_tree(type_, struct.pack("<II", 6, 1).ljust(DATA, b"\0") + data)
    assert (tree.type, tree.offset, len(tree.raw)) == ("struct bpf_struct_ops_my_ops", 0, 128)
    assert by_name(tree, "common", "state").text == "BPF_STRUCT_OPS_STATE_INUSE (1)"
    function = by_name(tree, "data", "f")
    assert (function.text, function.prog_id, function.type) == (
        "program 25",
        25,
        "u32 (struct sock *)",
    )
    second = by_name(tree, "data", "inner", "words", "[1]")
    assert (second.text, second.offset, second.raw) == ("2", 76, b"\2\0\0\0")
    name = by_name(tree, "data", "inner", "name")
    assert (name.text, name.type, name.children) == ('"abc"', "char[4]", ())
    low = by_name(tree, "data", "low")
    assert (low.text, low.type, low.raw) == ("5", "u32 : 4", b"\x05")
    assert low.is_set
    assert not by_name(tree, "data", "inner").children[0].children[0].raw[1]
    assert inline(by_name(tree, "data", "inner")) == '{.words = {1, 2, 3}, .name = "abc"}'


def test_long_arrays_and_many_parts_are_bounded() -> None:
    b = BtfBuilder()
    t = Types(b)
    nothing = b.struct("nothing", 0)
    many = b.array(b.array(b.array(nothing, 1000), 1000), 1000)
    state = b.enum("s", {"A": 1})
    data = b.struct("my_ops", 0, [("long", b.array(t.u8, 200), 0), ("many", many, 0)])
    fields = [("refcnt", t.u32, 0), ("state", state, 32), ("data", data, 512)]
    value = b.struct("bpf_struct_ops_my_ops", 264, fields)
    type_ = type_of_value(KernelBtf("vmlinux", 1, b.btf()), value)
    assert type_
    tree = value_tree(type_, bytes(264))
    long = by_name(tree, "data", "long").children
    assert len(long) == ELEMENTS + 1
    assert (long[-1].name, long[-1].text) == ("…", "72 more elements")
    assert count(tree) < 5000
    assert len(Decoder(type_).members(bytes(264))[1].text) <= 121


def count(node: ValueNode) -> int:
    return 1 + sum(map(count, node.children))
