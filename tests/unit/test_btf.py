"""BTF is read right, and only as far as asked."""

from __future__ import annotations

import struct

import pytest

from stops_tui.btf import (
    Array,
    Btf,
    BtfError,
    Composite,
    Datasec,
    DatasecVar,
    DeclTag,
    Enum,
    EnumValue,
    Field,
    Float,
    Func,
    FuncProto,
    Fwd,
    Int,
    Kind,
    Param,
    Ptr,
    Ref,
    Var,
    Void,
)
from tests.support.btf_builder import BtfBuilder

BOTH = pytest.mark.parametrize("order", ["<", ">"])


@BOTH
def test_every_kind(order: str) -> None:
    b = BtfBuilder(order)
    i32 = b.integer("int", 4, signed=True)
    ptr = b.ptr(i32)
    array = b.array(ptr, 3, i32)
    s = b.bitfields("s", 16, [("flag", i32, 0, 1), ("rest", i32, 1, 31), ("p", ptr, 64, 0)])
    union = b.union("u", 4, [("n", i32, 0)])
    enum = b.enum("e", {"LOW": -1, "HIGH": 2**31 - 1}, signed=True)
    fwd = b.fwd("later", union=True)
    typedef = b.typedef("s_t", s)
    volatile, const, restrict = b.volatile(s), b.const(s), b.restrict(ptr)
    proto = b.func_proto(0, [("n", i32), ("", 0)])
    func = b.func("f", proto, 2)
    var = b.var("v", i32, 0)
    datasec = b.datasec(".data", 8, [(var, 4, 4)])
    real = b.floating("double", 8)
    decl_tag = b.decl_tag("bpf_kfunc", func, 1)
    type_tag = b.type_tag("rcu", s, attribute=True)
    enum64 = b.enum64("e64", {"BIG": 2**64 - 1})

    btf = b.btf()

    assert len(btf) == 20
    assert {btf.type(i).kind for i in range(20)} == set(Kind)
    fields = (Field("flag", i32, 0, 1), Field("rest", i32, 1, 31), Field("p", ptr, 64, 0))
    assert [btf.type(i) for i in range(20)] == [
        Void(0, Kind.VOID, "void"),
        Int(i32, Kind.INT, "int", 4, 32, 0, True, False, False),
        Ptr(ptr, Kind.PTR, "", i32),
        Array(array, Kind.ARRAY, "", ptr, i32, 3),
        Composite(s, Kind.STRUCT, "s", 16, fields),
        Composite(union, Kind.UNION, "u", 4, (Field("n", i32, 0, 0),)),
        Enum(enum, Kind.ENUM, "e", 4, True, (EnumValue("LOW", -1), EnumValue("HIGH", 2**31 - 1))),
        Fwd(fwd, Kind.FWD, "later", True),
        Ref(typedef, Kind.TYPEDEF, "s_t", s),
        Ref(volatile, Kind.VOLATILE, "", s),
        Ref(const, Kind.CONST, "", s),
        Ref(restrict, Kind.RESTRICT, "", ptr),
        FuncProto(proto, Kind.FUNC_PROTO, "", 0, (Param("n", i32), Param("", 0))),
        Func(func, Kind.FUNC, "f", proto, 2),
        Var(var, Kind.VAR, "v", i32, 0),
        Datasec(datasec, Kind.DATASEC, ".data", 8, (DatasecVar(var, 4, 4),)),
        Float(real, Kind.FLOAT, "double", 8),
        DeclTag(decl_tag, Kind.DECL_TAG, "bpf_kfunc", func, 1),
        Ref(type_tag, Kind.TYPE_TAG, "rcu", s, True),
        Enum(enum64, Kind.ENUM64, "e64", 8, False, (EnumValue("BIG", 2**64 - 1),)),
    ]
    assert btf.byteorder == ("little" if order == "<" else "big")


