"""Finding out which program the kernel does not take, where it only says EINVAL.

The kernel does not tell which member a program was made for, but it refuses one in another's
place. Scratch link maps, in which the kernel validates and registers nothing, tell them apart:
first with a program in every member that is known to be made for it, then with one of the plan's
at a time.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, closing

from stops_tui.bpf.errors import BpfError
from stops_tui.bpf.insns import R0, exit_, mov
from stops_tui.kernels.writes import Handle, NewMap, NewProgram, Refused, Writes
from stops_tui.struct_ops.registration.encode import encode
from stops_tui.struct_ops.registration.plan import Plan
from stops_tui.struct_ops.registration.steps import kernel_btf_id, slots
from stops_tui.struct_ops.types import StructOpsType

_NAME = "stops_scratch"
_RETURN_0 = (mov(R0, 0), exit_())


def misfits(
    plan: Plan, type_: StructOpsType, writes: Writes, programs: Mapping[str, Handle]
) -> tuple[str, ...] | None:
    """The members whose program was made for another one.

    Returns:
        None if that cannot be told: the kernel refuses the value with any programs, or takes no
        empty program for a member.
    """
    with ExitStack() as stack:
        try:
            btf = stack.enter_context(closing(writes.load_btf()))
            known = {
                name: stack.enter_context(closing(writes.load_program(_empty(type_, name))))
                for name in programs
            }
        except (BpfError, Refused):
            return None

        def accepted(tried: Mapping[str, Handle]) -> bool:
            return _accepted(plan, type_, writes, btf, tried)

        if not accepted(known):
            return None
        return tuple(
            name for name, program in programs.items() if not accepted({**known, name: program})
        )


def _empty(type_: StructOpsType, name: str) -> NewProgram:
    """`return 0` for a member."""
    index = next(member.index for member in type_.members if member.name == name)
    return NewProgram(_NAME, _RETURN_0, type_.type_id, index, kernel_btf_id(type_))


def _accepted(
    plan: Plan, type_: StructOpsType, writes: Writes, btf: Handle, programs: Mapping[str, Handle]
) -> bool:
    new = NewMap(
        _NAME, type_.value_type_id, type_.value_size, link=True, btf_id=kernel_btf_id(type_)
    )
    try:
        with closing(writes.create_map(new, btf)) as scratch:
            writes.update_map(scratch, encode(type_, plan.data), slots(type_, programs))
    except (BpfError, Refused):
        return False
    return True
