"""Finding out which program or value the kernel does not take, where it only says EINVAL.

The kernel does not tell which member a program was made for, but it refuses one in another's
place. Scratch link maps, in which the kernel validates and registers nothing, tell them apart:
first with a program in every member that is known to be made for it, then with one of the plan's
at a time. If even the known ones are refused, it is the data: then without one value at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, closing
from typing import NamedTuple

from stops_tui.bpf.errors import BpfError
from stops_tui.bpf.insns import R0, exit_, mov
from stops_tui.kernels.writes import Handle, NewMap, NewProgram, Refused, Writes
from stops_tui.struct_ops.registration.encode import encode
from stops_tui.struct_ops.registration.plan import Plan
from stops_tui.struct_ops.registration.steps import kernel_btf_id, slots
from stops_tui.struct_ops.types import StructOpsType

_NAME = "stops_scratch"
_RETURN_0 = (mov(R0, 0), exit_())


class Blame(NamedTuple):
    """What the kernel does not take.

    Attributes:
        programs: Members whose program was made for another one.
        data: Data members that are refused for their value; only where no program is to blame.
    """

    programs: tuple[str, ...] = ()
    data: tuple[str, ...] = ()


def blame(
    plan: Plan, type_: StructOpsType, writes: Writes, programs: Mapping[str, Handle]
) -> Blame:
    """Which programs or values are to blame; none if trials do not tell."""
    with ExitStack() as stack:
        try:
            btf = stack.enter_context(closing(writes.load_btf()))
            known = {
                name: stack.enter_context(closing(writes.load_program(_empty(type_, name))))
                for name in programs
            }
        except (BpfError, Refused):
            return Blame()

        def accepted(tried: Mapping[str, Handle], without: str = "") -> bool:
            data = {name: value for name, value in plan.data.items() if name != without}
            return _accepted(data, type_, writes, btf, tried)

        if not accepted(known):
            return Blame(data=tuple(name for name in plan.data if accepted(known, without=name)))
        found = (name for name, own in programs.items() if not accepted({**known, name: own}))
        return Blame(programs=tuple(found))


def _empty(type_: StructOpsType, name: str) -> NewProgram:
    """`return 0` for a member."""
    index = next(member.index for member in type_.members if member.name == name)
    return NewProgram(_NAME, _RETURN_0, type_.type_id, index, kernel_btf_id(type_))


def _accepted(
    data: Mapping[str, int | str],
    type_: StructOpsType,
    writes: Writes,
    btf: Handle,
    programs: Mapping[str, Handle],
) -> bool:
    new = NewMap(
        _NAME, type_.value_type_id, type_.value_size, link=True, btf_id=kernel_btf_id(type_)
    )
    try:
        with closing(writes.create_map(new, btf)) as scratch:
            writes.update_map(scratch, encode(type_, data), slots(type_, programs))
    except (BpfError, Refused):
        return False
    return True
