"""`types`: what this kernel lets BPF implement, and which maps do."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from stops_tui.kernels.kernel import Kernel
from stops_tui.report.choice import told
from stops_tui.report.output import print_json, print_line, print_table
from stops_tui.struct_ops.inventory import Inventory, Snapshot
from stops_tui.struct_ops.text import printable
from stops_tui.struct_ops.types import Member, StructOpsType, offered_types

MapsOf = dict[tuple[int, int], list[int]]
"""(BTF id, value type id) → the ids of the maps of that type."""


def report(kernel: Kernel, name: str | None, *, as_json: bool) -> int:
    """Print all types, or those of one name with their members; the exit code."""
    types = [type_ for type_ in offered_types(kernel) if name in (None, type_.name)]
    maps = maps_of(Inventory(kernel).sweep())
    if as_json:
        print_json([as_object(type_, maps) for type_ in types])
    elif name is None and types:
        titles = ("NAME", "BTF", "SIZE", "FUNCTIONS", "DATA", "MAPS")
        print_table(titles, [_row(type_, maps) for type_ in types], "SIZE FUNCTIONS DATA")
    else:
        for type_ in types:
            _print_members(type_, maps)
    choice = None if name is None else ("name", name)
    return told(bool(types), "struct_ops type", choice, as_json=as_json)


def maps_of(snapshot: Snapshot) -> MapsOf:
    """Which maps implement each type."""
    maps: MapsOf = defaultdict(list)
    for map_ in snapshot.maps.values():
        if map_.type:
            maps[map_.type.btf_id, map_.type.value_type_id].append(map_.id)
    return maps


def as_object(type_: StructOpsType, maps: MapsOf) -> dict[str, Any]:
    """One type of `types --json`; offsets and sizes in bytes from the start of the type."""
    return {
        "name": type_.name,
        "btf": type_.btf_name,
        "type_id": type_.type_id,
        "size": type_.size,
        "value_type_id": type_.value_type_id,
        "value_size": type_.value_size,
        "data_offset": type_.data_offset,
        "members": [
            {
                "index": member.index,
                "name": member.name,
                "kind": member.kind,
                "type": member.type,
                "offset": member.offset,
                "size": member.size,
                "mandatory": member.mandatory,
                "instead": member.instead,
            }
            for member in type_.members
        ],
        "maps": maps.get((type_.btf_id, type_.value_type_id), []),
    }


def _row(type_: StructOpsType, maps: MapsOf) -> list[str]:
    kinds = [member.kind for member in type_.members]
    return [
        type_.name,
        type_.btf_name,
        str(type_.size),
        str(kinds.count("func")),
        str(kinds.count("data")),
        _maps_text(type_, maps),
    ]


def _print_members(type_: StructOpsType, maps: MapsOf) -> None:
    names = printable(type_.name), printable(type_.btf_name)
    print_line(
        f"{names[0]}: {type_.size} bytes, type {type_.type_id} of {names[1]}; "
        f"value {type_.value_size} bytes, type {type_.value_type_id}; "
        f"maps {_maps_text(type_, maps)}"
    )
    titles = ("INDEX", "MEMBER", "TYPE", "OFFSET", "SIZE", "MANDATORY")
    print_table(titles, map(_member_row, type_.members), "INDEX OFFSET SIZE")


def _member_row(member: Member) -> list[str]:
    mandatory = "yes" if member.mandatory else ""
    if member.instead:
        mandatory += f", or {member.instead}"
    numbers = str(member.offset), str(member.size)
    return [str(member.index), member.name, member.type, *numbers, mandatory]


def _maps_text(type_: StructOpsType, maps: MapsOf) -> str:
    ids = maps.get((type_.btf_id, type_.value_type_id), [])
    return " ".join(map(str, ids)) or "-"
