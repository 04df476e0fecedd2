"""A BTF with only some of its types, which keep their ids.

What is wanted stays whole, with all that it holds by value. A struct that is only pointed to is
declared, not defined: its name says enough. Every other type becomes a nameless declaration of 12
bytes, all alike, so that ids, by which maps and programs name their types, still hold; a hundred
thousand of them compress to two kilobytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from stops_tui.btf.btf import Btf
from stops_tui.btf.decode import WORDS, kind_of
from stops_tui.btf.types import (
    Array,
    BtfType,
    Composite,
    Datasec,
    DeclTag,
    Func,
    FuncProto,
    Kind,
    Ptr,
    Ref,
    Var,
)

_UNION: Final = 1 << 31
"""kind_flag of a BTF_KIND_FWD."""
_NAMED_ENTRIES: Final = (Kind.STRUCT, Kind.UNION, Kind.ENUM, Kind.ENUM64, Kind.FUNC_PROTO)
"""Kinds whose vlen entries each start with a name."""


def subset(btfs: Sequence[Btf], wanted: Sequence[Iterable[int]]) -> list[bytes]:
    """The data of BTFs with the same type ids, of which only the wanted ones say anything.

    Args:
        btfs: First one that is not split, then any that are split on it.
        wanted: The ids that are to stay whole, of each BTF.

    Returns:
        The data of each, in the byte order it had; those of the split ones continue the first.

    Raises:
        BtfError: A BTF is wrong where it had to be read.
    """
    base = btfs[0]
    kept = [_Kept(btf).follow(ids) for btf, ids in zip(btfs, wanted, strict=True)]
    for split in kept[1:]:
        kept[0].follow_all(visit for visit in split.visits if visit[0] < len(base))
    first = _Writer(base, 1, 0)
    written = [first.write(kept[0])]
    for btf, split in zip(btfs[1:], kept[1:], strict=True):
        written.append(_Writer(btf, len(base), len(first.strings)).write(split))
    return written


class _Kept:
    """Which types stay whole, and which structs are only declared.

    Attributes:
        visits: Each type that was come to, and whether only by pointers.
    """

    def __init__(self, btf: Btf) -> None:
        self._btf = btf
        self.visits: set[tuple[int, bool]] = set()

    def follow(self, wanted: Iterable[int]) -> _Kept:
        """Keep these types whole, and what they need."""
        self.follow_all((type_id, False) for type_id in wanted)
        return self

    def follow_all(self, visits: Iterable[tuple[int, bool]]) -> None:
        """Visit these types, and what they need."""
        left = list(visits)
        while left:
            visit = left.pop()
            if visit in self.visits:
                continue
            self.visits.add(visit)
            type_id, pointed_to = visit
            found = self._btf.type(type_id)
            if not (pointed_to and _is_declared(found)):
                inherited = pointed_to and isinstance(found, Ref | Array)
                by_pointer = isinstance(found, Ptr) or inherited
                left.extend((part, by_pointer) for part in _parts(found))

    def declared(self, type_id: int) -> Composite | None:
        """The struct or union of this id, if nothing needs more of it than its name."""
        found = self._btf.type(type_id)
        whole = (type_id, False) in self.visits
        return found if isinstance(found, Composite) and found.name and not whole else None


def _is_declared(found: BtfType) -> bool:
    """Whether C could name the type without its definition."""
    return isinstance(found, Composite) and bool(found.name)


def _parts(found: BtfType) -> Iterator[int]:
    """The ids that a type refers to."""
    match found:
        case Composite():
            yield from (member.type_id for member in found.members)
        case FuncProto():
            yield found.return_type_id
            yield from (param.type_id for param in found.params)
        case Array():
            yield from (found.element_type_id, found.index_type_id)
        case Datasec():
            yield from (variable.type_id for variable in found.variables)
        case Ptr() | Ref() | Func() | Var() | DeclTag():
            yield found.type_id
        case _:
            pass


class _Writer:
    """Header, types and strings of one BTF.

    Args:
        btf: Where the types are from.
        first_id: The id of its first type.
        first_string: The offset of its first string.
    """

    def __init__(self, btf: Btf, first_id: int, first_string: int) -> None:
        self._btf = btf
        self._first_id = first_id
        self._first_string = first_string
        self._order = "<" if btf.byteorder == "little" else ">"
        self._known = {"": 0}
        self.strings = bytearray(b"" if first_string else b"\0")

    def write(self, kept: _Kept) -> bytes:
        """The data with these types, the others declared without a name."""
        nothing = struct.pack(self._order + "3I", 0, Kind.FWD << 24, 0)
        types = bytearray()
        next_id = self._first_id
        for type_id in sorted({visit[0] for visit in kept.visits}):
            if type_id >= self._first_id:
                types += nothing * (type_id - next_id)
                declared = kept.declared(type_id)
                types += self._declaration(declared) if declared else self._copy(type_id)
                next_id = type_id + 1
        types += nothing * (len(self._btf) - next_id)
        sizes = (0, len(types), len(types), len(self.strings))
        header = struct.pack(self._order + "HBB5I", 0xEB9F, 1, 0, 24, *sizes)
        return bytes(header + types + self.strings)

    def _declaration(self, found: Composite) -> bytes:
        """`struct X;`."""
        info = Kind.FWD << 24 | (_UNION if found.kind is Kind.UNION else 0)
        return struct.pack(self._order + "3I", self._string(found.name), info, 0)

    def _copy(self, type_id: int) -> bytes:
        """A type as it is, its names in these strings."""
        raw = self._btf.raw(type_id)
        words = list(struct.unpack(f"{self._order}{len(raw) // 4}I", raw))
        kind = Kind(kind_of(words[1]))
        fixed, each = WORDS[kind]
        named = range(fixed, len(words), each) if kind in _NAMED_ENTRIES else ()
        for place in (0, *named):
            words[place] = self._string(self._btf.string(words[place]))
        return struct.pack(f"{self._order}{len(words)}I", *words)

    def _string(self, text: str) -> int:
        """Where a string is, added if it is not there yet."""
        if text not in self._known:
            self._known[text] = self._first_string + len(self.strings)
            self.strings += text.encode() + b"\0"
        return self._known[text]
