"""Why the kernel said EINVAL, as far as the objects themselves show it.

The kernel gives one errno for many reasons. Each function looks for the reason after the call
failed, and answers "" where nothing here shows it: then the words for the errno alone remain.
"""

from __future__ import annotations

from collections.abc import Mapping

from stops_tui.bpf.info import BPF_F_LINK, NAME_LENGTH, NOT_IN_NAME, MapInfo
from stops_tui.bpf.syscall import Bpf
from stops_tui.btf import Btf, Composite, Kind
from stops_tui.kernels.shape import Shape
from stops_tui.kernels.writes import NewMap


def of_name(name: str) -> str:
    """What bpf_obj_name_cpy() refuses in the name of a map or program."""
    if len(name.encode(errors="surrogateescape")) > NAME_LENGTH:
        return f"the name {name!r} is longer than {NAME_LENGTH} bytes"
    if NOT_IN_NAME.search(name):
        return f"the name {name!r} has characters outside A-Za-z0-9_."
    return ""


def of_map_create(btf: Btf, new: NewMap) -> str:
    """Its name, its size, or a kernel without links."""
    if found := of_name(new.name):
        return found
    value = btf.type(new.value_type_id)
    if isinstance(value, Composite) and value.size != new.value_size:
        return f"{value.name} has a size of {value.size} bytes, not {new.value_size}"
    if new.link and btf.find("bpf_struct_ops_link", Kind.STRUCT) is None:
        return "this kernel registers no struct_ops by a link (BPF_F_LINK is since 6.4)"
    return ""


def of_update(
    bpf: Bpf, btf: Btf, info: MapInfo, shape: Shape, value: bytes, programs: Mapping[int, int]
) -> str:
    """A program of another struct or of another type, or bytes that belong to no member.

    Args:
        bpf: The system call.
        btf: The BTF that `info.value_type_id` is in.
        info: The map.
        shape: Its type.
        value: What was given, programs left out.
        programs: File descriptors by their offset in `value`.
    """
    for at, fd in programs.items():
        program = bpf.prog_get_info_by_fd(fd)
        if program.attach_btf_id != shape.type_id:
            found = btf.type(program.attach_btf_id)
            return (
                f"program {program.id}, given for {shape.functions[at]}, "
                f"was made for another struct ({found.name or 'none'})"
            )
    for start, end in shape.gaps:
        if any(value[start:end]):
            return f"bytes {start} to {end - 1} are padding, and not zero"
    return ""


def of_link_create(bpf: Bpf, map_fd: int) -> str:
    """A map that no link registers, or not yet."""
    info = bpf.map_get_info_by_fd(map_fd)
    if not info.flags & BPF_F_LINK:
        return f"map {info.id} was made without BPF_F_LINK: BPF_MAP_UPDATE_ELEM registers it"
    return _in_init(bpf, info, map_fd)


def of_link_update(bpf: Bpf, new_fd: int, old_fd: int) -> str:
    """A new map that no link registers, not yet, or not in this one's place."""
    new, old = bpf.map_get_info_by_fd(new_fd), bpf.map_get_info_by_fd(old_fd)
    if not new.flags & BPF_F_LINK:
        return f"map {new.id} was made without BPF_F_LINK"
    if found := _in_init(bpf, new, new_fd):
        return found
    if (new.value_type_id, new.btf_id) != (old.value_type_id, old.btf_id):
        return f"map {new.id} is of another type than map {old.id}"
    return ""


def _in_init(bpf: Bpf, info: MapInfo, map_fd: int) -> str:
    """In INIT, and only there, a whole value reads as zeroes."""
    if any(bpf.map_lookup_elem(map_fd, info.value_size)):
        return ""
    return f"map {info.id} is still in INIT: BPF_MAP_UPDATE_ELEM comes first"
