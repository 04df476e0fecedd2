"""Any bytes, by any type: text that is bounded, or the one error that says why not."""

from __future__ import annotations

import struct

from hypothesis import given, settings
from hypothesis import strategies as st

from stops_tui.kernels.kernel import KernelBtf, RawSubsystems
from stops_tui.struct_ops.dump import dump_json, dump_text
from stops_tui.struct_ops.inventory import Inventory, Program, StructOpsMap
from stops_tui.struct_ops.members import Decoder
from stops_tui.struct_ops.scalars import DecodeError
from stops_tui.struct_ops.text import c_string, printable
from stops_tui.struct_ops.types import StructOpsType, type_of_value
from stops_tui.struct_ops.value import NODES, ValueNode, inline, value_tree
from tests.support.btf_builder import BtfBuilder
from tests.support.fake_kernel import FakeKernel

FIRST_OWN = 4
"""The type ids below are those of `_header`."""

_SNAPSHOT = Inventory(FakeKernel.busy()).sweep()

names = st.text(max_size=8).filter(lambda text: "\0" not in text)
numbers = st.integers(0, 2**32 - 1)
sizes = st.sampled_from([0, 3, 8, 16, 32, 64, 300, 2**20])


@st.composite
def types(draw: st.DrawFn) -> tuple[BtfBuilder, int, int]:
    """BTF of a value struct: its id and size. Types refer to each other, sensibly or not."""
    b = BtfBuilder(draw(st.sampled_from("<>")))
    _header(b)
    for _ in range(draw(st.integers(1, 8))):
        _add(draw, b)
    data = _composite(draw, b, draw(st.sampled_from(["my_ops", "sched_ext_ops", "hid_bpf_ops"])))
    size = draw(st.sampled_from([640, 640, 640, 256, 70, 9, 0]))
    head = [
        ("refcnt", 1, 0),
        ("state", 2, 32),
        ("data", data, 8 * draw(st.sampled_from([64, 64, 8, 13]))),
    ]
    return b, b.struct("bpf_struct_ops_my_ops", size, head), size


def _header(b: BtfBuilder) -> None:
    b.integer("int", 4, signed=True)
    b.enum("bpf_struct_ops_state", {"BPF_STRUCT_OPS_STATE_INUSE": 1})
    b.integer("char", 1)


def _add(draw: st.DrawFn, b: BtfBuilder) -> None:
    """One more type; mostly of types that are there, sometimes of itself or of none."""
    other = draw(st.integers(0, b.next_id + 1))
    name = draw(names)
    makers = {
        "integer": lambda: b.integer(
            name,
            draw(st.sampled_from([1, 2, 4, 8, 16])),
            signed=draw(st.booleans()),
            char=draw(st.booleans()),
            boolean=draw(st.booleans()),
            bits=draw(st.none() | st.integers(0, 128)),
            offset=draw(st.sampled_from([0, 0, 3])),
        ),
        "ptr": lambda: b.ptr(other),
        "array": lambda: b.array(other, draw(st.sampled_from([0, 1, 3, 16, 1000, 2**32 - 1]))),
        "function": lambda: b.ptr(b.func_proto(other, [("", other), (name, other)])),
        "function again": lambda: b.ptr(b.func_proto(0, [])),
        "enum": lambda: b.enum(name, {name: draw(numbers), "x": 1}, draw(st.sampled_from([1, 4]))),
        "enum64": lambda: b.enum64(name, {name: draw(numbers), "y_1": 2, "y_2": 4}),
        "typedef": lambda: b.typedef(name, other),
        "const": lambda: b.const(other),
        "type_tag": lambda: b.type_tag(name, other),
        "floating": lambda: b.floating(name, draw(st.sampled_from([2, 4, 8, 12, 16]))),
        "fwd": lambda: b.fwd(name),
        "composite": lambda: _composite(draw, b, name),
    }
    makers[draw(st.sampled_from(sorted(makers)))]()


