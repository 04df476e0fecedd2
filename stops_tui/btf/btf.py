"""The reader of BTF data.

Layout (include/uapi/linux/btf.h): struct btf_header { u16 magic = 0xEB9F, u8 version = 1, u8 flags,
u32 hdr_len, u32 type_off, u32 type_len, u32 str_off, u32 str_len }, perhaps longer; both offsets
count from the header's end. Types follow each other without an index; names are offsets of
NUL-terminated strings, any of which may be the tail of another.

A split BTF (a module's) continues the type ids and the string offsets of its base (vmlinux's).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import Literal

from stops_tui.btf.decode import decode
from stops_tui.btf.index import TypeIndex
from stops_tui.btf.types import (
    Array,
    BtfError,
    BtfType,
    Composite,
    Datasec,
    Enum,
    Float,
    FuncProto,
    Int,
    Kind,
    Ptr,
    Ref,
    Var,
    Void,
)

_MAGIC = 0xEB9F
_HEADER = 24
_MAX_NAME = 4096  # 8 times the kernel's own limit (KSYM_NAME_LEN)
_MAX_CHAIN = 32  # MAX_RESOLVE_DEPTH in kernel/bpf/btf.c
_MAX_SIZE = 0xFFFFFFFF  # sizes are u32 in the kernel
POINTER_SIZE = 8  # struct_ops exists only where trampolines do: on 64-bit kernels
_VOID = Void(0, Kind.VOID, "void")


class Btf:
    """The types of one BTF object and, if it is split, of its base.

    Nothing is decoded before it is asked for. All methods raise BtfError where the data are wrong;
    one type that is wrong does not hide those before it. Not for several threads at once.
    """

    def __init__(
        self, data: bytes, order: str, types: slice, strings: slice, base: Btf | None
    ) -> None:
        self._data = data
        self._order = order
        self._index = TypeIndex(memoryview(data)[types], order, types.start)
        self._strings = strings
        self._base = base
        self._first_id = len(base) if base else 1
        self._first_string: int = base._end_string if base else 0
        self._known: dict[int, BtfType] = {0: _VOID}
        self._names: dict[int, str] = {}

    @classmethod
    def parse(cls, data: bytes, base: Btf | None = None) -> Btf:
        """Check the header and where the sections lie; read nothing else.

        Args:
            data: The whole BTF, in either byte order.
            base: What a split BTF continues.
        """
        if len(data) < _HEADER:
            raise BtfError("shorter than its header", len(data))
        order = "<" if data[0] == _MAGIC & 0xFF else ">"
        magic, version, _, length, *sections = struct.unpack_from(order + "HBBIIIII", data)
        if magic != _MAGIC:
            raise BtfError("no BTF magic number", 0)
        if version != 1:
            raise BtfError(f"version {version} is unknown", 2)
        if not _HEADER <= length <= len(data):
            raise BtfError(f"header of {length} bytes", 4)
        types = _section(data, length, sections[0], sections[1], 8)
        strings = _section(data, length, sections[2], sections[3], 16)
        if sections[0] % 4 or sections[1] % 4:
            raise BtfError("types are not aligned to 4 bytes", 8)
        _check_strings(data, strings, base is not None)
        return cls(data, order, types, strings, base)

    def __len__(self) -> int:
        """How many type ids there are, with the base's and void's."""
        return self._first_id + len(self._index)

    @property
    def byteorder(self) -> Literal["little", "big"]:
        """The byte order of these data, and of the kernel that wrote them."""
        return "little" if self._order == "<" else "big"

    def type(self, type_id: int) -> BtfType:
        """The type of this id; 0 is void."""
        known = self._known.get(type_id)
        if known is not None:
            return known
        if self._base and type_id < self._first_id:
            return self._base.type(type_id)
        offset = self.offset_of(type_id)
        found = decode(type_id, self._data, offset, self._order, self.string)
        self._known[type_id] = found
        return found

    def find(self, name: str, kind: Kind) -> int | None:
        """The lowest id of a type of this name and kind."""
        if self._base and (found := self._base.find(name, kind)) is not None:
            return found
        pattern = re.compile(re.escape(name.encode()) + b"\0")
        return next(self._named(pattern, kind), None)

    def find_prefix(self, prefix: str, kind: Kind) -> Iterator[int]:
        """The ids of all types of this kind whose name starts so, in order."""
        if self._base:
            yield from self._base.find_prefix(prefix, kind)
        yield from self._named(re.compile(re.escape(prefix.encode())), kind)

    def resolve(self, type_id: int) -> BtfType:
        """The type behind typedefs, const, volatile, restrict and type tags."""
        for _ in range(_MAX_CHAIN):
            found = self.type(type_id)
            if not isinstance(found, Ref):
                return found
            type_id = found.type_id
        raise BtfError("typedefs and qualifiers without end", self.offset_of(type_id))

    def func_proto(self, type_id: int) -> FuncProto | None:
        """The prototype of a function or of what a pointer to function points to; else None."""
        found = self.resolve(type_id)
        if isinstance(found, Ptr):
            found = self.resolve(found.type_id)
        return found if isinstance(found, FuncProto) else None

    def size_of(self, type_id: int) -> int:
        """Bytes of a type, as sizeof tells it; pointers are of 64 bits."""
        count = 1
        for _ in range(_MAX_CHAIN):
            found = self.resolve(type_id)
            match found:
                case Int() | Composite() | Enum() | Float() | Datasec():
                    return self._checked_size(found, count * found.size)
                case Ptr():
                    return self._checked_size(found, count * POINTER_SIZE)
                case Array():
                    count = self._checked_size(found, count * found.length)
                    type_id = found.element_type_id
                case Var():
                    type_id = found.type_id
                case _:
                    raise BtfError(
                        f"{found.kind.name} {found.name} has no size", self.offset_of(found.id)
                    )
        raise BtfError("arrays without end", self.offset_of(type_id))

    def string(self, offset: int) -> str:
        """The string at this offset of the string section (a base's come first).

        Bytes that are no UTF-8 are shown as backslash escapes.
        """
        if self._base and offset < self._first_string:
            return self._base.string(offset)
        name = self._names.get(offset)
        if name is None:
            self._names[offset] = name = self._read_string(offset)
        return name

    def offset_of(self, type_id: int) -> int:
        """Where a type starts, in bytes from the start of its own BTF's data; 0 for void."""
        if type_id >= self._first_id:
            return self._index.offset(type_id - self._first_id)
        if self._base:
            return self._base.offset_of(type_id)
        if type_id:
            raise BtfError(f"no type has id {type_id}", 0)
        return 0

    def _named(self, pattern: re.Pattern[bytes], kind: Kind) -> Iterator[int]:
        """The ids of this BTF's own types whose name starts with the pattern."""
        places = self._index.named(self._string_offsets(pattern), kind)
        return (self._first_id + place for place in places)

    def _checked_size(self, found: BtfType, size: int) -> int:
        if size > _MAX_SIZE:
            raise BtfError("size overflows", self.offset_of(found.id))
        return size

    def _read_string(self, offset: int) -> str:
        start = self._strings.start + offset - self._first_string
        if start >= self._strings.stop:
            raise BtfError(f"string offset {offset} is outside the strings", self._strings.start)
        end = self._data.find(0, start, min(start + _MAX_NAME, self._strings.stop))
        if end < 0:
            raise BtfError(f"name longer than {_MAX_NAME} bytes", start)
        return self._data[start:end].decode(errors="backslashreplace")

    @property
    def _end_string(self) -> int:
        """The string offset after the last."""
        size: int = self._strings.stop - self._strings.start
        return self._first_string + size

    def _string_offsets(self, pattern: re.Pattern[bytes]) -> Iterator[int]:
        """Where the pattern starts in the strings, in those of the base too."""
        if self._base:
            yield from self._base._string_offsets(pattern)
        shift = self._first_string - self._strings.start
        for match in pattern.finditer(self._data, self._strings.start, self._strings.stop):
            yield match.start() + shift


def _section(data: bytes, base: int, offset: int, length: int, where: int) -> slice:
    """A section as a slice of `data`; `where` is the offset of the words that describe it."""
    start = base + offset
    if start + length > len(data):
        raise BtfError("section reaches beyond the data", where)
    return slice(start, start + length)


def _check_strings(data: bytes, strings: slice, split: bool) -> None:
    """The strings end with NUL and, if this is no split BTF, start with the empty one."""
    if strings.start == strings.stop:
        if not split:
            raise BtfError("no strings", 16)
    elif data[strings.stop - 1] != 0:
        raise BtfError("the last string does not end", strings.stop - 1)
    elif not split and data[strings.start] != 0:
        raise BtfError("the first string is not empty", strings.start)
