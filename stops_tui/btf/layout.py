"""How a compiler would lay a struct out, to tell where BTF's layout must be forced in C text."""

from __future__ import annotations

from collections.abc import Iterator

from stops_tui.btf.btf import POINTER_SIZE, Btf
from stops_tui.btf.text import MAX_DEPTH
from stops_tui.btf.types import Array, BtfError, Composite, Enum, Field, Float, Int, Ptr

# What fills holes: type and bits, the widest first.
_PADS = (("long", 64), ("int", 32), ("short", 16), ("char", 8))


class Alignments:
    """The alignment of types, each worked out once."""

    def __init__(self, btf: Btf) -> None:
        self._btf = btf
        self._known: dict[int, int] = {}

    def of(self, type_id: int, depth: int = 0) -> int:
        """Bytes a type is aligned to; 1 for packed structs and what has no alignment."""
        if depth > MAX_DEPTH:
            raise BtfError("types nested without end", self._btf.offset_of(type_id))
        if type_id not in self._known:
            self._known[type_id] = self._of(type_id, depth)
        return self._known[type_id]

    def packed(self, found: Composite) -> bool:
        """Whether only a packed struct can look like this one."""
        return self._packed(found, [self.of(member.type_id) for member in found.members])

    def _of(self, type_id: int, depth: int) -> int:
        match found := self._btf.resolve(type_id):
            case Int() | Enum() | Float():
                return min(POINTER_SIZE, found.size) or 1
            case Ptr():
                return POINTER_SIZE
            case Array():
                return self.of(found.element_type_id, depth + 1)
            case Composite():
                members = [self.of(member.type_id, depth + 1) for member in found.members]
                return 1 if self._packed(found, members) else max(members, default=1)
        return 1

    @staticmethod
    def _packed(found: Composite, alignments: list[int]) -> bool:
        return found.size % max(alignments, default=1) != 0 or any(
            not member.bit_size and member.bit_offset % (8 * alignment)
            for member, alignment in zip(found.members, alignments, strict=True)
        )


def end_of(btf: Btf, member: Field) -> int:
    """The bit after a member."""
    if member.bit_size:
        return member.bit_offset + member.bit_size
    return member.bit_offset + 8 * btf.size_of(member.type_id)


def padding(start: int, end: int, alignment: int, in_bitfield: bool) -> Iterator[str]:
    """Unnamed bitfields that bring the compiler from bit `start` to bit `end`.

    Args:
        start: The bit after the last member.
        end: The bit where the next member, or the struct's end, shall be.
        alignment: Bytes that what follows is aligned to anyway.
        in_bitfield: A bitfield is before and after.
    """
    if start >= end:
        return
    name, bits = next(pad for pad in _PADS if _up(start, pad[1]) <= end or pad is _PADS[-1])
    mark = _up(start, bits)
    if start < mark <= end:
        at_end = mark == end and _up(start, 8 * alignment) != mark
        if in_bitfield or at_end or (mark != end and end - mark <= mark - start):
            yield f"{name}: {mark - start if in_bitfield else 0}"
        start = mark
    while end - start >= bits:
        yield f"{name}: {bits}"
        start += bits
    if start < end:
        yield f"{next(pad for pad, size in reversed(_PADS) if size >= end - start)}: {end - start}"


def _up(value: int, step: int) -> int:
    """Round up to a multiple."""
    return -(-value // step) * step
