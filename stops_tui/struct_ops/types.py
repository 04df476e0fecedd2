"""What a kernel offers to implement: struct_ops types and their members."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from stops_tui.btf import Btf


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a struct_ops type.

    Attributes:
        index: Its position in the struct, counting all members: a program's
            `expected_attach_type`.
        name: The member's name; "" for an anonymous one.
        kind: "func" for a function pointer, "data" for anything else.
        type: C text: `u32 (struct sock *)` for a function, `char[16]` for data.
        type_id: The member's BTF type id, in the BTF of its struct.
        offset: Bytes from the start of the type (not of the value struct).
        size: Bytes.
        mandatory: The subsystem refuses a map without it (see `subsystems`).
    """

    index: int
    name: str
    kind: Literal["func", "data"]
    type: str
    type_id: int
    offset: int
    size: int
    mandatory: bool = False


@dataclass(frozen=True, slots=True)
class StructOpsType:
    """One struct X that BPF programs may implement, and its value struct bpf_struct_ops_X.

    Attributes:
        name: X, as in "tcp_congestion_ops".
        btf_name: "vmlinux" or the module whose BTF defines it.
        btf_id: That BTF's object id.
        type_id: The BTF id of struct X.
        value_type_id: The BTF id of struct bpf_struct_ops_X.
        value_size: Bytes of the value struct.
        data_offset: Where struct X starts in the value (its member `data`).
        size: Bytes of struct X.
        members: All members, in order.
        btf: The BTF these ids belong to.
    """

    name: str
    btf_name: str
    btf_id: int
    type_id: int
    value_type_id: int
    value_size: int
    data_offset: int
    size: int
    members: tuple[Member, ...]
    btf: Btf = field(repr=False, compare=False)
