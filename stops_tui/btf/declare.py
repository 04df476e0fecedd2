"""Declarations and definitions in the words of `bpftool btf dump … format c` (btf_dump.c)."""

from __future__ import annotations

from stops_tui.btf.btf import Btf
from stops_tui.btf.chain import QUALIFIER, chain
from stops_tui.btf.layout import Alignments, end_of, padding
from stops_tui.btf.text import Text
from stops_tui.btf.types import Array, BtfType, Composite, Enum, FuncProto, Fwd, Kind, Ptr, Ref


class Declaration:
    """One type, put into words once: by `text` or by `body`."""

    def __init__(self, btf: Btf, type_id: int, *, inline: bool = True) -> None:
        """Write nothing yet.

        Args:
            btf: Where the types are.
            type_id: What to declare or define.
            inline: Write nameless structs, unions and enums out.
        """
        self._btf = btf
        self._type_id = type_id
        self._inline = inline
        self._alignments = Alignments(btf)
        self._out = Text(btf.offset_of(type_id))

    def text(self, name: str = "") -> str:
        """The declaration of something of this type; without a name the type alone."""
        self._declare(self._type_id, name, 0)
        return str(self._out)

    def body(self) -> str:
        """The definition of this struct, union or enum."""
        found = self._btf.type(self._type_id)
        if isinstance(found, Composite):
            self._composite(found, 0)
        elif isinstance(found, Enum):
            self._enum(found, 0)
        return str(self._out)

    def _declare(self, type_id: int, name: str, level: int) -> None:
        with self._out.deeper():
            self._words(chain(self._btf, type_id), name, level)

    def _words(self, rest: list[BtfType], name: str, level: int) -> None:
        """Write a chain from its end, the base type; what is inside parentheses by recursion."""
        after_star = True
        while rest:
            found = rest.pop()
            match found:
                case Ptr():
                    self._out.add("*" if after_star else " *")
                case Array():
                    self._array(found, rest, name, level, after_star)
                    return
                case FuncProto():
                    self._function(found, rest, name, level, after_star)
                    return
                case Ref(kind=kind) if kind in QUALIFIER:
                    self._out.add(" " + QUALIFIER[kind])
                case Ref(kind=Kind.TYPE_TAG):
                    self._qualifiers(rest)
                    tag = found.name if found.attribute else f'btf_type_tag("{found.name}")'
                    self._out.add(f" __attribute__(({tag}))")
                case _:
                    self._qualifiers(rest)
                    self._base(found, level)
            after_star = isinstance(found, Ptr)
        self._name(name, after_star)

    def _name(self, name: str, after_star: bool) -> None:
        self._out.add(f" {name}" if name and not after_star else name)

    def _qualifiers(self, rest: list[BtfType]) -> None:
        """Qualifiers of a base type are written before it."""
        while rest and rest[-1].kind in QUALIFIER:
            self._out.add(QUALIFIER[rest.pop().kind] + " ")

    def _array(
        self, found: Array, rest: list[BtfType], name: str, level: int, after_star: bool
    ) -> None:
        _drop_qualifiers(rest)
        if not rest:
            self._name(name, after_star)
        else:
            flat = isinstance(rest[-1], Array)
            self._out.add(" " if name and not after_star else "")
            self._out.add("" if flat else "(")
            self._words(rest, name, level)
            self._out.add("" if flat else ")")
        self._out.add(f"[{found.length}]")

    def _function(
        self, found: FuncProto, rest: list[BtfType], name: str, level: int, after_star: bool
    ) -> None:
        _drop_qualifiers(rest)
        if rest:
            self._out.add(" (")
            self._words(rest, name, level)
            self._out.add(")")
        else:
            self._name(name, after_star)
        self._out.add("(")
        self._params(found, level)
        self._out.add(")")

    def _params(self, found: FuncProto, level: int) -> None:
        if not found.params or (len(found.params) == 1 and not found.params[0].type_id):
            self._out.add("void")
            return
        last = len(found.params) - 1
        for place, param in enumerate(found.params):
            self._out.add(", " if place else "")
            if place == last and not param.type_id:
                self._out.add("...")
            else:
                self._declare(param.type_id, param.name, level)

    def _base(self, found: BtfType, level: int) -> None:
        match found:
            case Composite() | Enum() if not found.name and not self._inline:
                self._out.add(_keyword(found) + " {...}")
            case Composite() if not found.name:
                self._composite(found, level)
            case Enum() if not found.name:
                self._enum(found, level)
            case Composite() | Enum() | Fwd():
                self._out.add(f"{_keyword(found)} {found.name}")
            case _:
                self._out.add(found.name)

    def _composite(self, found: Composite, level: int) -> None:
        struct = found.kind is Kind.STRUCT
        packed = struct and self._alignments.packed(found)
        self._out.add(f"{_titled(found)} {{")
        end, bitfield = 0, False
        for member in found.members:
            alignment = 1 if packed else self._alignments.of(member.type_id)
            within = bitfield and member.bit_size != 0
            self._pad(end, member.bit_offset, alignment, within, level + 1)
            self._line(level + 1)
            self._declare(member.type_id, member.name, level + 1)
            self._out.add(f": {member.bit_size};" if member.bit_size else ";")
            end, bitfield = end_of(self._btf, member), member.bit_size != 0
        if struct:
            self._pad(end, 8 * found.size, self._alignments.of(found.id), False, level + 1)
        if found.members or found.size:
            self._line(level)
        self._out.add("} __attribute__((packed))" if packed else "}")

    def _pad(self, start: int, end: int, alignment: int, within: bool, level: int) -> None:
        for pad in padding(start, end, alignment, within):
            self._line(level)
            self._out.add(pad + ";")

    def _line(self, level: int) -> None:
        self._out.add("\n" + "\t" * level)

    def _enum(self, found: Enum, level: int) -> None:
        self._out.add(_titled(found))
        if not found.values:
            return
        suffix = _suffix(found)
        self._out.add(" {")
        for name, value in found.values:
            self._line(level + 1)
            self._out.add(f"{name} = {value}{suffix},")
        self._line(level)
        self._out.add("}" + _enum_mode(found))


def _drop_qualifiers(rest: list[BtfType]) -> None:
    """Qualifiers of an array or a function mean nothing; GCC emits them all the same."""
    while rest and rest[-1].kind in QUALIFIER:
        rest.pop()


def _keyword(found: Composite | Enum | Fwd) -> str:
    match found:
        case Enum():
            return "enum"
        case Fwd():
            return "union" if found.union else "struct"
    return found.kind.name.lower()


def _titled(found: Composite | Enum) -> str:
    return f"{_keyword(found)} {found.name}" if found.name else _keyword(found)


def _suffix(found: Enum) -> str:
    if found.kind is Kind.ENUM:
        return ""
    return "LL" if found.signed else "ULL"


def _enum_mode(found: Enum) -> str:
    """The attribute that gives an enum a size it would not have by its values."""
    if found.size == 1:
        return " __attribute__((mode(byte)))"
    wide = any(value >> 32 for _, value in found.values)
    return " __attribute__((mode(word)))" if found.size == 8 and not wide else ""