@BOTH
def test_split_btf_continues_ids_and_strings(order: str) -> None:
    kernel = BtfBuilder(order)
    u32 = kernel.integer("u32", 4)
    kernel.struct("shared", 4, [("n", u32, 0)])
    module = BtfBuilder(order, kernel)
    own = module.struct("shared", 8, [("n", u32, 0), ("m", u32, 32)])
    only = module.typedef("only", own)

    btf = module.btf()

    assert own == 3
    assert len(btf) == 5
    assert btf.type(u32).name == "u32"
    assert btf.type(own) == Composite(
        own, Kind.STRUCT, "shared", 8, (Field("n", u32, 0, 0), Field("m", u32, 32, 0))
    )
    assert btf.find("shared", Kind.STRUCT) == 2, "the base comes first"
    assert btf.find("only", Kind.TYPEDEF) == only
    assert list(btf.find_prefix("sh", Kind.STRUCT)) == [2, own]
    assert btf.size_of(only) == 8


def test_split_btf_may_name_its_types_by_the_bases_strings() -> None:
    kernel = BtfBuilder()
    kernel.integer("u32", 4)
    name = kernel.string("tcp_ops")
    module = BtfBuilder(base=kernel)
    info = Kind.STRUCT << 24
    module.types += struct.pack("<III", name, info, 1)

    assert module.btf().find("tcp_ops", Kind.STRUCT) == 2


def test_find_wants_name_and_kind() -> None:
    b = BtfBuilder()
    u8 = b.integer("x", 1)
    first = b.struct("x", 1, [("x", u8, 0)])
    b.struct("x", 2)
    btf = b.btf()
    assert btf.find("x", Kind.STRUCT) == first, "the lowest id"
    assert btf.find("x", Kind.INT) == u8
    assert btf.find("x", Kind.UNION) is None
    assert btf.find("y", Kind.STRUCT) is None


def test_find_sees_names_that_are_tails_of_others() -> None:
    b = BtfBuilder()
    whole = b.string("bpf_struct_ops_tcp")
    b.types += struct.pack("<III", whole + len("bpf_struct_ops_"), Kind.STRUCT << 24, 0)
    btf = b.btf()
    assert btf.find("tcp", Kind.STRUCT) == 1
    assert btf.find("bpf_struct_ops_tcp", Kind.STRUCT) is None
    assert list(btf.find_prefix("tc", Kind.STRUCT)) == [1]


def test_find_prefix_sees_overlapping_tails() -> None:
    b = BtfBuilder()
    whole = b.string("aaa")
    b.types += struct.pack("<III", whole + 1, Kind.FWD << 24, 0)
    assert list(b.btf().find_prefix("aa", Kind.FWD)) == [1]


def test_find_takes_names_that_are_no_utf8() -> None:
    b = BtfBuilder()
    b.fwd("x")
    assert b.btf().find("\udcff", Kind.FWD) is None


def test_names_that_are_no_utf8_are_escaped() -> None:
    b = BtfBuilder()
    b.fwd("hello")
    btf = Btf.parse(b.data().replace(b"hello", b"h\xffllo"))
    assert btf.type(1).name == "h\\xffllo"


def test_resolve_goes_through_names_and_qualifiers() -> None:
    b = BtfBuilder()
    s = b.struct("s", 1)
    btf_id = b.typedef("t", b.const(b.volatile(b.type_tag("rcu", b.restrict(s)))))
    assert b.btf().resolve(btf_id).id == s


def test_size_of() -> None:
    b = BtfBuilder()
    u16 = b.integer("u16", 2)
    sizes = {
        u16: 2,
        b.ptr(0): 8,
        b.array(b.array(b.typedef("t", u16), 3), 5): 30,
        b.array(b.struct("empty", 0), 0xFFFFFFFF): 0,
        b.enum("e", {}, 1): 1,
        b.floating("f", 16): 16,
        b.var("v", u16): 2,
        b.datasec(".bss", 77): 77,
    }
    btf = b.btf()
    assert {type_id: btf.size_of(type_id) for type_id in sizes} == sizes


@pytest.mark.parametrize("kind", ["void", "fwd", "func", "proto", "tag"])
def test_what_has_no_size(kind: str) -> None:
    b = BtfBuilder()
    proto = b.func_proto(0)
    ids = {"void": 0, "fwd": b.fwd("x"), "func": b.func("f", proto), "proto": proto}
    ids["tag"] = b.decl_tag("t", proto)
    with pytest.raises(BtfError, match="has no size"):
        b.btf().size_of(ids[kind])


