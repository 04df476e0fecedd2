"""What the bytes of a struct_ops value are, as far as a write must know, by the live BTF."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from stops_tui.btf import Array, Btf, BtfError, Composite, Enum, Field, Int, Kind, Ptr

_PREFIX = "bpf_struct_ops_"
_DEPTH = 16
"""Structs and arrays within each other that are looked into; the kernel's are 6 deep at most."""


@dataclass(frozen=True, slots=True)
class Data:
    """One data member: where it is in the value, in bytes, and how to read it."""

    name: str
    offset: int
    size: int
    is_text: bool

    def of(self, value: bytes) -> bytes:
        """Its bytes in a value."""
        return value[self.offset : self.offset + self.size]


@dataclass(frozen=True, slots=True)
class Shape:
    """The value struct of one type. Offsets are in bytes from the start of the value.

    Attributes:
        type_name: X of struct bpf_struct_ops_X.
        type_id: The BTF id of struct X.
        data_offset: Where struct X starts; what is before it is the kernel's.
        functions: By offset, the members that a program implements.
        pointers: By offset, all other pointers, those in nested structs too: `owner`, `list.next`.
        data: The integers and char arrays among the members.
        gaps: From and to which byte nothing is: padding after the header, between members and at
            the end.
    """

    type_name: str
    type_id: int
    data_offset: int
    functions: Mapping[int, str]
    pointers: Mapping[int, str]
    data: tuple[Data, ...]
    gaps: tuple[tuple[int, int], ...]


def shape_of(btf: Btf, value_type_id: int) -> Shape:
    """The shape of struct bpf_struct_ops_X.

    Raises:
        BtfError: The id names no such struct.
    """
    value = btf.resolve(value_type_id)
    if not (isinstance(value, Composite) and value.name.startswith(_PREFIX)):
        raise BtfError(f"type {value_type_id} is no struct_ops value", btf.offset_of(value_type_id))
    place = next((member for member in value.members if member.name == "data"), None)
    struct = btf.resolve(place.type_id) if place else None
    if place is None or not isinstance(struct, Composite) or struct.kind is not Kind.STRUCT:
        raise BtfError(f"{value.name} has no struct `data`", btf.offset_of(value_type_id))
    start = place.bit_offset // 8
    functions = {
        start + member.bit_offset // 8: member.name
        for member in struct.members
        if btf.func_proto(member.type_id)
    }
    pointers = {
        at: name for at, name in _pointers(btf, struct.id, start, "", _DEPTH) if at not in functions
    }
    return Shape(
        value.name.removeprefix(_PREFIX),
        struct.id,
        start,
        functions,
        pointers,
        tuple(_data(btf, struct, start)),
        tuple(_gaps(btf, value, struct, start)),
    )


def _pointers(btf: Btf, type_id: int, at: int, name: str, depth: int) -> Iterator[tuple[int, str]]:
    found = btf.resolve(type_id)
    if not depth:
        raise BtfError(f"{name} is nested too deep", btf.offset_of(type_id))
    if isinstance(found, Ptr):
        yield at, name
    elif isinstance(found, Composite):
        for field in found.members:
            inner = f"{name}.{field.name}" if name and field.name else name or field.name
            yield from _pointers(btf, field.type_id, at + field.bit_offset // 8, inner, depth - 1)
    elif isinstance(found, Array) and found.length:
        element = list(_pointers(btf, found.element_type_id, 0, "", depth - 1))
        size = btf.size_of(found.element_type_id) if element else 0
        for index in range(found.length if element else 0):
            for inside, _ in element:
                yield at + index * size + inside, f"{name}[{index}]"


def _data(btf: Btf, struct: Composite, start: int) -> Iterator[Data]:
    for field in struct.members:
        found = btf.resolve(field.type_id)
        is_text = isinstance(found, Array) and _is_char(btf, found.element_type_id)
        if not field.bit_size and (is_text or isinstance(found, Int | Enum)):
            at = start + field.bit_offset // 8
            yield Data(field.name, at, btf.size_of(field.type_id), is_text)


def _gaps(btf: Btf, value: Composite, struct: Composite, start: int) -> Iterator[tuple[int, int]]:
    outer = (_extent(btf, field, 0) for field in value.members if field.name != "data")
    inner = (_extent(btf, field, start) for field in struct.members)
    reached = 0
    for begin, end in sorted([*outer, *inner, (value.size, value.size)]):
        if begin > reached:
            yield reached, begin
        reached = max(reached, end)


def _extent(btf: Btf, field: Field, base: int) -> tuple[int, int]:
    """From and to which byte a field is; a bitfield fills the bytes it touches."""
    bits = field.bit_size or 8 * btf.size_of(field.type_id)
    return base + field.bit_offset // 8, base + (field.bit_offset + bits + 7) // 8


def _is_char(btf: Btf, type_id: int) -> bool:
    found = btf.resolve(type_id)
    return isinstance(found, Int) and found.name == "char"
