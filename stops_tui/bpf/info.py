"""What BPF_OBJ_GET_INFO_BY_FD tells of an object, as plain records.

Fields a kernel is too old to know are 0. Source: include/uapi/linux/bpf.h.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from stops_tui.record import Record

MAP_TYPE_HASH = 1
MAP_TYPE_STRUCT_OPS = 26
PROG_TYPE_TRACING = 26
PROG_TYPE_STRUCT_OPS = 27
LINK_TYPE_STRUCT_OPS = 9

BPF_F_LINK = 1 << 13
"""In a map's flags: a link registers it."""

NAME_LENGTH = 15
"""Bytes of an object's name (BPF_OBJ_NAME_LEN less its NUL)."""

NOT_IN_NAME = re.compile(r"[^A-Za-z0-9_.]")
"""What bpf_obj_name_cpy() refuses in one (kernel/bpf/syscall.c)."""

ProgArray = Literal[
    "jited_prog_insns",
    "xlated_prog_insns",
    "map_ids",
    "jited_ksyms",
    "jited_func_lens",
    "func_info",
    "line_info",
    "jited_line_info",
]

PROG_ARRAYS: Mapping[ProgArray, tuple[str, int | str]] = {
    "jited_prog_insns": ("jited_prog_len", 1),
    "xlated_prog_insns": ("xlated_prog_len", 1),
    "map_ids": ("nr_map_ids", 4),
    "jited_ksyms": ("nr_jited_ksyms", 8),
    "jited_func_lens": ("nr_jited_func_lens", 4),
    "func_info": ("nr_func_info", "func_info_rec_size"),
    "line_info": ("nr_line_info", "line_info_rec_size"),
    "jited_line_info": ("nr_jited_line_info", "jited_line_info_rec_size"),
}
"""Each array of struct bpf_prog_info: the field that counts it; bytes of one record, or the field
that says them."""


class MapInfo(Record):
    """A map: struct bpf_map_info.

    Attributes:
        type: enum bpf_map_type.
        id: The map id.
        name: At most 15 characters.
        flags: `map_flags`.
        value_size: Bytes of a value.
        value_type_id: `btf_vmlinux_value_type_id`.
        btf_id: `btf_vmlinux_id`: the kernel BTF that `value_type_id` belongs to; 0 before 6.9.
        raw: The whole struct, as long as this kernel's.
    """

    type: int
    id: int
    name: str
    flags: int
    value_size: int
    value_type_id: int
    btf_id: int
    raw: bytes


class ProgInfo(Record):
    """A program: struct bpf_prog_info, and the arrays that were asked for.

    Attributes:
        type: enum bpf_prog_type.
        id: The program id.
        name: At most 15 characters.
        tag: 8 bytes over the instructions.
        load_time: Nanoseconds since boot.
        uid: `created_by_uid`.
        gpl_compatible: What the kernel made of the license.
        xlated_len: Bytes of translated instructions; 0 without CAP_PERFMON.
        jited_len: Bytes of JITed code; 0 without CAP_PERFMON.
        btf_id: The program's own BTF object; 0: none.
        attach_btf_id: The struct it implements a member of.
        attach_btf_obj_id: The BTF object that id belongs to.
        verified_insns: Instructions the verifier walked.
        run_cnt: Runs counted.
        run_time_ns: Nanoseconds they took.
        recursion_misses: Runs skipped because the program was already running.
        record_sizes: Bytes of one record of each array in `arrays`.
        arrays: The bytes of each array asked for; b"" if empty or withheld (kptr_restrict).
    """

    type: int
    id: int
    name: str
    tag: bytes
    load_time: int
    uid: int
    gpl_compatible: bool
    xlated_len: int
    jited_len: int
    btf_id: int
    attach_btf_id: int
    attach_btf_obj_id: int
    verified_insns: int
    run_cnt: int
    run_time_ns: int
    recursion_misses: int
    record_sizes: Mapping[ProgArray, int] = MappingProxyType({})
    arrays: Mapping[ProgArray, bytes] = MappingProxyType({})


class LinkInfo(Record):
    """A link: struct bpf_link_info. `map_id` is a struct_ops link's map, 0 once detached."""

    type: int
    id: int
    map_id: int


class BtfInfo(Record):
    """A BTF object: struct bpf_btf_info; `name` is "vmlinux", a module's, or "" for a program's.

    `size` is in bytes. `kernel` says whether the kernel made it; before 5.11 no kernel BTF has
    an id.
    """

    id: int
    size: int
    name: str
    kernel: bool
