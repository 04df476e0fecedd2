"""Random graphs of BTF types: what to build, and what must be read back."""

from __future__ import annotations

import string
from collections.abc import Callable
from typing import NamedTuple

from hypothesis import strategies as st

from stops_tui.btf import (
    Array,
    BtfType,
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
)
from tests.support.btf_builder import BtfBuilder


class Drawn(NamedTuple):
    """One type: how to build it, and what it is once it has its id."""

    build: Callable[[BtfBuilder], int]
    read: Callable[[int], BtfType]


def _integer(name: str, size: int, bits: int, signed: bool, boolean: bool) -> Drawn:
    return Drawn(
        lambda b: b.integer(name, size, signed=signed, boolean=boolean, bits=bits, offset=3),
        lambda i: Int(i, Kind.INT, name, size, bits, 3, signed, False, boolean),
    )


def _ptr(target: int) -> Drawn:
    return Drawn(lambda b: b.ptr(target), lambda i: Ptr(i, Kind.PTR, "", target))


def _array(element: int, index: int, length: int) -> Drawn:
    return Drawn(
        lambda b: b.array(element, length, index),
        lambda i: Array(i, Kind.ARRAY, "", element, index, length),
    )


def _composite(kind: Kind, name: str, size: int, members: list[Field]) -> Drawn:
    plain = [(member.name, member.type_id, member.bit_offset) for member in members]

    def build(b: BtfBuilder) -> int:
        if any(member.bit_size for member in members):
            return b.bitfields(name, size, members, kind)
        return (b.struct if kind is Kind.STRUCT else b.union)(name, size, plain)

    return Drawn(build, lambda i: Composite(i, kind, name, size, tuple(members)))


def _enum(name: str, size: int, signed: bool, values: dict[str, int]) -> Drawn:
    values = {text: value - 2**31 * signed for text, value in values.items()}
    read = tuple(EnumValue(*value) for value in values.items())
    return Drawn(
        lambda b: b.enum(name, values, size, signed=signed),
        lambda i: Enum(i, Kind.ENUM, name, size, signed, read),
    )


def _enum64(name: str, size: int, signed: bool, values: dict[str, int]) -> Drawn:
    values = {text: value - 2**63 * signed for text, value in values.items()}
    read = tuple(EnumValue(*value) for value in values.items())
    return Drawn(
        lambda b: b.enum64(name, values, size, signed=signed),
        lambda i: Enum(i, Kind.ENUM64, name, size, signed, read),
    )


def _fwd(name: str, union: bool) -> Drawn:
    return Drawn(lambda b: b.fwd(name, union=union), lambda i: Fwd(i, Kind.FWD, name, union))


def _typedef(name: str, target: int) -> Drawn:
    return Drawn(lambda b: b.typedef(name, target), lambda i: Ref(i, Kind.TYPEDEF, name, target))


def _qualifier(kind: Kind, target: int) -> Drawn:
    return Drawn(lambda b: b.raw(kind, "", target), lambda i: Ref(i, kind, "", target))


def _type_tag(name: str, target: int, attribute: bool) -> Drawn:
    return Drawn(
        lambda b: b.type_tag(name, target, attribute=attribute),
        lambda i: Ref(i, Kind.TYPE_TAG, name, target, attribute),
    )


def _func(name: str, proto: int, linkage: int) -> Drawn:
    return Drawn(
        lambda b: b.func(name, proto, linkage), lambda i: Func(i, Kind.FUNC, name, proto, linkage)
    )


def _func_proto(returns: int, params: list[Param]) -> Drawn:
    return Drawn(
        lambda b: b.func_proto(returns, params),
        lambda i: FuncProto(i, Kind.FUNC_PROTO, "", returns, tuple(params)),
    )


def _var(name: str, target: int, linkage: int) -> Drawn:
    return Drawn(
        lambda b: b.var(name, target, linkage), lambda i: Var(i, Kind.VAR, name, target, linkage)
    )


def _datasec(name: str, size: int, variables: list[DatasecVar]) -> Drawn:
    return Drawn(
        lambda b: b.datasec(name, size, variables),
        lambda i: Datasec(i, Kind.DATASEC, name, size, tuple(variables)),
    )


def _floating(name: str, size: int) -> Drawn:
    return Drawn(lambda b: b.floating(name, size), lambda i: Float(i, Kind.FLOAT, name, size))


def _decl_tag(name: str, target: int, component: int, attribute: bool) -> Drawn:
    return Drawn(
        lambda b: b.decl_tag(name, target, component, attribute=attribute),
        lambda i: DeclTag(i, Kind.DECL_TAG, name, target, component, attribute),
    )


_names = st.text(string.ascii_letters + "_é", min_size=1, max_size=6)
_any_names = st.just("") | _names
_words = st.integers(0, 0xFFFFFFFF)
_sizes = st.sampled_from([0, 1, 2, 4, 8, 16, 64, 0xFFFFFFFF])
_bytes = st.integers(0, 255)
_flags = st.booleans()
_linkages = st.integers(0, 2)
_composites = st.sampled_from([Kind.STRUCT, Kind.UNION])
_qualifiers = st.sampled_from([Kind.VOLATILE, Kind.CONST, Kind.RESTRICT])


def _types(ids: st.SearchStrategy[int]) -> st.SearchStrategy[Drawn]:
    """One type of any kind, which refers to any of these ids."""
    fields = st.builds(Field, _any_names, ids, _words, st.just(0))
    bitfields = st.builds(Field, _any_names, ids, st.integers(0, 0xFFFFFF), _bytes)
    members = st.lists(fields, max_size=5) | st.lists(bitfields, max_size=5)
    return st.one_of(
        st.builds(_integer, _names, _sizes, _bytes, _flags, _flags),
        st.builds(_ptr, ids),
        st.builds(_array, ids, ids, _words),
        st.builds(_composite, _composites, _any_names, _sizes, members),
        st.builds(_enum, _any_names, _sizes, _flags, _values(2**31)),
        st.builds(_enum64, _any_names, _sizes, _flags, _values(2**63)),
        st.builds(_fwd, _names, _flags),
        st.builds(_typedef, _names, ids),
        st.builds(_qualifier, _qualifiers, ids),
        st.builds(_type_tag, _names, ids, _flags),
        st.builds(_func, _names, ids, _linkages),
        st.builds(_func_proto, ids, st.lists(st.builds(Param, _any_names, ids), max_size=4)),
        st.builds(_var, _names, ids, _linkages),
        st.builds(_datasec, _names, _sizes, st.lists(st.builds(DatasecVar, ids, _words, _words))),
        st.builds(_floating, _names, _sizes),
        st.builds(_decl_tag, _names, ids, st.integers(-1, 9), _flags),
    )


def _values(half: int) -> st.SearchStrategy[dict[str, int]]:
    return st.dictionaries(_names, st.integers(0, 2 * half - 1), max_size=4)


graphs = st.integers(1, 12).flatmap(
    lambda count: st.lists(_types(st.integers(0, count)), min_size=count, max_size=count)
)
"""The types of one BTF, of ids 1, 2 …; any may refer to any, itself included."""
