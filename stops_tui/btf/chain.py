"""From a type through pointers, arrays, qualifiers and returned types to one that stands alone."""

from __future__ import annotations

from stops_tui.btf.btf import Btf
from stops_tui.btf.text import MAX_DEPTH
from stops_tui.btf.types import (
    Array,
    BtfError,
    BtfType,
    Composite,
    Enum,
    Float,
    FuncProto,
    Fwd,
    Int,
    Kind,
    Ptr,
    Ref,
    Void,
)

QUALIFIER = {Kind.CONST: "const", Kind.VOLATILE: "volatile", Kind.RESTRICT: "restrict"}


def chain(btf: Btf, type_id: int) -> list[BtfType]:
    """`int *const x[2]` is array, const, pointer, int: the outermost first, the base type last."""
    found: list[BtfType] = []
    next_id: int | None = type_id
    while next_id is not None:
        if len(found) > MAX_DEPTH:
            raise BtfError("pointers, arrays or qualifiers without end", btf.offset_of(type_id))
        found.append(btf.type(next_id))
        next_id = _target(btf, found[-1])
    return found


def _target(btf: Btf, found: BtfType) -> int | None:
    match found:
        case Ref(kind=Kind.TYPEDEF) | Void() | Int() | Float() | Composite() | Enum() | Fwd():
            return None
        case Ptr() | Ref():
            return found.type_id
        case Array():
            return found.element_type_id
        case FuncProto():
            return found.return_type_id
    raise BtfError(f"{found.kind.name} where a type should be", btf.offset_of(found.id))
