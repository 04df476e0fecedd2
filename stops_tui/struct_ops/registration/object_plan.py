"""From a struct_ops variable of an object file to a plan."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

from stops_tui.btf import Array, Btf, BtfError, Enum, Int
from stops_tui.struct_ops.registration.encode import EncodeError, encode_member
from stops_tui.struct_ops.registration.member_checks import member_problem
from stops_tui.struct_ops.registration.naming import map_name_for
from stops_tui.struct_ops.registration.outcome import Check
from stops_tui.struct_ops.registration.plan import InObject, Plan, PlanError, ProgramSource
from stops_tui.struct_ops.scalars import DecodeError, bitfield, integer, is_char_array, part
from stops_tui.struct_ops.text import printable
from stops_tui.struct_ops.types import StructOpsType

if TYPE_CHECKING:
    from stops_tui.bpf.object_file import ObjectFile, ObjectMember, ObjectStructOps


class ObjectPlan(NamedTuple):
    """What a variable comes to.

    Attributes:
        plan: The map it is, of what the running kernel has.
        lost: What the variable sets and the plan cannot, each with its member.
    """

    plan: Plan
    lost: tuple[Check, ...]


def object_plan(file: ObjectFile, variable: str, types: Mapping[str, StructOpsType]) -> ObjectPlan:
    """The plan that registers a variable of an object as it is.

    Data members that are zero are left out: that is what they are where a plan says nothing.

    Args:
        file: The object.
        variable: A struct_ops variable in it.
        types: What the kernel offers, by name.

    Raises:
        PlanError: The object has no such variable.
    """
    found = next((each for each in file.struct_ops if each.variable == variable), None)
    if found is None:
        raise PlanError(f"{file.path} has no struct_ops variable {printable(variable)}")
    type_ = types.get(found.type_name)
    data: dict[str, int | str] = {}
    programs: dict[str, ProgramSource] = {}
    lost = []
    for member in found.members:
        try:
            if member.kind == "data":
                data |= _data(file, found, member, type_)
            elif member.program:
                _check_function(member, type_)
                programs[member.name] = InObject(file.path, member.program)
        except _Lost as reason:
            lost.append(Check("failed", f"{printable(member.name)}: {reason}", member.name))
    name = map_name_for(variable, {})
    return ObjectPlan(Plan(found.type_name, name, programs, data, link=found.link), tuple(lost))


class _Lost(Exception):  # noqa: N818 (a fact about an object, not a failure)
    """Why a plan cannot set a member as the object does."""


def _data(
    file: ObjectFile, found: ObjectStructOps, member: ObjectMember, type_: StructOpsType | None
) -> dict[str, int | str]:
    """A data member that is set, by its name; nothing for one that is zero."""
    if file.btf is None:
        return {}
    try:
        content = _content(file.btf, found.value, member)
    except (BtfError, DecodeError) as error:
        raise _Lost(str(error)) from error
    if not content:
        return {}
    if type_:
        try:
            encode_member(type_, member.name, content, bytearray(type_.value_size))
        except EncodeError as error:
            raise _Lost(f"the object sets it to {_quoted(content)}, {error.reason}") from error
    return {member.name: content}


def _content(btf: Btf, value: bytes, member: ObjectMember) -> int | str:
    """What a member holds; 0 or "" where all of it is zero."""
    found = btf.resolve(member.type_id)
    if isinstance(found, Int | Enum):
        if member.bit_size:
            return bitfield(btf, value, member.bit_offset, member.bit_size, found.signed)
        return integer(btf, value, member.offset, found)
    raw = part(value, member.offset, member.size)
    if isinstance(found, Array) and is_char_array(btf, found):
        text, _, rest = raw.partition(b"\0")
        if any(rest):
            raise DecodeError("the object sets bytes after its text, which a plan cannot hold")
        return text.decode("utf-8", "surrogateescape")
    if any(raw):
        raise DecodeError(f"the object sets it, and a plan cannot ({member.type})")
    return 0


def _check_function(member: ObjectMember, type_: StructOpsType | None) -> None:
    if type_ and (problem := member_problem(type_, member.name)):
        raise _Lost(f"the object gives it {printable(member.program)}: {problem}")


def _quoted(content: int | str) -> str:
    return f'"{printable(content)}"' if isinstance(content, str) else str(content)