def _composite(draw: st.DrawFn, b: BtfBuilder, name: str) -> int:
    members = st.tuples(
        names | st.sampled_from(["flags", "name", "hid_id", "sub_cgroup_id"]),
        st.integers(0, b.next_id + 1),
        st.sampled_from([0, 8, 32, 64, 65, 128, 256, 512, 2**23]),
        st.sampled_from([0, 0, 0, 1, 7, 33, 255]),
    )
    return b.bitfields(name, draw(sizes), draw(st.lists(members, max_size=5)))


@st.composite
def values(draw: st.DrawFn) -> tuple[StructOpsType | None, BtfBuilder, bytes]:
    b, type_id, size = draw(types())
    ids = st.sampled_from([0, 0, 0, 25, 41, 2**32 - 1, 2**40, 2**64 - 1])
    slots = st.lists(ids, min_size=80, max_size=80).map(lambda slots: struct.pack("<80Q", *slots))
    whole = slots.map(lambda value: value[:size])
    value = draw(whole | st.binary(min_size=size, max_size=size) | st.binary(max_size=size))
    return type_of_value(KernelBtf("vmlinux", 1, b.btf()), type_id), b, value


def map_of(type_: StructOpsType, value: bytes) -> StructOpsMap:
    map_ = _SNAPSHOT.maps[58]
    return map_._replace(type=type_, raw=map_.raw._replace(value=value))


def count(node: ValueNode) -> int:
    assert len(printable(node.text)) <= 2000
    assert node.text.isprintable()
    return 1 + sum(map(count, node.children))


@settings(max_examples=150, deadline=None)
@given(values())
def test_any_value_by_any_type_is_decoded_or_refused(
    made: tuple[StructOpsType | None, BtfBuilder, bytes],
) -> None:
    type_, _, value = made
    if type_ is None:
        return
    try:
        tree = value_tree(type_, value)
    except DecodeError as error:
        assert str(error)
    else:
        assert count(tree) <= 2 * NODES
        assert len(inline(tree)) <= 121
    try:
        decoder = Decoder(type_)
        refcnt, state = decoder.header(value)
        members = decoder.members(value)
        refusal = decoder.refusal(value, RawSubsystems("disabled", None, frozenset()))
    except DecodeError as error:
        assert str(error)
        return
    assert state.isprintable()
    assert refcnt >= 0
    assert refusal in ("", "ejected", "attached, device gone")
    assert [member.member for member in members] == list(type_.members)
    assert all(len(m.text) <= 600 and m.text.isprintable() for m in members)
    zeroes = bytes(len(value))
    assert not any(m.is_set for m in decoder.members(zeroes))


@settings(max_examples=150, deadline=None)
@given(values())
def test_any_value_is_dumped_or_refused(
    made: tuple[StructOpsType | None, BtfBuilder, bytes],
) -> None:
    type_, b, value = made
    if type_ is None:
        return
    programs: dict[int, Program] = {}
    map_ = map_of(type_, value)
    assert all(line.replace("\t", "").isprintable() for line in dump_text(map_, programs))
    b.struct("bpf_map_info", 8, [("id", 1, 0)])
    try:
        info, dumped = dump_json(map_, programs, b.btf())
    except DecodeError as error:
        assert str(error)
    else:
        assert list(info) == ["bpf_map_info"]
        assert list(dumped) == ["bpf_struct_ops_my_ops"]


@given(st.text() | st.characters(categories=["Cc", "Cf", "Cs", "Co", "Zl", "Zp"]))
def test_what_is_printable_is_one_line_and_bounded(text: str) -> None:
    assert printable(text, 5).isprintable()
    assert len(printable(text, 5)) <= 5 * 10 + 1
    assert "\n" not in printable(text)


@given(st.binary(max_size=400))
def test_any_bytes_are_a_c_string(raw: bytes) -> None:
    text = c_string(raw)
    assert text.isprintable()
    assert text.startswith('"')
    assert text.endswith('"')
