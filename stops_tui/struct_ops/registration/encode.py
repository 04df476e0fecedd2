"""From data members as a person writes them to the bytes that BPF_MAP_UPDATE_ELEM takes."""

from __future__ import annotations

import re
from collections.abc import Mapping

from stops_tui.struct_ops.registration.form import FormField, field_of
from stops_tui.struct_ops.scalars import set_bitfield
from stops_tui.struct_ops.text import printable
from stops_tui.struct_ops.types import Member, StructOpsType

_NUMBER = re.compile(r"-?(0[xX][0-9a-fA-F]{1,40}|0[oO][0-7]{1,40}|0[bB][01]{1,64}|[0-9]{1,40})")
_BOOLEANS = {"true": 1, "false": 0}


class EncodeError(ValueError):
    """What was written for a data member is no value of it.

    Attributes:
        member: The member's name.
        reason: Why, and what it takes.
    """

    def __init__(self, member: str, reason: str) -> None:
        self.member = member
        self.reason = reason
        super().__init__(f"{printable(member)}: {reason}")


def encode(type_: StructOpsType, data: Mapping[str, int | str]) -> bytes:
    """A whole value struct: these data members, and zero in all else.

    Raises:
        EncodeError: A member that does not exist or takes no such value; the first of them.
    """
    value = bytearray(type_.value_size)
    for name, content in data.items():
        encode_member(type_, name, content, value)
    return bytes(value)


def encode_member(
    type_: StructOpsType, name: str, content: int | str, value: bytearray
) -> FormField:
    """Write one data member into a value struct.

    Raises:
        EncodeError: It does not exist, is not offered, or takes no such value.
    """
    field = field_of(type_, _data_member(type_, name))
    if isinstance(field, str):
        raise EncodeError(name, f"it may not be set: {field}")
    if field.place + field.bits > 8 * len(value):
        raise EncodeError(name, "its BTF puts it outside of the value")
    if field.kind == "string":
        first = field.place // 8
        raw = _string(field, content)
        value[first : first + field.bits // 8] = raw.ljust(field.bits // 8, b"\0")
    else:
        set_bitfield(type_.btf, value, field.place, field.bits, number(field, content))
    return field


def number(field: FormField, content: int | str) -> int:
    """The number that is meant: `2`, `0x2`, `NEEDS_ECN`, `ENQ_LAST|0x8`, `true`.

    Raises:
        EncodeError: It is none, or out of range.
    """
    found = content if isinstance(content, int) else _sum(field, content)
    if not field.minimum <= found <= field.maximum:
        raise EncodeError(
            field.member.name, f"{found} is not between {field.minimum} and {field.maximum}"
        )
    return found


def _data_member(type_: StructOpsType, name: str) -> Member:
    member = next((each for each in type_.members if each.name == name and name), None)
    if member is None:
        raise EncodeError(name, f"{type_.name} has no such member in this kernel")
    if member.kind == "func":
        raise EncodeError(name, "it takes a program, not a value")
    return member


def _string(field: FormField, content: int | str) -> bytes:
    try:
        raw = str(content).encode(errors="surrogateescape")
    except UnicodeEncodeError as error:
        raise EncodeError(field.member.name, "it holds half of a surrogate pair") from error
    if b"\0" in raw:
        raise EncodeError(field.member.name, "it may not contain a NUL character")
    if len(raw) > field.length:
        raise EncodeError(
            field.member.name,
            f"it may have {field.length} bytes at most, this one has {len(raw)}",
        )
    return raw


def _sum(field: FormField, text: str) -> int:
    """Numbers and names, or-ed by `|`."""
    total = 0
    for word in text.split("|"):
        total |= _word(field, word.strip())
    return total


def _word(field: FormField, word: str) -> int:
    names = field.enumerators or {}
    if word in names:
        return names[word]
    if field.kind == "boolean" and word.lower() in _BOOLEANS:
        return _BOOLEANS[word.lower()]
    if _NUMBER.fullmatch(word):
        return int(word) if word.lstrip("-").isdigit() else int(word, 0)
    known = ", ".join(printable(name, 40) for name, _ in field.names[:12])
    takes = f"a number, or names of: {known}" if known else "a number"
    raise EncodeError(field.member.name, f"{printable(word, 40)!r} is not {takes}")
