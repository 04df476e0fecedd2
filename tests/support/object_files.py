"""Object files that no compiler made: their types are a kernel's own."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Literal

from stops_tui.bpf.object_file import ObjectFile, ObjectMember, ObjectProgram, ObjectStructOps
from stops_tui.struct_ops.types import StructOpsType

PATH = "/home/me/cc.bpf.o"
_ORDER: Literal["little", "big"] = sys.byteorder


def variable(
    type_: StructOpsType,
    name: str,
    programs: Mapping[str, str],
    data: Mapping[str, bytes] | None = None,
    section: str = ".struct_ops",
    suffix: str = "",
) -> ObjectStructOps:
    """A struct_ops variable of a type: programs and bytes by member."""
    value = bytearray(type_.size)
    for member in type_.members:
        raw = (data or {}).get(member.name, b"")
        value[member.offset : member.offset + len(raw)] = raw
    members = tuple(
        ObjectMember(
            *(m.name, m.kind, m.type, m.type_id, 8 * m.offset, 0, m.size),
            programs.get(m.name, ""),
        )
        for m in type_.members
    )
    return ObjectStructOps(name, section, type_.name, suffix, type_.type_id, bytes(value), members)


def object_file(
    type_: StructOpsType,
    *variables: ObjectStructOps,
    others: tuple[str, ...] = (),
    section: str = "struct_ops/x",
    byteorder: Literal["little", "big"] = _ORDER,
) -> ObjectFile:
    """An object with these variables, the programs they name, and others of these names."""
    named = [program for each in variables for program in each.programs.values()]
    return ObjectFile(
        path=PATH,
        data=b"ELF",
        byteorder=byteorder,
        license="GPL",
        sections=(),
        btf=type_.btf,
        programs=tuple(
            ObjectProgram(name, section, 0, 16, "") for name in dict.fromkeys((*named, *others))
        ),
        struct_ops=variables,
        maps=(),
        core_relocations=0,
    )
