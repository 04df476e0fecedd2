"""BTF made by hand: bytes in either byte order, whole or split on a base, for tests.

Every method adds one type and returns its id:

    kernel = BtfBuilder()
    u32 = kernel.integer("u32", 4)
    state = kernel.enum("state", {"INIT": 0, "INUSE": 1})
    ops = kernel.struct("my_ops", 16, [("flags", u32, 0), ("state", state, 32)])
    btf = Btf.parse(kernel.data())
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence

from stops_tui.btf import Btf, Kind


class BtfBuilder:
    """Types and strings as they are added; `data()` is the BTF of all of them."""

    def __init__(self, order: str = "<", base: BtfBuilder | None = None) -> None:
        """Start with no type.

        Args:
            order: The byte order: "<" little, ">" big.
            base: What this BTF is split on; it must not grow afterwards.
        """
        self.order = order
        self.base = base
        self.next_id: int = base.next_id if base else 1
        self.types = b""
        self.strings = b"" if base else b"\0"
        self._first_string: int = base._first_string + len(base.strings) if base else 0

    def data(self) -> bytes:
        """The header, the types and the strings."""
        sizes = (0, len(self.types), len(self.types), len(self.strings))
        return self._pack("HBBIIIII", 0xEB9F, 1, 0, 24, *sizes) + self.types + self.strings

    def btf(self) -> Btf:
        """The same, parsed, on its base."""
        return Btf.parse(self.data(), self.base.btf() if self.base else None)

    def string(self, text: str) -> int:
        """Add a string; its offset. The empty one is always there."""
        if not text:
            return 0
        offset = self._first_string + len(self.strings)
        self.strings += text.encode() + b"\0"
        return offset

    def raw(
        self, kind: int, name: str, last: int, rest: bytes = b"", vlen: int = 0, flag: bool = False
    ) -> int:
        """Add a type: struct btf_type, whose last word is `last`, and what follows it."""
        info = flag << 31 | kind << 24 | vlen
        self.types += self._pack("III", self.string(name), info, last) + rest
        self.next_id += 1
        return self.next_id - 1

    def integer(
        self,
        name: str,
        size: int,
        *,
        signed: bool = False,
        char: bool = False,
        boolean: bool = False,
        bits: int | None = None,
        offset: int = 0,
    ) -> int:
        """INT; `bits` and `offset` only for bitfields as old BTF has them."""
        encoding = signed | char << 1 | boolean << 2
        word = encoding << 24 | offset << 16 | (8 * size if bits is None else bits)
        return self.raw(Kind.INT, name, size, self._pack("I", word))

    def ptr(self, type_id: int) -> int:
        return self.raw(Kind.PTR, "", type_id)

    def array(self, element: int, length: int, index: int = 1) -> int:
        return self.raw(Kind.ARRAY, "", 0, self._pack("III", element, index, length))

    def struct(self, name: str, size: int, members: Iterable[tuple[str, int, int]] = ()) -> int:
        """STRUCT; a member is (name, type id, offset in bits)."""
        return self._composite(Kind.STRUCT, name, size, [(*m, 0) for m in members], False)

    def union(self, name: str, size: int, members: Iterable[tuple[str, int, int]] = ()) -> int:
        """UNION; a member is (name, type id, offset in bits)."""
        return self._composite(Kind.UNION, name, size, [(*m, 0) for m in members], False)

    def bitfields(
        self,
        name: str,
        size: int,
        members: Iterable[tuple[str, int, int, int]],
        kind: Kind = Kind.STRUCT,
    ) -> int:
        """STRUCT or UNION; a member is (name, type id, offset in bits, bits or 0)."""
        return self._composite(kind, name, size, list(members), True)

    def enum(
        self, name: str, values: Mapping[str, int], size: int = 4, *, signed: bool = False
    ) -> int:
        entries = self._entries("Ii" if signed else "II", values.items())
        return self.raw(Kind.ENUM, name, size, entries, len(values), signed)

    def enum64(
        self, name: str, values: Mapping[str, int], size: int = 8, *, signed: bool = False
    ) -> int:
        halves = [(text, value & 0xFFFFFFFF, value >> 32) for text, value in values.items()]
        entries = self._entries("IIi" if signed else "III", halves)
        return self.raw(Kind.ENUM64, name, size, entries, len(values), signed)

    def fwd(self, name: str, *, union: bool = False) -> int:
        return self.raw(Kind.FWD, name, 0, flag=union)

    def typedef(self, name: str, type_id: int) -> int:
        return self.raw(Kind.TYPEDEF, name, type_id)

    def volatile(self, type_id: int) -> int:
        return self.raw(Kind.VOLATILE, "", type_id)

    def const(self, type_id: int) -> int:
        return self.raw(Kind.CONST, "", type_id)

    def restrict(self, type_id: int) -> int:
        return self.raw(Kind.RESTRICT, "", type_id)

    def func(self, name: str, proto: int, linkage: int = 1) -> int:
        """FUNC; `linkage` is 0 static, 1 global, 2 extern."""
        return self.raw(Kind.FUNC, name, proto, vlen=linkage)

    def func_proto(self, returns: int, params: Sequence[tuple[str, int]] = ()) -> int:
        """FUNC_PROTO; a last parameter ("", 0) is `...`."""
        entries = self._entries("II", params)
        return self.raw(Kind.FUNC_PROTO, "", returns, entries, len(params))

    def var(self, name: str, type_id: int, linkage: int = 1) -> int:
        return self.raw(Kind.VAR, name, type_id, self._pack("I", linkage))

    def datasec(self, name: str, size: int, variables: Sequence[tuple[int, int, int]] = ()) -> int:
        """DATASEC; a variable is (type id, offset, size)."""
        entries = b"".join(self._pack("III", *variable) for variable in variables)
        return self.raw(Kind.DATASEC, name, size, entries, len(variables))

    def floating(self, name: str, size: int) -> int:
        return self.raw(Kind.FLOAT, name, size)

    def decl_tag(
        self, name: str, type_id: int, component: int = -1, *, attribute: bool = False
    ) -> int:
        rest = self._pack("i", component)
        return self.raw(Kind.DECL_TAG, name, type_id, rest, flag=attribute)

    def type_tag(self, name: str, type_id: int, *, attribute: bool = False) -> int:
        return self.raw(Kind.TYPE_TAG, name, type_id, flag=attribute)

    def _pack(self, layout: str, *values: int) -> bytes:
        return struct.pack(self.order + layout, *values)

    def _entries(self, layout: str, entries: Iterable[tuple[str, *tuple[int, ...]]]) -> bytes:
        """vlen entries that start with a name."""
        return b"".join(
            self._pack(layout, self.string(text), *numbers) for text, *numbers in entries
        )

    def _composite(
        self, kind: Kind, name: str, size: int, members: list[tuple[str, int, int, int]], flag: bool
    ) -> int:
        entries = self._entries(
            "III", [(text, type_id, bits << 24 | at) for text, type_id, at, bits in members]
        )
        return self.raw(kind, name, size, entries, len(members), flag)
