"""A BPF object file beside the running kernel: what it holds in words, and what the kernel lacks.

Members are compared as libbpf's bpf_map__init_kern_struct_ops() does, which refuses an object whose
members are of another kind or size than the kernel's, and one that sets a member that the kernel's
has not.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from stops_tui.bpf.object_file import ObjectFile, ObjectKfunc, ObjectMember, ObjectStructOps
from stops_tui.btf import Btf, BtfError, Composite, Field, Kind
from stops_tui.kernels.kernel import KernelBtf
from stops_tui.struct_ops.scalars import DecodeError
from stops_tui.struct_ops.subsystems import of_type
from stops_tui.struct_ops.text import printable
from stops_tui.struct_ops.types import Member, StructOpsType
from stops_tui.struct_ops.value import Reader, inline

Lack = Literal["type", "suffix", "member", "kind", "size", "kfunc", "byteorder"]

_KINDS = {
    Kind.INT: "an integer",
    Kind.PTR: "a pointer",
    Kind.ARRAY: "an array",
    Kind.STRUCT: "a struct",
    Kind.UNION: "a union",
    Kind.ENUM: "an enum",
    Kind.ENUM64: "an enum of 64 bits",
}


class Need(NamedTuple):
    """Something in an object that the running kernel has not.

    Attributes:
        variable: The struct_ops variable that needs it; "" where all of the object does.
        member: The member; "" where it is the struct itself, the function's name for a kfunc.
        lack: "type": no such struct_ops type; "suffix": a struct X___suffix stands for X;
            "member": no such member; "kind": it is of another kind; "size": or size; "kfunc": no
            such function of the kernel; "byteorder": the object is for machines of the other one.
        stops: Whether it cannot be registered because of it, with any libbpf.
        words: All of that in words, printable.
    """

    variable: str
    member: str
    lack: Lack
    stops: bool
    words: str


class MemberValue(NamedTuple):
    """What an object sets a member to.

    Attributes:
        text: A program's name, or a value as a person reads it; printable. "" for a function that
            is not set.
        is_set: Whether it is anything but zero.
    """

    text: str
    is_set: bool


class MemberPair(NamedTuple):
    """A member as the object has it, beside the running kernel's.

    Attributes:
        name: Its name, as it is: escape it where it is shown.
        own: The object's; None for one that only the kernel has.
        kernels: The kernel's; None for one that only the object has, or that was compared with no
            kernel's type.
        text: What the object sets it to, as in `MemberValue`; "" for one it has not.
        is_set: Whether that is anything but zero.
        need: What is wrong with it; None if nothing is.
    """

    name: str
    own: ObjectMember | None
    kernels: Member | None
    text: str
    is_set: bool
    need: Need | None


class Comparison(NamedTuple):
    """A struct_ops variable beside the type of the running kernel that it implements.

    Attributes:
        variable: The variable.
        type: The kernel's type; None where it has none.
        members: Those of the object in their order, then those that only the kernel has.
        needs: What the kernel lacks.
    """

    variable: ObjectStructOps
    type: StructOpsType | None
    members: tuple[MemberPair, ...]
    needs: tuple[Need, ...]


def by_name(types: Iterable[StructOpsType]) -> dict[str, StructOpsType]:
    """The types by name; where modules share one, the first, as libbpf finds it."""
    found: dict[str, StructOpsType] = {}
    for type_ in types:
        found.setdefault(type_.name, type_)
    return found


def comparisons(file: ObjectFile, types: Mapping[str, StructOpsType]) -> tuple[Comparison, ...]:
    """Every struct_ops variable of an object beside its type.

    Args:
        file: The object.
        types: What the kernel offers, by name (`by_name`).
    """
    return tuple(
        compare(file, variable, types.get(variable.type_name)) for variable in file.struct_ops
    )


def needs_of_file(file: ObjectFile, btfs: Sequence[KernelBtf]) -> tuple[Need, ...]:
    """What an object needs and the kernel has not, whichever of its struct_ops is wanted.

    libbpf loads no program of an object that calls a function that is missing, but where all calls
    are weak. Any function of the kernel is found here: whether it may be called is the verifier's
    to say.

    Args:
        file: The object.
        btfs: The kernel's own BTF, which is the first, and its modules'.
    """
    return (*_of_machine(file), *_of_kfuncs(file, btfs))


def _of_machine(file: ObjectFile) -> Iterator[Need]:
    if file.byteorder != sys.byteorder:
        words = f"it is for {file.byteorder} endian machines, and this one is not"
        yield Need("", "", "byteorder", True, words)


def _of_kfuncs(file: ObjectFile, btfs: Sequence[KernelBtf]) -> Iterator[Need]:
    for kfunc in file.kfuncs:
        if not any(_has_function(each.btf, kfunc.name) for each in btfs):
            yield Need("", kfunc.name, "kfunc", not kfunc.weak, _without(kfunc))


def _has_function(btf: Btf, name: str) -> bool:
    try:
        return btf.find(name, Kind.FUNC) is not None
    except BtfError:
        return False


def _without(kfunc: ObjectKfunc) -> str:
    words = f"programs call {printable(kfunc.name)}, and this kernel has no such function"
    return f"{words}: they look before they call it" if kfunc.weak else words


def compare(file: ObjectFile, variable: ObjectStructOps, type_: StructOpsType | None) -> Comparison:
    """One variable beside the kernel's type of its name; None: the kernel has none."""
    theirs = {member.name: member for member in reversed(type_.members)} if type_ else {}
    pairs = []
    for own, (text, is_set) in zip(variable.members, member_values(file, variable), strict=True):
        kernels = theirs.pop(own.name, None)
        need = _need_of(file, variable, type_, (own, kernels), is_set) if type_ else None
        pairs.append(MemberPair(own.name, own, kernels, text, is_set, need))
    left = sorted(theirs.values(), key=lambda member: member.index)
    pairs += [MemberPair(member.name, None, member, "", False, None) for member in left]
    needs = (*_of_struct(variable, type_), *(pair.need for pair in pairs if pair.need))
    return Comparison(variable, type_, tuple(pairs), needs)


