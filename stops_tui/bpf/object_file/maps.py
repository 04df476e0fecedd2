"""The maps of an object that are no struct_ops maps: those it defines, and its global data."""

from __future__ import annotations

from typing import Final

from stops_tui.bpf.object_file.elf import Elf, ElfError
from stops_tui.bpf.object_file.records import ObjectMap
from stops_tui.bpf.object_file.types import Variable, variables
from stops_tui.btf import Array, Btf, Composite, Ptr

_MOST_MAPS: Final = 4096
_MOST_MEMBERS: Final = 64  # of a definition; libbpf knows 11
_FD: Final = 4  # bytes of a map or program in another map

# enum bpf_map_type (include/uapi/linux/bpf.h) in its order: an object need not have it.
_NAMES: Final = """
    unspec hash array prog_array perf_event_array percpu_hash percpu_array stack_trace cgroup_array
    lru_hash lru_percpu_hash lpm_trie array_of_maps hash_of_maps devmap sockmap cpumap xskmap
    sockhash cgroup_storage reuseport_sockarray percpu_cgroup_storage queue stack sk_storage
    devmap_hash struct_ops ringbuf inode_storage task_storage bloom_filter user_ringbuf
    cgrp_storage arena insn_array"""
_TYPES: Final = _NAMES.split()

_DATA: Final = (".data", ".rodata", ".bss")


def read_maps(elf: Elf, btf: Btf | None) -> tuple[ObjectMap, ...]:
    """The maps in section .maps, by their place there, then global data by section.

    Raises:
        ElfError: A definition is none, or there are too many.
        BtfError: The BTF contradicts itself.
    """
    found = (*(_defined(elf, btf) if btf else ()), *_global_data(elf))
    if len(found) > _MOST_MAPS:
        raise ElfError(f"it has more than {_MOST_MAPS:,} maps")
    return found


def _global_data(elf: Elf) -> list[ObjectMap]:
    """Maps of one element each, as libbpf makes them of .data, .rodata, .bss and .data.x."""
    return [
        ObjectMap(section.name, "array", 4, section.size, 1)
        for section in elf.sections
        if section.size and (section.is_data or section.is_zeroes)
        if section.name in _DATA or section.name.startswith(tuple(f"{name}." for name in _DATA))
    ]


def _defined(elf: Elf, btf: Btf) -> list[ObjectMap]:
    section = elf.section(".maps")
    if section is None:
        return []
    return [_map(btf, variable) for variable in variables(elf, btf, section, _MOST_MAPS)]


def _map(btf: Btf, variable: Variable) -> ObjectMap:
    """What a struct of __uint() and __type() members says, as libbpf's parse_btf_map_def()."""
    struct = btf.resolve(variable.type_id)
    if not isinstance(struct, Composite) or len(struct.members) > _MOST_MEMBERS:
        raise ElfError(f"map {variable.name} has no definition")
    numbers: dict[str, int] = {}
    for field in struct.members:
        if field.name in ("key", "value"):
            numbers[f"{field.name}_size"] = _pointed_size(btf, field.type_id)
        elif field.name == "values":
            numbers["value_size"] = _FD
        elif field.name in ("type", "key_size", "value_size", "max_entries"):
            numbers[field.name] = _number(btf, field.type_id)
    number = numbers.get("type", 0)
    return ObjectMap(
        variable.name,
        _TYPES[number] if number < len(_TYPES) else str(number),
        numbers.get("key_size", 0),
        numbers.get("value_size", 0),
        numbers.get("max_entries", 0),
    )


def _pointed_size(btf: Btf, type_id: int) -> int:
    found = btf.resolve(type_id)
    return btf.size_of(found.type_id) if isinstance(found, Ptr) else 0


def _number(btf: Btf, type_id: int) -> int:
    """The number that `int (*x)[number]` stands for; 0 if it is written otherwise."""
    found = btf.resolve(type_id)
    array = btf.resolve(found.type_id) if isinstance(found, Ptr) else None
    return array.length if isinstance(array, Array) else 0