def test_func_proto_is_found_behind_pointers_to_functions() -> None:
    b = BtfBuilder()
    proto = b.func_proto(0)
    pointer = b.typedef("fn_t", b.const(b.ptr(b.typedef("f_t", proto))))
    data = b.ptr(b.ptr(proto))
    btf = b.btf()
    found = btf.func_proto(pointer)
    assert found is not None
    assert found.id == proto
    assert btf.func_proto(data) is None
    assert btf.func_proto(0) is None


def test_enum_names() -> None:
    b = BtfBuilder()
    b.enum("state", {"INIT": 0, "INUSE": 1, "ALIAS": 1})
    state = b.btf().type(1)
    assert isinstance(state, Enum)
    assert [state.name_of(value) for value in (0, 1, 2)] == ["INIT", "INUSE", None]


def test_lazy_what_is_not_asked_for_is_not_read() -> None:
    b = BtfBuilder()
    b.integer("u8", 1)
    b.fwd("wrong")
    b.raw(99, "future", 0)
    btf = b.btf()
    assert btf.type(1).name == "u8"
    assert btf.type(2).name == "wrong"
    for _ in range(2):
        with pytest.raises(BtfError, match="kind 99 is unknown") as error:
            btf.type(3)
        assert error.value.offset == 24 + 16 + 12
    with pytest.raises(BtfError):
        len(btf)
    assert btf.type(1) is btf.type(1), "decoded once"


def test_truth_counts_nothing() -> None:
    b = BtfBuilder()
    b.raw(99, "future", 0)
    assert b.btf()


def test_kinds_from_the_future_are_stepped_over_where_the_header_tells_their_size() -> None:
    b = BtfBuilder()
    b.raw(20, "loc", 0, rest=b"\1" * (4 + 2 * 8), vlen=2)
    b.integer("u8", 1)
    layout = bytes(4 * 20) + struct.pack("<BBH", 4, 8, 0)
    types, strings = b.types, b.strings
    sections = (0, len(types), len(types), len(strings), len(types + strings), len(layout))
    header = struct.pack("<HBBIIIIIII", 0xEB9F, 1, 0, 32, *sections)
    btf = Btf.parse(header + types + strings + layout)
    assert btf.type(2).name == "u8"
    assert len(btf) == 3
    with pytest.raises(BtfError, match="kind 20 is unknown"):
        btf.type(1)


