"""Struct bpf_map_info of a map of the demo kernel, laid out as its BTF says."""

from __future__ import annotations

import struct

from stops_tui.bpf.info import MAP_TYPE_STRUCT_OPS
from stops_tui.btf import Composite, Kind
from stops_tui.kernels.demo.types import DemoType

_NAME_BYTES = 15


def map_info(type_: DemoType, map_id: int, name: str, flags: int) -> bytes:
    """What BPF_OBJ_GET_INFO_BY_FD writes."""
    btf = type_.home.btf
    type_id = btf.find("bpf_map_info", Kind.STRUCT) or 0
    layout = btf.resolve(type_id)
    info = bytearray(btf.size_of(type_id))
    told = {
        "type": MAP_TYPE_STRUCT_OPS,
        "id": map_id,
        "key_size": 4,
        "value_size": type_.size,
        "max_entries": 1,
        "map_flags": flags,
        "btf_vmlinux_value_type_id": type_.value_type_id,
        "btf_vmlinux_id": type_.home.id,
    }
    for member in layout.members if isinstance(layout, Composite) else ():
        at = member.bit_offset // 8
        if member.name == "name":
            packed = name.encode()[:_NAME_BYTES]
            info[at : at + len(packed)] = packed
        elif member.name in told:
            struct.pack_into("<I", info, at, told[member.name])
    return bytes(info)
