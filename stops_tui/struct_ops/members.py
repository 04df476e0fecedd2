"""From the bytes of a map's value to its header and members. Fast: a sweep has many values."""

from __future__ import annotations

from stops_tui.btf import Array, BtfError, Composite, Enum, Field, Int
from stops_tui.kernels.kernel import RawSubsystems
from stops_tui.record import Record
from stops_tui.struct_ops.scalars import DecodeError, integer, is_char_array, part
from stops_tui.struct_ops.status import state_name
from stops_tui.struct_ops.subsystems import Data, of_type
from stops_tui.struct_ops.text import c_string
from stops_tui.struct_ops.types import Member, StructOpsType
from stops_tui.struct_ops.value import Reader, ValueNode, inline, program_text


class MemberValue(Record):
    """What one member of a map's value holds.

    Attributes:
        member: Which member.
        prog_id: The program behind a function member; 0 if it is not set, or is data.
        text: The value of a data member as a person reads it: `"bpf_dctcp"`, `NEEDS_ECN (0x2)`,
            `0`; control characters are escaped. "" for a function member, unless it holds what
            cannot be a program id.
        is_set: Whether it differs from all zeroes.
    """

    member: Member
    prog_id: int = 0
    text: str = ""
    is_set: bool = False


KNOWN = 256
"""How many different contents of one member are kept decoded: maps of a type share programs."""


class _Plan(Record):
    """How to read one member: where its bytes are, and what some contents of them mean."""

    member: Member
    place: slice
    is_string: bool
    known: dict[bytes, MemberValue]


class Decoder:
    """Decodes values of one struct_ops type.

    The header is `refcnt` and `state`, directly in the value struct (before 6.9) or in its member
    `common` of struct bpf_struct_ops_common_value; both are found by name.

    Raises:
        DecodeError: The value struct has no such header.
    """

    def __init__(self, type_: StructOpsType) -> None:
        self.type = type_
        self._subsystem = of_type(type_.name)
        try:
            self._fields = self._composite(type_.type_id).members
            self._refcnt_at, refcnt = self._header_field("refcnt")
            self._refcnt_size = type_.btf.size_of(refcnt)
            self._state_at, state = self._header_field("state")
            enum = type_.btf.resolve(state)
        except BtfError as error:
            raise DecodeError(str(error)) from error
        if not isinstance(enum, Enum):
            raise DecodeError(f"the state of {type_.name} is no enum")
        self._state = enum
        self._state_names = {value.value: value.name for value in reversed(enum.values)}
        self._plans = [self._plan(member) for member in type_.members]

    def header(self, value: bytes) -> tuple[int, str]:
        """The reference count, and the state by name.

        Raises:
            DecodeError: The value is shorter than its type.
        """
        if len(value) < self.type.value_size:
            raise DecodeError(
                f"a value of {len(value)} bytes, where {self.type.name} has {self.type.value_size}"
            )
        counter = part(value, self._refcnt_at, self._refcnt_size)
        state = integer(self.type.btf, value, self._state_at, self._state)
        return (
            int.from_bytes(counter, self.type.btf.byteorder),
            state_name(state, self._state_names),
        )

    def members(self, value: bytes) -> tuple[MemberValue, ...]:
        """Every member's value, in the order of the struct.

        Raises:
            DecodeError: The BTF contradicts itself.
        """
        return tuple(
            [  # a list is faster than a generator
                plan.known.get(raw := value[plan.place]) or self._decoded(plan, raw, value)
                for plan in self._plans
            ]
        )

    def data(self, value: bytes) -> Data:
        """The integers and char arrays among the data members, by name."""
        found: dict[str, int | str] = {}
        for member, field in zip(self.type.members, self._fields, strict=True):
            at = self.type.data_offset + member.offset
            type_ = self.type.btf.resolve(member.type_id)
            if field.bit_size or member.kind == "func":
                continue
            if isinstance(type_, Array) and is_char_array(self.type.btf, type_):
                found[member.name] = _text(part(value, at, member.size))
            elif isinstance(type_, Int | Enum):
                found[member.name] = integer(self.type.btf, value, at, type_)
        return found

    def refusal(self, value: bytes, facts: RawSubsystems) -> str:
        """Why the subsystem does not run this map though it is registered; "" if it does."""
        refusal = self._subsystem.refusal
        return refusal(self.data(value), facts) if refusal else ""

    def place(self, value: bytes) -> int | str | None:
        """Where a map with this value runs, if one map at a time does; None where many may."""
        place = self._subsystem.place
        return place(self.data(value)) if place else None

    def _plan(self, member: Member) -> _Plan:
        zeroes = bytes(self.type.value_size)
        start = self.type.data_offset + member.offset
        found = self.type.btf.resolve(member.type_id)
        text = "" if member.kind == "func" else inline(self._node(member, zeroes))
        return _Plan(
            member,
            slice(start, start + member.size),
            is_string=isinstance(found, Array) and is_char_array(self.type.btf, found),
            known={part(zeroes, start, member.size): MemberValue(member, text=text)},
        )

    def _decoded(self, plan: _Plan, raw: bytes, value: bytes) -> MemberValue:
        found = self._decode(plan, raw, value)
        if len(plan.known) < KNOWN:
            plan.known[raw] = found
        return found

    def _decode(self, plan: _Plan, raw: bytes, value: bytes) -> MemberValue:
        member = plan.member
        if member.kind == "func":
            slot = int.from_bytes(raw, self.type.btf.byteorder)
            text, prog_id = program_text(slot)
            return MemberValue(member, prog_id, "" if prog_id else text, True)
        if plan.is_string:
            return MemberValue(member, 0, c_string(raw), True)
        node = self._node(member, value)
        return MemberValue(member, 0, inline(node), node.is_set)

    def _node(self, member: Member, value: bytes) -> ValueNode:
        reader = Reader(self.type.btf, value, self._subsystem)
        return reader.field(self._fields[member.index], self.type.data_offset)

    def _header_field(self, name: str) -> tuple[int, int]:
        """Where a field of the header is, in bytes from the value's start, and its type."""
        for base, field in self._header_fields():
            if field.name == name:
                return base + field.bit_offset // 8, field.type_id
        raise DecodeError(f"the value of {self.type.name} has no {name}")

    def _header_fields(self) -> list[tuple[int, Field]]:
        """All fields before the data, with the bytes before the struct they are in."""
        outer = [m for m in self._composite(self.type.value_type_id).members if m.name != "data"]
        common = [m for m in outer if m.name == "common"]
        inner = [
            (m.bit_offset // 8, field)
            for m in common
            for field in self._composite(m.type_id).members
        ]
        return [*((0, m) for m in outer), *inner]

    def _composite(self, type_id: int) -> Composite:
        found = self.type.btf.resolve(type_id)
        if not isinstance(found, Composite):
            raise DecodeError(f"{found.name or found.kind.name} is no struct")
        return found


def name_in_subsystem(type_: StructOpsType, value: bytes) -> str:
    """The name by which the subsystem knows a map with this value; "" where it has none."""
    name = of_type(type_.name).registering.name
    member = next((each for each in type_.members if name and each.name == name), None)
    if member is None:
        return ""
    start = type_.data_offset + member.offset
    return _text(value[start : start + member.size])


def _text(raw: bytes) -> str:
    """A char array up to its first zero."""
    return raw.split(b"\0", 1)[0].decode(errors="surrogateescape")
