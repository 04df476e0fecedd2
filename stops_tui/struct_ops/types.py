"""What a kernel offers to implement: struct_ops types and their members."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Literal

from stops_tui.btf import Btf, BtfError, Composite, Field, Kind
from stops_tui.btf.c import type_text
from stops_tui.kernels.kernel import Kernel, KernelBtf
from stops_tui.record import Record
from stops_tui.struct_ops.subsystems import Subsystem, of_type

VALUE_PREFIX = "bpf_struct_ops_"
"""A value struct is named so and then like its type (kernel/bpf/bpf_struct_ops.c)."""


class Member(Record):
    """One member of a struct_ops type.

    Attributes:
        index: Its position in the struct, counting all members: a program's
            `expected_attach_type`.
        name: The member's name; "" for an anonymous one.
        kind: "func" for a function pointer, "data" for anything else.
        type: C text: `u32 (struct sock *)` for a function, `char[16]` for data, `u8 : 3` for a
            bitfield.
        type_id: The member's BTF type id, in the BTF of its struct.
        offset: Bytes from the start of the type (not of the value struct).
        size: Bytes.
        mandatory: The subsystem refuses a map without it (see `subsystems`).
        instead: The member that may serve in place of this mandatory one; "" if none may.
    """

    index: int  # type: ignore[assignment] # tuple.index() is of no use here
    name: str
    kind: Literal["func", "data"]
    type: str
    type_id: int
    offset: int
    size: int
    mandatory: bool = False
    instead: str = ""


class StructOpsType(Record):
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
    btf: Btf


def mandatory_names(members: Sequence[Member]) -> list[str]:
    """The names of the mandatory ones among these; an either-or is said as one, "a or b"."""
    names = {
        member.name: f"{member.name} or {member.instead}" if member.instead else member.name
        for member in members
        if member.mandatory
    }
    for member in members:
        if member.name in names and member.instead in names:
            del names[member.instead]
    return list(names.values())


def offered_types(kernel: Kernel) -> tuple[StructOpsType, ...]:
    """Every struct_ops type in vmlinux BTF and in the BTF of each module, in that order.

    That a type is in BTF does not prove that its subsystem registered it. A type that its BTF
    describes wrongly is left out; so is a module whose BTF is wrong as a whole.

    Raises:
        BtfError: That of vmlinux is wrong as a whole.
    """
    return types_of(kernel.kernel_btfs())


def types_of(btfs: Sequence[KernelBtf]) -> tuple[StructOpsType, ...]:
    """Every struct_ops type in vmlinux BTF, which is the first of these, and in its modules'.

    Raises:
        BtfError: As in `offered_types`.
    """
    vmlinux, *modules = btfs
    found = _types_in(vmlinux)
    for module in modules:
        with suppress(BtfError):
            # Its ids continue those of vmlinux, which is looked through already.
            found += _types_in(module, len(vmlinux.btf))
    return tuple(found)


def _types_in(kernel_btf: KernelBtf, first_id: int = 0) -> list[StructOpsType]:
    return [
        found
        for value_type_id in kernel_btf.btf.find_prefix(VALUE_PREFIX, Kind.STRUCT)
        if value_type_id >= first_id
        if (found := type_of_value(kernel_btf, value_type_id)) is not None
    ]


def type_of_value(kernel_btf: KernelBtf, value_type_id: int) -> StructOpsType | None:
    """The type whose value struct this id names.

    Returns:
        None if it names none: a value struct is called bpf_struct_ops_X and has a member `data`
        that is a struct. The kernel's internals of such a name have none (bpf_struct_ops_value's
        is an array; kernel/bpf/bpf_struct_ops.c).
    """
    btf = kernel_btf.btf
    try:
        value = btf.type(value_type_id)
        if not (isinstance(value, Composite) and value.name.startswith(VALUE_PREFIX)):
            return None
        data = next((member for member in value.members if member.name == "data"), None)
        struct = btf.resolve(data.type_id) if data else None
        if data is None or not isinstance(struct, Composite) or struct.kind is not Kind.STRUCT:
            return None
        name = value.name.removeprefix(VALUE_PREFIX)
        return StructOpsType(
            name=name,
            btf_name=kernel_btf.name,
            btf_id=kernel_btf.id,
            type_id=struct.id,
            value_type_id=value_type_id,
            value_size=value.size,
            data_offset=data.bit_offset // 8,
            size=struct.size,
            members=_members(btf, struct, of_type(name)),
            btf=btf,
        )
    except BtfError:
        return None


def _members(btf: Btf, struct: Composite, subsystem: Subsystem) -> tuple[Member, ...]:
    return tuple(
        Member(
            index=index,
            name=field.name,
            kind="data" if btf.func_proto(field.type_id) is None else "func",
            type=_type_text(btf, field),
            type_id=field.type_id,
            offset=field.bit_offset // 8,
            size=_size(btf, field),
            mandatory=field.name in subsystem.mandatory,
            instead=subsystem.instead.get(field.name, ""),
        )
        for index, field in enumerate(struct.members)
    )


def _type_text(btf: Btf, field: Field) -> str:
    text = type_text(btf, field.type_id)
    return f"{text} : {field.bit_size}" if field.bit_size else text


def _size(btf: Btf, field: Field) -> int:
    """Bytes that a member touches; a bitfield may share them with its neighbours."""
    if not field.bit_size:
        return btf.size_of(field.type_id)
    return (field.bit_offset % 8 + field.bit_size + 7) // 8
