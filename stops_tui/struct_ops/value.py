"""A map's value as a person reads it: a tree of parts, each with its text and its bytes."""

from __future__ import annotations

from stops_tui.btf import (
    Array,
    Btf,
    BtfError,
    BtfType,
    Composite,
    Enum,
    Field,
    Float,
    Int,
    Kind,
    Ptr,
)
from stops_tui.btf.c import type_text
from stops_tui.record import Record
from stops_tui.struct_ops.scalars import (
    DecodeError,
    bitfield,
    bitfield_bytes,
    floating,
    integer,
    is_char_array,
    part,
)
from stops_tui.struct_ops.subsystems import of_type
from stops_tui.struct_ops.subsystems.subsystem import Subsystem
from stops_tui.struct_ops.text import c_string, printable
from stops_tui.struct_ops.types import StructOpsType

DEPTH = 16
"""Structs and arrays within each other that are opened; the kernel's are 6 deep at most."""

ELEMENTS = 128
"""Elements of an array that are shown; the rest is told as one node."""

FLAGS_LENGTH = 400
"""Characters shown of the names of bits."""

NODES = 4096
"""Parts of one value that are shown in all."""


class ValueNode(Record):
    """One part of a value.

    Attributes:
        name: The member's name, "" for an anonymous one; "[3]" in an array.
        type: C text of its type, `char[16]`.
        text: What it holds: `"dctcp"`, `TCP_CA_Open (0)`, `0x2`, `25` for a program id; "" for a
            struct or array, whose parts are `children`.
        offset: Bytes from the start of the value.
        raw: Its bytes; a bitfield's are those it touches, its neighbours' bits cleared.
        children: Its parts in order; the last one is named "…" if not all are here.
        prog_id: The program behind a function member; 0 for anything else.
    """

    name: str
    type: str
    text: str
    offset: int
    raw: bytes
    children: tuple[ValueNode, ...] = ()
    prog_id: int = 0

    @property
    def is_set(self) -> bool:
        """Whether any byte of it is not zero."""
        return any(self.raw)


def value_tree(type_: StructOpsType, value: bytes) -> ValueNode:
    """The whole value struct, header and all.

    Raises:
        DecodeError: The bytes are too few, or the BTF contradicts itself.
    """
    return Reader(type_.btf, value, of_type(type_.name)).node("", type_.value_type_id, 0)


