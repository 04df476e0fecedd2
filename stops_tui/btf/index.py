"""Where each type starts: types follow each other without an index, so one is made, lazily."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import compress, repeat
from threading import Lock
from typing import NoReturn

from stops_tui.btf.decode import WORDS, kind_of, vlen_of
from stops_tui.btf.header import Header
from stops_tui.btf.types import BtfError, Kind


class TypeIndex:
    """The offsets of a BTF's types, in words of 4 bytes, known as far as needed.

    Places count from 0: the type at place 0 has the first id of its BTF.
    """

    def __init__(self, data: bytes, header: Header) -> None:
        """Index nothing yet."""
        self._section = memoryview(data)[header.types.start : header.types.stop]
        self._native = header.order == ("<" if sys.byteorder == "little" else ">")
        self._start = header.types.start
        self._layout: Mapping[int, tuple[int, int]] = {**header.layout, **WORDS}
        self._offsets = array("I")  # grows at its end only, and by whole types only
        self._next = 0
        self._growing = Lock()

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

    def end(self, place: int) -> int:
        """Where a type ends, in bytes from the start of the BTF data."""
        offset = (self.offset(place) - self._start) // 4
        return self._start + 4 * (offset + self._length(self._words[offset + 1], offset))

    def named(self, names: Iterable[int], kind: Kind) -> Iterator[int]:
        """The places of the types of this kind with one of these string offsets, in order."""
        wanted, count = set(names), len(self)  # a BTF that is wrong says so, whatever is wanted
        if not wanted:
            return iter(())
        places = compress(range(count), map(wanted.__contains__, self._names))
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
        """Know the first `count` types."""
        if count <= len(self._offsets):
            return
        with self._growing:
            found = array("I")
            try:
                self._walk(min(count, len(self._words)) - len(self._offsets), found)
            finally:
                self._offsets += found

    def _walk(self, count: int, found: array[int]) -> None:
        """Append where the next `count` types start: most of what opening a BTF costs."""
        words, offset, add = self._words, self._next, found.append
        lengths: dict[int, int] = {}  # by info word: vmlinux has a few hundred different
        try:
            for _ in repeat(None, count):
                info = words[offset + 1]
                try:
                    length = lengths[info]
                except KeyError:
                    length = lengths[info] = self._length(info, offset)
                add(offset)
                offset += length
        except IndexError:  # offset + 1 is no word of the section
            if offset < len(words):
                self._refuse(offset)
        finally:
            self._next = offset
        if offset > len(words):
            self._next = found.pop()
            self._refuse(self._next)

    def _refuse(self, offset: int) -> NoReturn:
        raise BtfError("the last type is cut off", self._start + 4 * offset)

    def _length(self, info: int, offset: int) -> int:
        """Words that a type with this info takes."""
        if kind_of(info) not in self._layout:
            raise BtfError(f"kind {kind_of(info)} is unknown", self._start + 4 * offset)
        fixed, each = self._layout[kind_of(info)]
        return fixed + each * vlen_of(info)
