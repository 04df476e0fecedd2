"""The reader of BTF data (include/uapi/linux/btf.h, Documentation/bpf/btf.rst).

Types follow each other without an index; names are offsets of NUL-terminated strings, any of which
may be the tail of another. A split BTF (a module's) continues the type ids and the string offsets
of its base (vmlinux's).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import islice
from typing import Literal

from stops_tui.btf.decode import decode
from stops_tui.btf.header import Header, read_header
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

_MAX_NAME = 4096  # 8 times the kernel's own limit (KSYM_NAME_LEN)
_MAX_CHAIN = 32  # MAX_RESOLVE_DEPTH in kernel/bpf/btf.c
_MAX_SIZE = 0xFFFFFFFF  # sizes are u32 in the kernel
POINTER_SIZE = 8  # struct_ops exists only where trampolines do: on 64-bit kernels
_VOID = Void(0, Kind.VOID, "void")


class Btf:
    """The types of one BTF object and, if it is split, of its base.

    Nothing is decoded before it is asked for. All methods raise BtfError where the data are wrong;
    one type that is wrong does not hide those before it. Several threads may use it.
    """

    def __init__(self, data: bytes, header: Header, base: Btf | None) -> None:
        """See `parse`."""
        self._data = data
        self._header = header
        self._base = base
        self._index = TypeIndex(data, header)
        self._first_string: int = base._end_string if base is not None else 0
        self._known: dict[int, BtfType] = {0: _VOID}
        self._names: dict[int, str] = {}
        self._found: dict[tuple[bytes, Kind], tuple[int, ...]] = {}

    @classmethod
    def parse(cls, data: bytes, base: Btf | None = None) -> Btf:
        """Check the header and where the sections lie; read nothing else.

        Args:
            data: The whole BTF, in either byte order; a read-only mmap does as well.
            base: What a split BTF continues.
        """
        return cls(data, read_header(data, base is not None), base)

    def __reduce__(self) -> tuple[Callable[..., Btf], tuple[bytes, Btf | None]]:
        """In another process it starts as unread as here."""
        return Btf.parse, (self._data, self._base)

    def __len__(self) -> int:
        """How many type ids there are, with the base's and void's."""
        return self._first_id + len(self._index)

    def __bool__(self) -> bool:
        """True, however many types: asking must not count them."""
        return True

    @property
    def byteorder(self) -> Literal["little", "big"]:
        """The byte order of these data, and of the kernel that wrote them."""
        return "little" if self._header.order == "<" else "big"

    @property
    def data(self) -> bytes:
        """All of its bytes, as they were given; without its base's."""
        return bytes(self._data)

    def type(self, type_id: int) -> BtfType:
        """The type of this id; 0 is void."""
        known = self._known.get(type_id)
        if known is not None:
            return known
        if self._base is not None and type_id < self._first_id:
            return self._base.type(type_id)
        offset = self.offset_of(type_id)
        found = decode(type_id, self._data, offset, self._header.order, self._name)
        self._known[type_id] = found
        return found

    def find(self, name: str, kind: Kind) -> int | None:
        """The lowest id of a type of this name and kind."""
        if self._base is not None and (found := self._base.find(name, kind)) is not None:
            return found
        return next(iter(self._named(_encode(name) + b"\0", kind, most=1)), None)

    def find_prefix(self, prefix: str, kind: Kind) -> Iterator[int]:
        """The ids of all types of this kind whose name starts so, in order.

        The shorter the prefix, the dearer: every place in the strings that fits is a candidate.
        """
        if self._base is not None:
            yield from self._base.find_prefix(prefix, kind)
        yield from self._named(_encode(prefix), kind)

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
        """The string at this offset of the string section (a base's come first), of any length.

        Bytes that are no UTF-8 are shown as backslash escapes.
        """
        if self._base is not None and offset < self._first_string:
            return self._base.string(offset)
        start = self._header.strings.start + offset - self._first_string
        if not self._header.strings.start <= start < self._header.strings.stop:
            raise BtfError(
                f"string offset {offset} is outside the strings", self._header.strings.start
            )
        return self._data[start : self._data.find(b"\0", start)].decode(errors="backslashreplace")

    def offset_of(self, type_id: int) -> int:
        """Where a type starts, in bytes from the start of its own BTF's data; 0 for void."""
        if type_id >= self._first_id:
            return self._index.offset(type_id - self._first_id)
        if self._base is not None:
            return self._base.offset_of(type_id)
        if type_id:
            raise BtfError(f"no type has id {type_id}", 0)
        return 0

    def raw(self, type_id: int) -> bytes:
        """A type as it lies in the data: struct btf_type and what follows; void has none."""
        if self._base is not None and type_id < self._first_id:
            return self._base.raw(type_id)
        start = self.offset_of(type_id)
        return self._data[start : self._index.end(type_id - self._first_id)] if type_id else b""

    def _named(self, start: bytes, kind: Kind, most: int | None = None) -> tuple[int, ...]:
        """The ids of this BTF's own types whose name (and NUL) starts so; searched for once."""
        found = self._found.get((start, kind))
        if found is None:
            places = self._index.named(self._string_offsets(start), kind)
            found = tuple(self._first_id + place for place in islice(places, most))
            self._found[start, kind] = found
        return found

    def _checked_size(self, found: BtfType, size: int) -> int:
        if size > _MAX_SIZE:
            raise BtfError("size overflows", self.offset_of(found.id))
        return size

    def _name(self, offset: int) -> str:
        """The string at this offset, which names something: not a long one."""
        name = self._names.get(offset)
        if name is None:
            name = self.string(offset)
            if len(name) > _MAX_NAME:
                raise BtfError(
                    f"name longer than {_MAX_NAME} characters", self._header.strings.start
                )
            self._names[offset] = name
        return name

    @cached_property
    def _first_id(self) -> int:
        return len(self._base) if self._base is not None else 1

    @property
    def _end_string(self) -> int:
        """The string offset after the last."""
        return self._first_string + self._header.strings.stop - self._header.strings.start

    def _string_offsets(self, wanted: bytes) -> Iterator[int]:
        """Where these bytes are in the strings, in those of the base too."""
        if self._base is not None:
            yield from self._base._string_offsets(wanted)
        start, stop = self._header.strings
        found = self._data.find(wanted, start, stop)
        while found >= 0:
            yield self._first_string + found - start
            found = self._data.find(wanted, found + 1, stop)


def _encode(name: str) -> bytes:
    """A name as it may come from a command line, whose bytes need be no UTF-8."""
    return name.encode(errors="surrogateescape")
