"""The data members a person may set, and what each takes: by the live BTF."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from stops_tui.btf import Array, BtfError, BtfType, Composite, Enum, Field, Int
from stops_tui.struct_ops.scalars import is_char_array
from stops_tui.struct_ops.subsystems import of_type
from stops_tui.struct_ops.types import Member, StructOpsType
from stops_tui.struct_ops.value import bit_names, enum_named

FieldKind = Literal["string", "integer", "boolean", "enum", "flags"]


@dataclass(frozen=True, slots=True)
class FormField:
    """One data member that may be set.

    Attributes:
        member: The member.
        kind: "flags" is a number whose single bits have names; an "enum" has one name a value.
        place: Bits from the start of the value struct.
        bits: Bits it has there; those of all characters for a string.
        length: The most bytes of a string, less its NUL; 0 for a number.
        minimum: The least number.
        maximum: The greatest number.
        names: Of an enum's values, or of single bits (without the prefix they share).
        enumerators: Every name that may be written for a number, those of `names` too.
        required: The subsystem refuses a map where it is not set.
        hint: What to put in, where the type does not tell; "" where it does.
    """

    member: Member
    kind: FieldKind
    place: int
    bits: int
    length: int = 0
    minimum: int = 0
    maximum: int = 0
    names: tuple[tuple[str, int], ...] = ()
    enumerators: Mapping[str, int] | None = None
    required: bool = False
    hint: str = ""


def form_fields(type_: StructOpsType) -> tuple[FormField, ...]:
    """Every data member that the kernel lets a person set, in the order of the struct."""
    return tuple(
        field
        for member in type_.members
        if member.kind == "data" and isinstance(field := field_of(type_, member), FormField)
    )


def refused_members(type_: StructOpsType) -> dict[str, str]:
    """The data members that are not offered, and why."""
    return {
        member.name: field
        for member in type_.members
        if member.kind == "data" and isinstance(field := field_of(type_, member), str)
    }


def field_of(type_: StructOpsType, member: Member) -> FormField | str:
    """What a data member takes; why it takes nothing, in words."""
    registering = of_type(type_.name).registering
    if member.name in registering.refused:
        return registering.refused[member.name]
    try:
        struct = type_.btf.resolve(type_.type_id)
        found = type_.btf.resolve(member.type_id)
    except BtfError as error:
        return str(error)
    if not isinstance(struct, Composite) or not member.name:
        return "it has no name"
    return _field(type_, member, struct.members[member.index], found)


def _field(type_: StructOpsType, member: Member, field: Field, found: BtfType) -> FormField | str:
    place = 8 * type_.data_offset + field.bit_offset
    hint = of_type(type_.name).registering.hints.get(member.name, "")
    if isinstance(found, Array) and is_char_array(type_.btf, found):
        return FormField(
            member,
            "string",
            place,
            8 * member.size,
            length=member.size - 1,
            required=member.mandatory,
            hint=hint,
        )
    if not isinstance(found, Int | Enum):
        return f"only the kernel sets it ({member.type})"
    bits = field.bit_size or (found.bits if isinstance(found, Int) else 8 * found.size)
    whole_int = isinstance(found, Int) and not field.bit_size
    names = _names(type_, member, found)
    return FormField(
        member,
        _kind(found, names),
        place + (found.bit_offset if isinstance(found, Int) and whole_int else 0),
        bits,
        minimum=-(1 << bits - 1) if found.signed else 0,
        maximum=1 if _boolean(found) else (1 << bits - found.signed) - 1,
        names=_offered(found, names),
        enumerators=_enumerators(names),
        required=member.mandatory,
        hint=hint,
    )


def _names(type_: StructOpsType, member: Member, found: Int | Enum) -> Enum | None:
    """The enum whose names may be written: the member's own, or the one that names its bits."""
    if isinstance(found, Enum):
        return found
    return enum_named(type_.btf, of_type(type_.name).flags.get(member.name, ""))


def _kind(found: Int | Enum, names: Enum | None) -> FieldKind:
    if isinstance(found, Enum):
        return "enum"
    if names:
        return "flags"
    return "boolean" if _boolean(found) else "integer"


def _boolean(found: Int | Enum) -> bool:
    return isinstance(found, Int) and found.boolean


def _offered(found: Int | Enum, names: Enum | None) -> tuple[tuple[str, int], ...]:
    if isinstance(found, Enum):
        return tuple((each.name, each.value) for each in found.values)
    return tuple((name, bit) for bit, name in bit_names(names).items()) if names else ()


def _enumerators(names: Enum | None) -> Mapping[str, int]:
    if names is None:
        return {}
    short = {name: bit for bit, name in bit_names(names).items()}
    return short | {each.name: each.value for each in names.values}