def member_values(file: ObjectFile, variable: ObjectStructOps) -> list[MemberValue]:
    """What each member of a variable is set to, in order."""
    if file.btf is None:
        return [MemberValue("", False) for _ in variable.members]
    # One reader for all: what a hostile struct takes to decode is bounded as a whole.
    reader = Reader(file.btf, variable.value, of_type(variable.type_name))
    return [_value(reader, member) for member in variable.members]


def _value(reader: Reader, member: ObjectMember) -> MemberValue:
    if member.program:
        return MemberValue(printable(member.program), True)
    field = Field(member.name, member.type_id, member.bit_offset, member.bit_size)
    try:
        node = reader.field(field, 0)
    except DecodeError as error:
        return MemberValue(printable(str(error)), True)
    if member.kind == "func" and not node.is_set:
        return MemberValue("", False)
    return MemberValue(inline(node), node.is_set)


def _of_struct(variable: ObjectStructOps, type_: StructOpsType | None) -> Iterator[Need]:
    name = printable(variable.type_name)
    if type_ is None:
        words = f"this kernel has no struct_ops type {name}"
        yield Need(variable.variable, "", "type", True, words)
    if variable.suffix:
        words = (
            f"struct {name}{printable(variable.suffix)} stands for {name}: "
            "libbpf 1.4 or later knows that"
        )
        yield Need(variable.variable, "", "suffix", False, words)


def _need_of(
    file: ObjectFile,
    variable: ObjectStructOps,
    type_: StructOpsType,
    pair: tuple[ObjectMember, Member | None],
    is_set: bool,
) -> Need | None:
    own, kernels = pair
    name, struct = printable(own.name) or "a nameless member", f"this kernel's {type_.name}"
    if kernels is None:
        words = f"{name} is set, and {struct} has no such member"
        if not is_set:
            words = f"{struct} has no {name}: libbpf 1.4 or later leaves it out, as it is zero"
        return Need(variable.variable, own.name, "member", is_set, words)
    here, there = _own_kind(file, own), _kernels_kind(type_, kernels)
    if here != there:
        words = f"{name} is {here} here, and {there} in {struct}"
        return Need(variable.variable, own.name, "kind", True, words)
    if own.size != kernels.size:
        words = f"{name} has {own.size} bytes here, and {kernels.size} in {struct}"
        return Need(variable.variable, own.name, "size", True, words)
    return None


def _own_kind(file: ObjectFile, member: ObjectMember) -> str:
    return _kind(file.btf, member.kind, member.type_id, member.bit_size)


def _kernels_kind(type_: StructOpsType, member: Member) -> str:
    struct = type_.btf.resolve(type_.type_id)
    field = struct.members[member.index] if isinstance(struct, Composite) else None
    return _kind(type_.btf, member.kind, member.type_id, field.bit_size if field else 0)


def _kind(btf: Btf | None, kind: Literal["func", "data"], type_id: int, bit_size: int) -> str:
    """The kind of a member in words, as far as libbpf tells them apart."""
    if kind == "func":
        return "a function"
    if bit_size:
        return f"a bitfield of {bit_size}"
    try:
        found = btf.resolve(type_id).kind if btf else Kind.VOID
    except BtfError:
        found = Kind.VOID
    return _KINDS.get(found, f"of kind {found.name}")
