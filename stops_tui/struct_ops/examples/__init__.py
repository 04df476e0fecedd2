"""Small struct_ops implementations that need no compiler, no libbpf and nothing loaded."""

from __future__ import annotations

from collections.abc import Mapping

from stops_tui.struct_ops.examples.example import BuiltIn, Missing
from stops_tui.struct_ops.examples.sched_ext import FIFO
from stops_tui.struct_ops.examples.tcp import CONSTANT, RENO
from stops_tui.struct_ops.registration.naming import map_name_for
from stops_tui.struct_ops.registration.plan import Example, Plan, PlanError
from stops_tui.struct_ops.types import StructOpsType

EXAMPLES: Mapping[str, BuiltIn] = {each.name: each for each in (RENO, CONSTANT, FIFO)}
"""All examples by name, also those that this kernel cannot run."""


def unavailable(example: BuiltIn, types: Mapping[str, StructOpsType]) -> str:
    """Why this kernel cannot run an example; "" if it can."""
    type_ = types.get(example.type_name)
    return example.missing(type_.btf) if type_ else f"this kernel has no {example.type_name}"


def example_plan(name: str, types: Mapping[str, StructOpsType], *, link: bool = False) -> Plan:
    """The plan that registers a whole example.

    Raises:
        PlanError: There is no such example, or this kernel cannot run it.
    """
    example = EXAMPLES.get(name)
    if example is None:
        raise PlanError(f"there is no example {name!r}: there are {', '.join(EXAMPLES)}")
    if lacking := unavailable(example, types):
        raise PlanError(f"example {name}: {lacking}")
    return Plan(
        example.type_name,
        map_name_for(example.type_name, example.data),
        {member: Example(name, member) for member in example.programs},
        dict(example.data),
        link=link,
    )


__all__ = ["EXAMPLES", "BuiltIn", "Missing", "example_plan", "unavailable"]
