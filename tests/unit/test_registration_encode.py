"""Data members: what a form offers, and the bytes that come of what is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stops_tui.btf import Btf
from stops_tui.kernels.kernel import KernelBtf
from stops_tui.struct_ops.members import Decoder
from stops_tui.struct_ops.registration.encode import EncodeError, encode
from stops_tui.struct_ops.registration.form import FormField, form_fields, refused_members
from stops_tui.struct_ops.types import StructOpsType, offered_types, type_of_value
from stops_tui.struct_ops.value import ValueNode, value_tree
from tests.support.btf_builder import BtfBuilder
from tests.support.fake_kernel import FakeKernel

OFFERED = {type_.name: type_ for type_ in offered_types(FakeKernel())}
DATA = 64


def _type(order: str, name: str = "sched_ext_ops") -> StructOpsType:
    """A type with a member of every shape, in either byte order."""
    b = BtfBuilder(order)
    u32 = b.integer("unsigned int", 4)
    state = b.enum("bpf_struct_ops_state", {"BPF_STRUCT_OPS_STATE_INIT": 0})
    mode = b.enum("mode", {"MODE_A": 0, "MODE_B": 7, "MODE_LOW": -3}, signed=True)
    b.enum64("scx_ops_flags", {"SCX_OPS_ONE": 1, "SCX_OPS_TOP": 1 << 40, "SCX_OPS_ALL": 3})
    s32 = b.integer("int", 4, signed=True)
    u64 = b.integer("unsigned long long", 8)
    flag = b.integer("_Bool", 1, boolean=True)
    u8 = b.integer("unsigned char", 1)
    chars = b.array(b.integer("char", 1), 8)
    inner = b.struct("inner", 4, [("x", s32, 0)])
    data = b.bitfields(
        name,
        96,
        [
            ("name", chars, 0, 0),
            ("count", u32, 64, 0),
            ("delta", s32, 96, 0),
            ("flags", u64, 128, 0),
            ("mode", mode, 192, 0),
            ("on", flag, 224, 0),
            ("tiny", u8, 232, 0),
            ("low", u32, 256, 3),
            ("high", u32, 259, 5),
            ("near", s32, 264, 4),
            ("words", b.array(u32, 4), 320, 0),
            ("owner", b.ptr(inner), 448, 0),
            ("inner", inner, 512, 0),
            ("call", b.ptr(b.func_proto(s32, [("", s32)])), 576, 0),
        ],
    )
    value = b.struct(
        f"bpf_struct_ops_{name}",
        192,
        [("refcnt", u32, 0), ("state", state, 32), ("data", data, 8 * DATA)],
    )
    type_ = type_of_value(KernelBtf("vmlinux", 1, Btf.parse(b.data())), value)
    assert type_
    return type_


TYPES = {order: _type(order) for order in "<>"}


def _fields(type_: StructOpsType) -> dict[str, FormField]:
    return {field.member.name: field for field in form_fields(type_)}


def _texts(node: ValueNode) -> dict[str, str]:
    """The value tree's words by name."""
    found = {child.name: child.text for child in node.children}
    for child in node.children:
        found |= _texts(child)
    return found


contents = st.fixed_dictionaries(
    {},
    optional={
        "name": st.binary(max_size=7)
        .filter(lambda raw: b"\0" not in raw)
        .map(lambda raw: raw.decode(errors="surrogateescape")),
        "count": st.integers(0, 2**32 - 1),
        "delta": st.integers(-(2**31), 2**31 - 1),
        "flags": st.integers(0, 2**64 - 1),
        "mode": st.integers(-(2**31), 2**31 - 1),
        "on": st.integers(0, 1),
        "tiny": st.integers(0, 255),
        "low": st.integers(0, 7),
        "high": st.integers(0, 31),
        "near": st.integers(-8, 7),
    },
)


@given(st.sampled_from("<>"), contents)
def test_what_is_encoded_is_decoded(order: str, data: Mapping[str, Any]) -> None:
    type_ = TYPES[order]
    value = encode(type_, data)
    assert len(value) == type_.value_size
    assert not any(value[:DATA])
    decoded = Decoder(type_).data(value)
    plain = {"name": "", "count": 0, "delta": 0, "flags": 0, "mode": 0, "on": 0, "tiny": 0}
    assert decoded == plain | {k: v for k, v in data.items() if k in plain}
    words = _texts(value_tree(type_, value))
    for name in ("low", "high", "near"):
        assert words[name] == str(data.get(name, 0))


@given(st.sampled_from("<>"), contents, st.sampled_from(["dec", "hex"]))
def test_numbers_may_be_written_as_text(order: str, data: Mapping[str, Any], form: str) -> None:
    write = str if form == "dec" else hex
    texts = {k: v if isinstance(v, str) else write(v) for k, v in data.items()}
    assert encode(TYPES[order], texts) == encode(TYPES[order], data)


