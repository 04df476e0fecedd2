"""What BTF describes: one frozen dataclass for each shape of type (include/uapi/linux/btf.h)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple


class BtfError(Exception):
    """BTF that cannot be what it claims: cut off, corrupt, hostile, or of an unknown kind.

    Attributes:
        reason: What is wrong, in words.
        offset: Bytes from the start of the BTF data to what is wrong.
    """

    def __init__(self, reason: str, offset: int) -> None:
        self.reason = reason
        self.offset = offset
        super().__init__(f"BTF, offset {offset:#x}: {reason}")


class Kind(IntEnum):
    """BTF_KIND_*; VOID (the kernel's UNKN) is type id 0 alone, which no data describe."""

    VOID = 0
    INT = 1
    PTR = 2
    ARRAY = 3
    STRUCT = 4
    UNION = 5
    ENUM = 6
    FWD = 7
    TYPEDEF = 8
    VOLATILE = 9
    CONST = 10
    RESTRICT = 11
    FUNC = 12
    FUNC_PROTO = 13
    VAR = 14
    DATASEC = 15
    FLOAT = 16
    DECL_TAG = 17
    TYPE_TAG = 18
    ENUM64 = 19


class Field(NamedTuple):
    """One member of a struct or union.

    Attributes:
        name: "" for an anonymous struct or union.
        type_id: Its type.
        bit_offset: Bits from the start of the struct.
        bit_size: Bits of a bitfield; 0 for a member that is none.
    """

    name: str
    type_id: int
    bit_offset: int
    bit_size: int


class EnumValue(NamedTuple):
    """One name of an enum."""

    name: str
    value: int


class Param(NamedTuple):
    """One parameter of a function; without name and type (0) it is the `...` at the end."""

    name: str
    type_id: int


class DatasecVar(NamedTuple):
    """One variable in a data section: bytes from the section's start, and bytes long."""

    type_id: int
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class BtfType:
    """What every type has.

    Attributes:
        id: The type id in its BTF; a split BTF continues its base's.
        kind: BTF_KIND_*.
        name: "" for a type without one.
    """

    id: int
    kind: Kind
    name: str


@dataclass(frozen=True, slots=True)
class Void(BtfType):
    """`void`: type id 0."""


@dataclass(frozen=True, slots=True)
class Int(BtfType):
    """An integer, boolean or character of `size` bytes.

    Attributes:
        size: Bytes of storage.
        bits: Bits of the value; fewer than 8 * `size` in old BTF's bitfields only.
        bit_offset: Where the value starts in its storage, in bits; old BTF's bitfields only.
        signed: BTF_INT_SIGNED.
        char: BTF_INT_CHAR.
        boolean: BTF_INT_BOOL.
    """

    size: int
    bits: int
    bit_offset: int
    signed: bool
    char: bool
    boolean: bool


@dataclass(frozen=True, slots=True)
class Ptr(BtfType):
    """A pointer to `type_id`."""

    type_id: int


@dataclass(frozen=True, slots=True)
class Array(BtfType):
    """An array of `length` elements of `element_type_id`."""

    element_type_id: int
    index_type_id: int
    length: int


@dataclass(frozen=True, slots=True)
class Composite(BtfType):
    """A struct or union of `size` bytes."""

    size: int
    members: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Enum(BtfType):
    """An ENUM or ENUM64 of `size` bytes; `values` in the order of the declaration."""

    size: int
    signed: bool
    values: tuple[EnumValue, ...]

    def name_of(self, value: int) -> str | None:
        """The first name with this value."""
        return next((name for name, number in self.values if number == value), None)


@dataclass(frozen=True, slots=True)
class Fwd(BtfType):
    """A struct, or union, that is declared and not defined."""

    union: bool


@dataclass(frozen=True, slots=True)
class Ref(BtfType):
    """A TYPEDEF, VOLATILE, CONST, RESTRICT or TYPE_TAG of `type_id`.

    Attributes:
        type_id: The type that is renamed or qualified.
        attribute: A TYPE_TAG whose name is a compiler attribute (`__attribute__((name))`).
    """

    type_id: int
    attribute: bool = False


@dataclass(frozen=True, slots=True)
class Func(BtfType):
    """A function; `type_id` is its FUNC_PROTO, `linkage` 0 static, 1 global, 2 extern."""

    type_id: int
    linkage: int


@dataclass(frozen=True, slots=True)
class FuncProto(BtfType):
    """A function's parameters and what it returns."""

    return_type_id: int
    params: tuple[Param, ...]


@dataclass(frozen=True, slots=True)
class Var(BtfType):
    """A variable; `linkage` 0 static, 1 global, 2 extern."""

    type_id: int
    linkage: int


@dataclass(frozen=True, slots=True)
class Datasec(BtfType):
    """An ELF section of `size` bytes and the variables in it."""

    size: int
    variables: tuple[DatasecVar, ...]


@dataclass(frozen=True, slots=True)
class Float(BtfType):
    """A floating-point number of `size` bytes."""

    size: int


@dataclass(frozen=True, slots=True)
class DeclTag(BtfType):
    """A tag (its name) on a declaration.

    Attributes:
        type_id: The struct, union, function, variable or typedef that is tagged.
        component_index: The member or parameter that is tagged; -1: the declaration itself.
        attribute: The name is a compiler attribute (`__attribute__((name))`).
    """

    type_id: int
    component_index: int
    attribute: bool = False
