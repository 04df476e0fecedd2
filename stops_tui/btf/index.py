"""Where each type starts: types follow each other without an index, so one is made, lazily."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import compress, repeat

from stops_tui.btf.decode import kind_of, words_of
from stops_tui.btf.types import BtfError, Kind


class TypeIndex:
    """The offsets of a type section's types, in words of 4 bytes, known as far as needed.

    Places count from 0: the type at place 0 has the first id of its BTF.
    """

    def __init__(self, section: memoryview, order: str, start: int) -> None:
        """Index nothing yet.

        Args:
            section: The type section, a multiple of 4 bytes long.
            order: Its byte order: "<" or ">".
            start: Its offset in the BTF data, which errors add to theirs.
        """
        self._section = section
        self._native = order == ("<" if sys.byteorder == "little" else ">")
        self._start = start
        self._offsets = array("I")
        self._next = 0

    def __len__(self) -> int:
        """How many types there are."""
        self._reach(sys.maxsize)
        return len(self._offsets)

    def offset(self, place: int) -> int:
        """Where a type starts, in bytes from the start of the BTF data."""
        self._reach(place + 1)
        if place >= len(self._offsets):
            raise BtfError("no type has so high an id", self._start + 4 * self._next)
        return self._start + 4 * self._offsets[place]

    def named(self, names: Iterable[int], kind: Kind) -> Iterator[int]:
        """The places of the types of this kind with one of these string offsets, in order."""
        wanted = set(names)
        places = compress(range(len(self)), map(wanted.__contains__, self._names))
        return (p for p in places if kind_of(self._words[self._offsets[p] + 1]) == kind)

    @cached_property
    def _words(self) -> Sequence[int]:
        """The section as numbers; copied only if its byte order is not this machine's."""
        if self._native:
            return self._section.cast("I")
        words = array("I", self._section.tobytes())
        words.byteswap()
        return words

    @cached_property
    def _names(self) -> array[int]:
        """The string offset of each type's name."""
        return array("I", map(self._words.__getitem__, self._offsets))

    def _reach(self, count: int) -> None:
        """Know the first `count` types. This loop is most of what opening a BTF costs."""
        words, offset, offsets = self._words, self._next, self._offsets
        if offset >= len(words) or count <= len(offsets):
            return
        lengths: dict[int, int] = {}  # by info word: vmlinux has a few hundred different
        try:
            for _ in repeat(None, min(count, len(words)) - len(offsets)):
                info = words[offset + 1]
                if info not in lengths:
                    lengths[info] = self._length(info, offset)
                offsets.append(offset)
                offset += lengths[info]
        except IndexError:
            pass  # the end: offset + 1 is no word of the section
        finally:
            self._next = offset
        self._check_end()

    def _length(self, info: int, offset: int) -> int:
        words = words_of(info)
        if words is None:
            raise BtfError(f"kind {kind_of(info)} is unknown", self._start + 4 * offset)
        return words

    def _check_end(self) -> None:
        """Types must end where their section ends; one that does not is no type."""
        left = len(self._words) - self._next
        if left < 0:
            self._next = self._offsets.pop()
        if left < 0 or left == 1:
            raise BtfError("the last type is cut off", self._start + 4 * self._next)
