"""What BTF describes: one record for each shape of type (include/uapi/linux/btf.h).

All have `id`, the type id in its BTF (a split BTF continues its base's); `kind`, BTF_KIND_*; and
`name`, "" for a type without one.
"""

from __future__ import annotations

from enum import IntEnum

from stops_tui.record import Record


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


class Field(Record):
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


class EnumValue(Record):
    """One name of an enum."""

    name: str
    value: int


class Param(Record):
    """One parameter of a function; without name and type (0) it is the `...` at the end."""

    name: str
    type_id: int


class DatasecVar(Record):
    """One variable in a data section: bytes from the section's start, and bytes long."""

    type_id: int
    offset: int
    size: int


class Void(Record):
    """`void`: type id 0."""

    id: int
    kind: Kind
    name: str


class Int(Record):
    """An integer, boolean or character of `size` bytes.

    Attributes:
        size: Bytes of storage.
        bits: Bits of the value; fewer than 8 * `size` in old BTF's bitfields only.
        bit_offset: Where the value starts in its storage, in bits; old BTF's bitfields only.
        signed: BTF_INT_SIGNED.
        char: BTF_INT_CHAR.
        boolean: BTF_INT_BOOL.
    """

    id: int
    kind: Kind
    name: str
    size: int
    bits: int
    bit_offset: int
    signed: bool
    char: bool
    boolean: bool


class Ptr(Record):
    """A pointer to `type_id`."""

    id: int
    kind: Kind
    name: str
    type_id: int


class Array(Record):
    """An array of `length` elements of `element_type_id`."""

    id: int
    kind: Kind
    name: str
    element_type_id: int
    index_type_id: int
    length: int


class Composite(Record):
    """A struct or union of `size` bytes."""

    id: int
    kind: Kind
    name: str
    size: int
    members: tuple[Field, ...]


class Enum(Record):
    """An ENUM or ENUM64 of `size` bytes; `values` in the order of the declaration."""

    id: int
    kind: Kind
    name: str
    size: int
    signed: bool
    values: tuple[EnumValue, ...]

    def name_of(self, value: int) -> str | None:
        """The first name with this value."""
        return next((name for name, number in self.values if number == value), None)


class Fwd(Record):
    """A struct, or union, that is declared and not defined."""

    id: int
    kind: Kind
    name: str
    union: bool


class Ref(Record):
    """A TYPEDEF, VOLATILE, CONST, RESTRICT or TYPE_TAG of `type_id`.

    Attributes:
        type_id: The type that is renamed or qualified.
        attribute: A TYPE_TAG whose name is a compiler attribute (`__attribute__((name))`).
    """

    id: int
    kind: Kind
    name: str
    type_id: int
    attribute: bool = False


class Func(Record):
    """A function; `type_id` is its FUNC_PROTO, `linkage` 0 static, 1 global, 2 extern."""

    id: int
    kind: Kind
    name: str
    type_id: int
    linkage: int


class FuncProto(Record):
    """A function's parameters and what it returns."""

    id: int
    kind: Kind
    name: str
    return_type_id: int
    params: tuple[Param, ...]


class Var(Record):
    """A variable; `linkage` 0 static, 1 global, 2 extern."""

    id: int
    kind: Kind
    name: str
    type_id: int
    linkage: int


class Datasec(Record):
    """An ELF section of `size` bytes and the variables in it."""

    id: int
    kind: Kind
    name: str
    size: int
    variables: tuple[DatasecVar, ...]


class Float(Record):
    """A floating-point number of `size` bytes."""

    id: int
    kind: Kind
    name: str
    size: int


class DeclTag(Record):
    """A tag (its name) on a declaration.

    Attributes:
        type_id: The struct, union, function, variable or typedef that is tagged.
        component_index: The member or parameter that is tagged; -1: the declaration itself.
        attribute: The name is a compiler attribute (`__attribute__((name))`).
    """

    id: int
    kind: Kind
    name: str
    type_id: int
    component_index: int
    attribute: bool = False


BtfType = (
    Void
    | Int
    | Ptr
    | Array
    | Composite
    | Enum
    | Fwd
    | Ref
    | Func
    | FuncProto
    | Var
    | Datasec
    | Float
    | DeclTag
)
"""Any type; each has `id`, `kind` and `name`, whatever else it has."""