def test_sections_may_lie_anywhere_behind_any_header() -> None:
    b = BtfBuilder(">")
    b.integer("u8", 1)
    gap = b"\xff" * 8
    sections = (len(b.strings) + 9, len(b.types), 1, len(b.strings), 0, 0)
    sections = (-(-sections[0] // 4) * 4, *sections[1:])
    filler = bytes(sections[0] - 1 - len(b.strings))
    header = struct.pack(">HBBIIIIIII", 0xEB9F, 1, 0, 40, *sections) + gap
    btf = Btf.parse(header + b"\xee" + b.strings + filler + b.types)
    assert btf.type(1).name == "u8"
    assert len(btf) == 2


def header(**change: int) -> bytes:
    """A header of a BTF with one INT, with some of its fields changed."""
    fields = {"magic": 0xEB9F, "version": 1, "flags": 0, "hdr_len": 24}
    fields |= {"type_off": 0, "type_len": 16, "str_off": 16, "str_len": 4}
    return struct.pack("<HBBIIIII", *(fields | change).values())


@pytest.mark.parametrize(
    ("change", "offset"),
    [
        ({"magic": 0x7F45}, 0),
        ({"version": 2}, 2),
        ({"hdr_len": 23}, 4),
        ({"hdr_len": 45}, 4),
        ({"type_off": 2, "type_len": 12}, 8),
        ({"type_len": 14}, 8),
        ({"type_off": 0xFFFFFFFC}, 8),
        ({"type_len": 24}, 8),
        ({"str_off": 17}, 16),
        ({"str_len": 0xFFFFFFFF}, 16),
        ({"str_len": 0}, 16),
        ({"str_len": 3}, 24 + 18),
        ({"str_off": 17, "str_len": 3}, 24 + 17),
    ],
)
def test_wrong_headers(change: dict[str, int], offset: int) -> None:
    rest = struct.pack("<IIII", 1, Kind.INT << 24, 4, 32) + b"\0ab\0"
    assert Btf.parse(header() + rest).type(1).name == "ab"
    with pytest.raises(BtfError) as error:
        Btf.parse(header(**change) + rest)
    assert error.value.offset == offset


@pytest.mark.parametrize("data", [b"", b"\x9f", header()[:23]])
def test_no_header(data: bytes) -> None:
    with pytest.raises(BtfError) as error:
        Btf.parse(data)
    assert error.value.offset == len(data)


@pytest.mark.parametrize("left", [4, 8, 12])
def test_cut_off_type(left: int) -> None:
    b = BtfBuilder()
    b.fwd("whole")
    b.integer("cut", 4)
    b.types = b.types[: 12 + left]
    btf = b.btf()
    assert btf.type(1).name == "whole"
    for _ in range(2):
        with pytest.raises(BtfError, match="cut off") as error:
            btf.type(2)
        assert error.value.offset == 24 + 12
    assert btf.type(1).name == "whole"


def test_type_with_more_entries_than_there_are_data() -> None:
    b = BtfBuilder()
    b.raw(Kind.STRUCT, "s", 4, vlen=0xFFFFFF)
    with pytest.raises(BtfError, match="cut off"):
        b.btf().type(1)


@pytest.mark.parametrize("type_id", [-1, 2, 0xFFFFFFFF])
def test_ids_that_are_not(type_id: int) -> None:
    b = BtfBuilder()
    b.fwd("one")
    with pytest.raises(BtfError):
        b.btf().type(type_id)


def test_name_outside_the_strings() -> None:
    b = BtfBuilder()
    b.types = struct.pack("<III", 1, Kind.FWD << 24, 0)
    with pytest.raises(BtfError, match="outside the strings"):
        b.btf().type(1)


def test_strings() -> None:
    kernel = BtfBuilder()
    shared = kernel.string("shared")
    module = BtfBuilder(base=kernel)
    line = module.string("x" * 100_000)
    btf = module.btf()
    assert btf.string(shared) == "shared"
    assert btf.string(line) == "x" * 100_000
    for offset in (-1, line + 100_001):
        with pytest.raises(BtfError, match="outside the strings"):
            btf.string(offset)


def test_name_too_long() -> None:
    b = BtfBuilder()
    b.fwd("x" * 4096)
    b.fwd("x" * 4097)
    btf = b.btf()
    assert len(btf.type(1).name) == 4096
    with pytest.raises(BtfError, match="longer than 4096"):
        btf.type(2)


def test_a_typedef_of_itself() -> None:
    b = BtfBuilder()
    b.typedef("ouroboros", 1)
    btf = b.btf()
    for ask in (btf.resolve, btf.size_of, btf.func_proto):
        with pytest.raises(BtfError, match="without end"):
            ask(1)


def test_an_array_of_itself() -> None:
    b = BtfBuilder()
    b.array(1, 1)
    with pytest.raises(BtfError, match="without end"):
        b.btf().size_of(1)


def test_arrays_in_arrays_100_000_deep() -> None:
    b = BtfBuilder()
    b.types = b"".join(
        struct.pack("<IIIIII", 0, Kind.ARRAY << 24, 0, i + 2, 1, 1) for i in range(100_000)
    )
    btf = b.btf()
    assert len(btf) == 100_001
    with pytest.raises(BtfError, match="without end"):
        btf.size_of(1)


def test_a_size_beyond_the_kernels() -> None:
    b = BtfBuilder()
    b.array(b.array(b.integer("u64", 8), 0x20000000), 1)
    with pytest.raises(BtfError, match="overflows"):
        b.btf().size_of(3)
