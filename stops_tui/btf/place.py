"""Where a member is in a struct of the kernel, however deep."""

from __future__ import annotations

from functools import lru_cache

from stops_tui.btf.btf import Btf
from stops_tui.btf.text import MAX_DEPTH
from stops_tui.btf.types import BtfError, Composite, Kind


@lru_cache(maxsize=64)  # finding a name in vmlinux takes some ms
def place_of(btf: Btf, struct: str, path: str) -> int:
    """Bytes from the start of `struct` to a member, or to a member of a member: "ipv4.sysctl_x".

    Raises:
        BtfError: There is no such struct or member.
    """
    type_id = btf.find(struct, Kind.STRUCT)
    if type_id is None:
        raise BtfError(f"this kernel has no struct {struct}", 0)
    at = 0
    for name in path.split("."):
        found = _member(btf, type_id, name, MAX_DEPTH)
        if found is None:
            raise BtfError(f"struct {struct} has no {path}", btf.offset_of(type_id))
        bits, type_id = found
        at += bits // 8
    return at


def _member(btf: Btf, type_id: int, name: str, depth: int) -> tuple[int, int] | None:
    """The bit offset and type of a member, also of one in an anonymous struct or union."""
    composite = btf.resolve(type_id)
    if not isinstance(composite, Composite) or not depth:
        return None
    for field in composite.members:
        if field.name == name:
            return field.bit_offset, field.type_id
        if not field.name and (inner := _member(btf, field.type_id, name, depth - 1)):
            return field.bit_offset + inner[0], inner[1]
    return None
