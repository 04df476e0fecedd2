"""One type's bytes → its record.

Every type starts with struct btf_type: u32 name_off, u32 info (bits 0-23 vlen, 24-30 kind,
31 kind_flag; before Linux 7.1 only 16 and 5 bits of them were used and the rest zero), u32 size
or type. What follows depends on the kind (include/uapi/linux/btf.h).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any

from stops_tui.btf.types import (
    Array,
    BtfError,
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
from stops_tui.record import Record

# 4-byte words of each kind: (struct btf_type and what always follows it, each of vlen entries).
WORDS: dict[int, tuple[int, int]] = {
    Kind.INT: (4, 0),
    Kind.PTR: (3, 0),
    Kind.ARRAY: (6, 0),
    Kind.STRUCT: (3, 3),
    Kind.UNION: (3, 3),
    Kind.ENUM: (3, 2),
    Kind.FWD: (3, 0),
    Kind.TYPEDEF: (3, 0),
    Kind.VOLATILE: (3, 0),
    Kind.CONST: (3, 0),
    Kind.RESTRICT: (3, 0),
    Kind.FUNC: (3, 0),
    Kind.FUNC_PROTO: (3, 2),
    Kind.VAR: (4, 0),
    Kind.DATASEC: (3, 3),
    Kind.FLOAT: (3, 0),
    Kind.DECL_TAG: (4, 0),
    Kind.TYPE_TAG: (3, 0),
    Kind.ENUM64: (3, 3),
}


def kind_of(info: int) -> int:
    """BTF_INFO_KIND."""
    return info >> 24 & 0x7F


def vlen_of(info: int) -> int:
    """BTF_INFO_VLEN: members, values, parameters or variables; a FUNC's linkage."""
    return info & 0xFFFFFF


class _Record(Record):
    """One type as it lies in the data: struct btf_type, and `offset`, where the rest starts."""

    id: int
    kind: Kind
    name: str
    info: int
    size_or_type: int
    data: bytes
    offset: int
    order: str
    string: Callable[[int], str]

    @property
    def flag(self) -> bool:
        """kind_flag."""
        return bool(self.info >> 31)

    def word(self, sign: str = "I") -> int:
        """The one word that follows."""
        value: int = struct.unpack_from(self.order + sign, self.data, self.offset)[0]
        return value

    def entries(self, layout: str) -> Iterator[tuple[Any, ...]]:
        """The vlen entries that follow, each of this layout."""
        entry = struct.Struct(self.order + layout)
        end = self.offset + entry.size * vlen_of(self.info)
        return entry.iter_unpack(memoryview(self.data)[self.offset : end])


def _int(r: _Record) -> BtfType:
    word = r.word()
    signed, char, boolean = (bool(word >> bit & 1) for bit in (24, 25, 26))
    bits, bit_offset = word & 0xFF, word >> 16 & 0xFF
    return Int(r.id, r.kind, r.name, r.size_or_type, bits, bit_offset, signed, char, boolean)


def _array(r: _Record) -> BtfType:
    element, index, length = struct.unpack_from(r.order + "3I", r.data, r.offset)
    return Array(r.id, r.kind, r.name, element, index, length)


def _composite(r: _Record) -> BtfType:
    string = r.string
    if r.flag:
        members = tuple(
            Field(string(name), type_id, where & 0xFFFFFF, where >> 24)
            for name, type_id, where in r.entries("3I")
        )
    else:
        members = tuple(
            Field(string(name), type_id, where, 0) for name, type_id, where in r.entries("3I")
        )
    return Composite(r.id, r.kind, r.name, r.size_or_type, members)


def _enum(r: _Record) -> BtfType:
    string = r.string
    values = tuple(
        EnumValue(string(name), value) for name, value in r.entries("Ii" if r.flag else "II")
    )
    return Enum(r.id, r.kind, r.name, r.size_or_type, r.flag, values)


def _enum64(r: _Record) -> BtfType:
    string = r.string
    values = tuple(
        EnumValue(string(name), high << 32 | low)
        for name, low, high in r.entries("IIi" if r.flag else "III")
    )
    return Enum(r.id, r.kind, r.name, r.size_or_type, r.flag, values)


def _func_proto(r: _Record) -> BtfType:
    params = tuple(Param(r.string(name), type_id) for name, type_id in r.entries("II"))
    return FuncProto(r.id, r.kind, r.name, r.size_or_type, params)


def _datasec(r: _Record) -> BtfType:
    variables = tuple(DatasecVar(*entry) for entry in r.entries("3I"))
    return Datasec(r.id, r.kind, r.name, r.size_or_type, variables)


def _ref(r: _Record) -> BtfType:
    return Ref(r.id, r.kind, r.name, r.size_or_type, r.flag and r.kind is Kind.TYPE_TAG)


_DECODE: dict[Kind, Callable[[_Record], BtfType]] = {
    Kind.INT: _int,
    Kind.PTR: lambda r: Ptr(r.id, r.kind, r.name, r.size_or_type),
    Kind.ARRAY: _array,
    Kind.STRUCT: _composite,
    Kind.UNION: _composite,
    Kind.ENUM: _enum,
    Kind.FWD: lambda r: Fwd(r.id, r.kind, r.name, r.flag),
    Kind.TYPEDEF: _ref,
    Kind.VOLATILE: _ref,
    Kind.CONST: _ref,
    Kind.RESTRICT: _ref,
    Kind.FUNC: lambda r: Func(r.id, r.kind, r.name, r.size_or_type, vlen_of(r.info)),
    Kind.FUNC_PROTO: _func_proto,
    Kind.VAR: lambda r: Var(r.id, r.kind, r.name, r.size_or_type, r.word()),
    Kind.DATASEC: _datasec,
    Kind.FLOAT: lambda r: Float(r.id, r.kind, r.name, r.size_or_type),
    Kind.DECL_TAG: lambda r: DeclTag(r.id, r.kind, r.name, r.size_or_type, r.word("i"), r.flag),
    Kind.TYPE_TAG: _ref,
    Kind.ENUM64: _enum64,
}


def decode(
    type_id: int, data: bytes, offset: int, order: str, string: Callable[[int], str]
) -> BtfType:
    """Decode one type.

    Args:
        type_id: The id it shall have.
        data: The BTF data.
        offset: Where the type starts in `data`; all of it must be there.
        order: The byte order as the struct module writes it: "<" or ">".
        string: Looks up a string by its offset.

    Raises:
        BtfError: The kind is from the future, or a name is wrong.
    """
    name, info, size_or_type = struct.unpack_from(order + "3I", data, offset)
    if kind_of(info) not in WORDS:
        raise BtfError(f"kind {kind_of(info)} is unknown", offset)
    kind = Kind(kind_of(info))
    record = _Record(
        type_id, kind, string(name), info, size_or_type, data, offset + 12, order, string
    )
    return _DECODE[kind](record)