class Reader:
    """Reads parts of one value; bounded, whatever the BTF says.

    Methods raise DecodeError where the bytes are too few or the BTF contradicts itself.

    Args:
        btf: The BTF of its types.
        value: The bytes that offsets count from.
        subsystem: What it knows of the members beyond their BTF.
    """

    def __init__(self, btf: Btf, value: bytes, subsystem: Subsystem | None = None) -> None:
        self._btf = btf
        self._value = value
        self._subsystem = subsystem or Subsystem("")
        self._left = NODES

    def node(self, name: str, type_id: int, offset: int) -> ValueNode:
        """The part of this type at `offset` bytes, with all its parts."""
        try:
            return self._node(name, type_id, offset, DEPTH)
        except BtfError as error:
            raise DecodeError(str(error)) from error

    def field(self, field: Field, base: int) -> ValueNode:
        """A member of a struct that starts at `base` bytes."""
        try:
            return self._field(field, base, DEPTH)
        except BtfError as error:
            raise DecodeError(str(error)) from error

    def _node(self, name: str, type_id: int, offset: int, depth: int) -> ValueNode:
        self._left -= 1
        found = self._btf.resolve(type_id)
        raw = part(self._value, offset, self._btf.size_of(type_id))
        text, prog_id = "", 0
        children: tuple[ValueNode, ...] = ()
        if isinstance(found, Composite) and depth:
            children = self._fields(found, offset, depth)
        elif isinstance(found, Array) and is_char_array(self._btf, found):
            text = c_string(raw)
        elif isinstance(found, Array) and depth:
            children = self._elements(found, offset, depth)
        elif isinstance(found, Ptr) and self._btf.func_proto(type_id):
            text, prog_id = program_text(integer(self._btf, self._value, offset, found))
        else:
            text = self._scalar(name, found, offset, raw)
        return ValueNode(name, type_text(self._btf, type_id), text, offset, raw, children, prog_id)

    def _field(self, field: Field, base: int, depth: int) -> ValueNode:
        if not field.bit_size:
            return self._node(field.name, field.type_id, base + field.bit_offset // 8, depth)
        self._left -= 1
        place = self._btf, self._value, 8 * base + field.bit_offset, field.bit_size
        found = self._btf.resolve(field.type_id)
        number = bitfield(*place, signed=isinstance(found, Int | Enum) and found.signed)
        return ValueNode(
            field.name,
            f"{type_text(self._btf, field.type_id)} : {field.bit_size}",
            self._number(field.name, found, number),
            base + field.bit_offset // 8,
            bitfield_bytes(*place),
        )

    def _fields(self, found: Composite, offset: int, depth: int) -> tuple[ValueNode, ...]:
        nodes = []
        for index, field in enumerate(found.members):
            if self._left <= 0:
                nodes.append(_more(len(found.members) - index, "members", offset))
                break
            nodes.append(self._field(field, offset, depth - 1))
        return tuple(nodes)

    def _elements(self, found: Array, offset: int, depth: int) -> tuple[ValueNode, ...]:
        size = self._btf.size_of(found.element_type_id)
        nodes = []
        for index in range(found.length):
            if index == ELEMENTS or self._left <= 0:
                nodes.append(_more(found.length - index, "elements", offset + index * size))
                break
            nodes.append(
                self._node(f"[{index}]", found.element_type_id, offset + index * size, depth - 1)
            )
        return tuple(nodes)

    def _scalar(self, name: str, found: BtfType, offset: int, raw: bytes) -> str:
        if isinstance(found, Float):
            number = floating(self._btf, self._value, offset, found)
            return f"0x{raw.hex()}" if number is None else repr(number)
        if isinstance(found, Int | Enum | Ptr):
            return self._number(name, found, integer(self._btf, self._value, offset, found))
        return "…" if raw else ""

    def _number(self, name: str, found: BtfType, number: int) -> str:
        if isinstance(found, Enum):
            return enum_text(found, number)
        if isinstance(found, Int) and found.boolean:
            return "true" if number else "false"
        if name.endswith("flags"):
            return flags_text(enum_named(self._btf, self._subsystem.flags.get(name, "")), number)
        if name in self._subsystem.hexadecimal:
            return f"0x{number:04X}"
        return hex(number) if number and isinstance(found, Ptr) else str(number)


def program_text(slot: int) -> tuple[str, int]:
    """What a function member holds, and the program id in it; 0 if the slot is no such id."""
    if slot >> 32:
        return hex(slot), 0
    return (f"program {slot}", slot) if slot else ("0", 0)


def enum_text(names: Enum, number: int) -> str:
    """`TCP_CA_Open (0)`, or the number alone where the enum has no such value."""
    name = names.name_of(number)
    return f"{printable(name)} ({number})" if name else str(number)


def flags_text(names: Enum | None, number: int) -> str:
    """`SWITCH_PARTIAL | 0x400 (0x408)`: the bits by name as far as there are names, and in hex.

    The prefix that all names of single bits share is left out.
    """
    bits = bit_names(names) if names else {}
    named = [name for bit, name in bits.items() if number & bit]
    if not named or not number:
        return hex(number) if number else "0"
    rest = number & ~sum(bits)
    text = " | ".join([*named, *([hex(rest)] if rest else [])])
    return f"{printable(text, FLAGS_LENGTH)} ({number:#x})"


def enum_named(btf: Btf, name: str) -> Enum | None:
    """The enum of this name, where this BTF has one."""
    for kind in (Kind.ENUM, Kind.ENUM64) if name else ():
        type_id = btf.find(name, kind)
        found = btf.type(type_id) if type_id else None
        if isinstance(found, Enum):
            return found
    return None


def bit_names(names: Enum) -> dict[int, str]:
    """The names of an enum's single bits, rising, without the prefix that all of them share."""
    bits = {v.value: v.name for v in names.values if v.value > 0 and v.value.bit_count() == 1}
    prefix = _shared_prefix(list(bits.values()))
    return {bit: name.removeprefix(prefix) for bit, name in sorted(bits.items())}


def inline(node: ValueNode, longest: int = 120) -> str:
    """A part and all its parts in one line, bounded: `{.next = 0, .prev = 0}`."""
    pieces: list[str] = []
    _inline(node, pieces, longest)
    text = "".join(pieces)
    return text if len(text) <= longest else text[:longest] + "…"


def _inline(node: ValueNode, pieces: list[str], longest: int) -> None:
    if not node.children:
        pieces.append(node.text or "{}")
        return
    for index, child in enumerate(node.children):
        pieces.append(", " if index else "{")
        if sum(map(len, pieces)) > longest:
            return
        if not child.name.startswith("["):
            pieces.append(f".{printable(child.name)} = " if child.name else "")
        _inline(child, pieces, longest)
    pieces.append("}")


def _shared_prefix(names: list[str]) -> str:
    """What all names start with, up to the last underscore of it."""
    if len(names) < 2:
        return ""
    low, high = min(names), max(names)
    shared = next((i for i, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), len(low))
    return low[: low.rfind("_", 0, shared) + 1]


def _more(count: int, what: str, offset: int) -> ValueNode:
    return ValueNode("…", "", f"{count:,} more {what}", offset, b"")
