"""The struct_ops variables of an object, with the programs that their members point to.

As init_struct_ops_maps() and bpf_object__collect_st_ops_relos() of libbpf read them.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from typing import Final

from stops_tui.bpf.object_file.elf import Elf, ElfError, Section
from stops_tui.bpf.object_file.programs import Functions
from stops_tui.bpf.object_file.records import ObjectMember, ObjectStructOps
from stops_tui.bpf.object_file.types import Variable, Words, variables
from stops_tui.btf import Btf, Composite, Field, Kind

SECTIONS: Final = (".struct_ops", ".struct_ops.link", "?.struct_ops", "?.struct_ops.link")
"""Where libbpf looks for them."""

_MOST_VARIABLES: Final = 32  # in one section
_MOST_MEMBERS: Final = 256  # sched_ext_ops has 45
_LARGEST: Final = 1 << 14  # bytes of a struct; sched_ext_ops has 512
_POINTER: Final = 8  # bytes

# Where libbpf's bpf_core_essential_name_len() divides a name: "x" of "x___v2".
_SUFFIX: Final = re.compile(r"(.*[^_])(___[^_].*)", re.DOTALL)


def has_struct_ops(elf: Elf) -> bool:
    """Whether there is a section for them."""
    return any(_sections(elf))


def read_struct_ops(
    elf: Elf, btf: Btf, words: Words, functions: Functions
) -> tuple[ObjectStructOps, ...]:
    """All struct_ops variables, section by section.

    Raises:
        ElfError: One is no struct, is not in its section, or points to what is no function.
        BtfError: The BTF contradicts itself.
    """
    found = []
    for section in _sections(elf):
        content = elf.content(section)
        targets = sorted(_targets(elf, section, content, functions))
        for variable in variables(elf, btf, section, _MOST_VARIABLES):
            struct = _struct(btf, variable)
            if variable.offset + struct.size > len(content):
                raise ElfError(f"{variable.name} reaches beyond section {section.name}")
            value = content[variable.offset : variable.offset + struct.size]
            first = bisect_left(targets, (variable.offset,))
            last = bisect_left(targets, (variable.offset + struct.size,))
            own = {at - variable.offset: name for at, name in targets[first:last]}
            found.append(_described(btf, words, section, variable, struct, value, own))
    return tuple(found)


def essential_name(name: str) -> tuple[str, str]:
    """A struct's name without suffix, and the suffix: ("tcp_congestion_ops", "___v2")."""
    parts = _SUFFIX.fullmatch(name)
    return (parts[1], parts[2]) if parts else (name, "")


def _sections(elf: Elf) -> Iterator[Section]:
    for name in SECTIONS:
        section = elf.section(name)
        if section is not None and section.is_data:
            yield section


def _targets(
    elf: Elf, section: Section, content: bytes, functions: Functions
) -> Iterator[tuple[int, str]]:
    """Bytes from the section's start → the function whose address belongs there."""
    for relocation in elf.relocations(section):
        symbol, at = relocation.symbol, relocation.offset
        if at + _POINTER > len(content):
            raise ElfError(f"a relocation is beyond section {section.name}")
        offset = symbol.value
        if symbol.kind == "section":  # a local function: the place itself tells where it is
            offset += int.from_bytes(content[at : at + _POINTER], elf.byteorder)
        name = functions.get((symbol.section, offset))
        if not name:
            raise ElfError(f"{section.name} points to {symbol.name or 'something'}, no function")
        yield at, name


def _struct(btf: Btf, variable: Variable) -> Composite:
    struct = btf.resolve(variable.type_id)
    if not isinstance(struct, Composite) or struct.kind is not Kind.STRUCT or not struct.name:
        raise ElfError(f"{variable.name} is no struct with a name")
    if struct.size > _LARGEST:
        raise ElfError(f"struct {struct.name} has {struct.size:,} bytes, more than {_LARGEST:,}")
    if len(struct.members) > _MOST_MEMBERS:
        raise ElfError(f"struct {struct.name} has more than {_MOST_MEMBERS} members")
    return struct


def _described(
    btf: Btf,
    words: Words,
    section: Section,
    variable: Variable,
    struct: Composite,
    value: bytes,
    programs: Mapping[int, str],
) -> ObjectStructOps:
    members = tuple(_member(btf, words, field, programs) for field in struct.members)
    served = {member.offset for member in members if member.program}
    astray = next((at for at in programs if at not in served), None)
    if astray is not None:
        raise ElfError(
            f"{variable.name} has {programs[astray]} at byte {astray}, where no function member is"
        )
    cleared = bytearray(value)
    for at in served:
        cleared[at : at + _POINTER] = bytes(_POINTER)
    type_name, suffix = essential_name(struct.name)
    return ObjectStructOps(
        variable.name, section.name, type_name, suffix, struct.id, bytes(cleared), members
    )


def _member(btf: Btf, words: Words, field: Field, programs: Mapping[int, str]) -> ObjectMember:
    is_function = not field.bit_size and btf.func_proto(field.type_id) is not None
    text = words.type(field.type_id)
    if field.bit_size:
        text = f"{text} : {field.bit_size}"
        size = (field.bit_offset % 8 + field.bit_size + 7) // 8
    else:
        size = btf.size_of(field.type_id)
    return ObjectMember(
        name=field.name,
        kind="func" if is_function else "data",
        type=text,
        type_id=field.type_id,
        bit_offset=field.bit_offset,
        bit_size=field.bit_size,
        size=size,
        program=programs.get(field.bit_offset // 8, "") if is_function else "",
    )