@given(
    st.sampled_from(["count", "delta", "flags", "mode", "on", "tiny", "low", "high", "near"]),
    st.integers(-(2**70), 2**70),
)
def test_numbers_out_of_range_are_refused_with_the_range(name: str, number: int) -> None:
    field = _fields(TYPES["<"])[name]
    if field.minimum <= number <= field.maximum:
        encode(TYPES["<"], {name: number})
        return
    with pytest.raises(EncodeError, match=f"{field.minimum} and {field.maximum}") as error:
        encode(TYPES["<"], {name: number})
    assert error.value.member == name


@given(st.dictionaries(st.text(max_size=6), st.text(max_size=12) | st.integers(), max_size=3))
def test_anything_is_encoded_or_refused(data: dict[str, int | str]) -> None:
    try:
        encode(TYPES["<"], data)
    except EncodeError as error:
        assert error.reason


@given(st.text(max_size=40))
def test_any_text_for_a_member_is_encoded_or_refused(text: str) -> None:
    for name in ("name", "flags", "mode", "on"):
        try:
            value = encode(TYPES["<"], {name: text})
        except EncodeError as error:
            assert error.reason
        else:
            assert len(value) == TYPES["<"].value_size


def test_a_form_says_what_each_member_takes() -> None:
    fields = _fields(TYPES["<"])
    assert fields["name"].kind == "string"
    assert fields["name"].length == 7
    assert (fields["delta"].minimum, fields["delta"].maximum) == (-(2**31), 2**31 - 1)
    assert fields["flags"].kind == "flags"
    assert fields["flags"].names == (("ONE", 1), ("TOP", 1 << 40))
    assert fields["mode"].kind == "enum"
    assert fields["mode"].names == (("MODE_A", 0), ("MODE_B", 7), ("MODE_LOW", -3))
    assert fields["on"].kind == "boolean"
    assert (fields["near"].minimum, fields["near"].maximum) == (-8, 7)
    assert fields["low"].maximum == 7


def test_what_only_the_kernel_sets_is_not_offered() -> None:
    assert set(refused_members(TYPES["<"])) == {"words", "owner", "inner"}
    tcp = OFFERED["tcp_congestion_ops"]
    assert [field.member.name for field in form_fields(tcp)] == ["name", "flags"]
    assert refused_members(tcp)["key"] == "the kernel computes it from the name"
    with pytest.raises(EncodeError, match="the kernel computes it"):
        encode(tcp, {"key": 1})


def test_required_and_hinted() -> None:
    fields = _fields(OFFERED["tcp_congestion_ops"])
    assert fields["name"].required
    assert not fields["flags"].required
    assert "NEEDS_ECN" in fields["flags"].hint


@pytest.mark.parametrize(
    ("name", "content", "number"),
    [
        ("flags", "ONE|TOP", 1 | 1 << 40),
        ("flags", " ONE | 0x4 ", 5),
        ("flags", "SCX_OPS_ALL", 3),
        ("mode", "MODE_LOW", -3),
        ("on", "true", 1),
        ("on", "FALSE", 0),
        ("count", "0o17", 15),
        ("count", "0b101", 5),
        ("count", "007", 7),
        ("delta", "-0x10", -16),
    ],
)
def test_names_and_notations(name: str, content: str, number: int) -> None:
    assert Decoder(TYPES["<"]).data(encode(TYPES["<"], {name: content}))[name] == number


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("flags", "ONE|THREE", "'THREE' is not a number, or names of: ONE, TOP"),
        ("count", "", "'' is not a number"),
        ("count", "1_0", "'1_0' is not a number"),
        ("count", "9" * 5000, "is not a number"),
        ("on", "yes", "'yes' is not a number"),
        ("on", 2, "2 is not between 0 and 1"),
        ("name", "12345678", "7 bytes at most, this one has 8"),
        ("name", "ä" * 4, "7 bytes at most, this one has 8"),
        ("name", "a\0b", "NUL"),
        ("name", "\ud800", "surrogate"),
        ("call", 1, "takes a program"),
        ("nothing", 1, "has no such member in this kernel"),
        ("", 1, "has no such member"),
        ("owner", 1, "only the kernel sets it"),
    ],
)
def test_refusals_say_why(name: str, content: int | str, words: str) -> None:
    with pytest.raises(EncodeError, match=words):
        encode(TYPES["<"], {name: content})


def test_btf_that_puts_a_member_outside_of_the_value_is_refused() -> None:
    b = BtfBuilder()
    u32 = b.integer("unsigned int", 4)
    data = b.struct("x_ops", 4, [("a", u32, 0), ("far", u32, 8 * 4096)])
    value = b.struct("bpf_struct_ops_x_ops", 8, [("data", data, 0)])
    type_ = type_of_value(KernelBtf("vmlinux", 1, b.btf()), value)
    assert type_
    with pytest.raises(EncodeError, match="outside of the value"):
        encode(type_, {"far": 1})
