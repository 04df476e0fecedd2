"""A map as `bpftool struct_ops dump` tells it, and as C that a person reads.

bpftool's wording is that of tools/bpf/bpftool/btf_dumper.c and struct_ops.c.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from stops_tui.btf import (
    Array,
    Btf,
    BtfError,
    Composite,
    Enum,
    Field,
    Float,
    Int,
    Kind,
    Ptr,
)
from stops_tui.btf.c import type_text
from stops_tui.struct_ops.inventory import Program, StructOpsMap
from stops_tui.struct_ops.members import MemberValue
from stops_tui.struct_ops.scalars import (
    DecodeError,
    bitfield,
    floating,
    integer,
    is_char_array,
    part,
)
from stops_tui.struct_ops.text import printable

_NODES = 1 << 16  # parts of one value; more are no value, but a hostile BTF
_DEPTH = 32

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None


def dump_json(
    map_: StructOpsMap, programs: Mapping[int, Program], vmlinux: Btf
) -> list[dict[str, Json]]:
    """What `bpftool -j struct_ops dump` prints of one map, as parsed JSON.

    Args:
        map_: The map.
        programs: Those behind its members, by id (`Snapshot.programs`).
        vmlinux: The kernel's own BTF, for struct bpf_map_info.

    Returns:
        Two objects: {"bpf_map_info": …} and {"bpf_struct_ops_X": …}.

    Raises:
        DecodeError: The map's type is unknown, its value too short, or the BTF contradicts itself.
    """
    if map_.type is None:
        raise DecodeError(map_.problem)
    btf, value_type_id = map_.type.btf, map_.type.value_type_id
    try:
        info_type_id = _info_type_id(vmlinux)
        # An older kernel's info may be shorter than the struct; what it does not tell reads 0.
        info = map_.raw.info.ljust(vmlinux.size_of(info_type_id), b"\0")
        return [
            {"bpf_map_info": _Json(vmlinux, info, {}).value(info_type_id, 0)},
            {
                btf.type(value_type_id).name: _Json(btf, map_.raw.value, programs).value(
                    value_type_id, 0
                )
            },
        ]
    except BtfError as error:
        raise DecodeError(str(error)) from error


@lru_cache(maxsize=2)
def _info_type_id(vmlinux: Btf) -> int:
    """The id of struct bpf_map_info; looked up once, as finding a name reads all names."""
    return vmlinux.find("bpf_map_info", Kind.STRUCT) or 0


def members_json(btf: Btf, value: bytes, fields: Iterable[Field]) -> Iterator[Json]:
    """Each of these members of a struct that starts where the value does, in bpftool's JSON.

    Raises:
        DecodeError: The value is too short, or the BTF contradicts itself.
    """
    reader = _Json(btf, value, {})
    try:
        for field in fields:
            yield reader.member(field, 0)
    except BtfError as error:
        raise DecodeError(str(error)) from error


class _Json:
    """Parts of one value, each in bpftool's JSON."""

    def __init__(self, btf: Btf, value: bytes, programs: Mapping[int, Program]) -> None:
        self._btf = btf
        self._value = value
        self._programs = programs
        self._left = _NODES

    def value(self, type_id: int, offset: int, depth: int = _DEPTH) -> Json:
        """The part of this type at `offset` bytes."""
        self._left -= 1
        if not depth or self._left < 0:
            raise DecodeError("its parts have no end")
        found = self._btf.resolve(type_id)
        match found:
            case Composite():
                return {m.name: self.member(m, offset, depth - 1) for m in found.members}
            case Array():
                return self._array(found, offset, depth - 1)
            case Ptr():
                return self._pointer(found, offset)
            case Enum():
                return self._enum(found, offset)
            case Int():
                return self._int(found, offset)
            case Float():
                return floating(self._btf, self._value, offset, found)
        raise DecodeError(f"a value of kind {found.kind.name}")

    def member(self, member: Field, base: int, depth: int = _DEPTH) -> Json:
        """A member of a struct that starts at `base` bytes."""
        at = 8 * base + member.bit_offset
        if member.bit_size:
            return hex(bitfield(self._btf, self._value, at, member.bit_size))
        found = self._btf.resolve(member.type_id)
        if at % 8 and isinstance(found, Int):  # a bitfield of BTF without its kind flag
            return hex(bitfield(self._btf, self._value, at + found.bit_offset, found.bits))
        return self.value(member.type_id, at // 8, depth)

    def _array(self, array: Array, offset: int, depth: int) -> Json:
        size = self._btf.size_of(array.element_type_id)
        if is_char_array(self._btf, array):
            string, nul, _ = part(self._value, offset, array.length).partition(b"\0")
            if nul and all(0x1F < byte < 0x7F for byte in string):
                return string.decode("ascii")
        return [
            self.value(array.element_type_id, offset + index * size, depth)
            for index in range(array.length)
        ]

    def _pointer(self, pointer: Ptr, offset: int) -> Json:
        number = integer(self._btf, self._value, offset, pointer)
        if number >> 32 or self._btf.func_proto(pointer.id) is None:
            return number
        return f"{type_text(self._btf, pointer.id)} {self._program(number)}"

    def _program(self, prog_id: int) -> str:
        if not prog_id:
            return "0"
        program = self._programs.get(prog_id)
        # bpftool asks the program's BTF alone; without it there is no prototype either.
        name = program.name if program and program.prototype else "<unknown_prog_name>"
        return f"{name}/prog_id:{prog_id}"

    def _enum(self, enum: Enum, offset: int) -> Json:
        raw = part(self._value, offset, enum.size)
        number = int.from_bytes(raw, self._btf.byteorder, signed=True)
        wide = 64 if enum.kind is Kind.ENUM64 else 32
        names = {_signed(value, wide): name for name, value in reversed(enum.values)}
        return names.get(number, number)

    def _int(self, found: Int, offset: int) -> Json:
        if found.bit_offset or found.bits % 8 or found.bits not in (8, 16, 32, 64):
            return hex(bitfield(self._btf, self._value, 8 * offset + found.bit_offset, found.bits))
        number = integer(self._btf, self._value, offset, found)
        if found.boolean:
            return bool(number)
        return chr(number & 0xFF) if found.char else number


def dump_text(map_: StructOpsMap, programs: Mapping[int, Program]) -> Iterator[str]:
    """The map as C would initialise it, line by line: what is set, then what is not.

    Args:
        map_: The map; one that could not be decoded says so in a comment.
        programs: Those behind its members, by id.
    """
    name = printable(map_.name)
    if map_.problem:
        yield f"/* {map_.id} {name}: {printable(map_.problem)} */"
        return
    links = f", links {', '.join(map(str, map_.links))}" if map_.links else ""
    yield (
        f"/* {map_.id} {name}: {map_.state}, {map_.status}, refcnt {map_.refcnt}, "
        f"holders {map_.holders}{links} */"
    )
    yield f"struct {printable(map_.type_name)} {name} = {{"
    shown = [value for value in map_.members if value.is_set]
    width = max((len(printable(value.member.name)) for value in shown), default=0)
    for value in shown:
        yield f"\t.{printable(value.member.name):{width}} = {_initialiser(value, programs)}"
    unset = [printable(value.member.name) for value in map_.members if not value.is_set]
    if unset:
        yield f"\t/* not set: {', '.join(unset)} */"
    yield "};"


def _initialiser(value: MemberValue, programs: Mapping[int, Program]) -> str:
    if not value.prog_id:
        return f"{value.text},"
    program = programs.get(value.prog_id)
    name = printable(program.name) if program else "?"
    return f"{name}, /* program {value.prog_id}: {value.member.type} */"


def _signed(number: int, bits: int) -> int:
    """The same bits as a signed number: bpftool compares enums so."""
    number &= (1 << bits) - 1
    return number - (1 << bits) if number >> bits - 1 else number
