"""What can be implemented in a kernel, by the BTF that it hands out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from stops_tui.btf import BtfError, Composite, Kind
from stops_tui.kernels.kernel import KernelBtf
from stops_tui.kernels.shape import Shape, shape_of

_VALUE = "bpf_struct_ops_"


@dataclass(frozen=True)
class DemoType:
    """One struct_ops type.

    Attributes:
        value_type_id: The BTF id of struct bpf_struct_ops_X.
        shape: What a value's bytes are.
        home: The BTF that it is from.
        size: Bytes of a value.
        members: The names of struct X's members, in order.
    """

    value_type_id: int
    shape: Shape
    home: KernelBtf
    size: int
    members: tuple[str, ...]


def types_of(btfs: Iterable[KernelBtf]) -> dict[int, DemoType]:
    """All types, by the ids of their value types; vmlinux comes before modules split on it."""
    found: dict[int, DemoType] = {}
    for home in btfs:
        for type_id in home.btf.find_prefix(_VALUE, Kind.STRUCT):
            made = None if type_id in found else _type(home, type_id)
            if made:
                found[type_id] = made
    return found


def _type(home: KernelBtf, type_id: int) -> DemoType | None:
    """None: it only has a name like a value struct's."""
    try:
        shape = shape_of(home.btf, type_id)
    except BtfError:
        return None
    struct = home.btf.resolve(shape.type_id)
    members = tuple(m.name for m in struct.members) if isinstance(struct, Composite) else ()
    return DemoType(type_id, shape, home, home.btf.size_of(type_id), members)
