"""`examples`: what can be registered on a bare host."""

from __future__ import annotations

from typing import Any

from stops_tui.exit_codes import FINE
from stops_tui.kernels.kernel import Kernel
from stops_tui.report.output import print_json, print_table
from stops_tui.struct_ops.examples import EXAMPLES, BuiltIn, unavailable
from stops_tui.struct_ops.types import offered_types


def report(kernel: Kernel, *, as_json: bool) -> int:
    """Print the examples, those too that this kernel cannot run; the exit code."""
    types = {type_.name: type_ for type_ in offered_types(kernel)}
    lacking = {name: unavailable(example, types) for name, example in EXAMPLES.items()}
    if as_json:
        print_json([_object(each, lacking[each.name]) for each in EXAMPLES.values()])
    else:
        rows = [_row(each, lacking[each.name]) for each in EXAMPLES.values()]
        print_table(("NAME", "TYPE", "MEMBERS", "WHAT IT DOES"), rows)
    return FINE


def _object(example: BuiltIn, lacking: str) -> dict[str, Any]:
    """One example; `problem` says why this kernel cannot run it, and is "" if it can."""
    return {
        "name": example.name,
        "type": example.type_name,
        "summary": example.summary,
        "programs": {member: f"example:{example.name}/{member}" for member in example.programs},
        "data": dict(example.data),
        "problem": lacking,
    }


def _row(example: BuiltIn, lacking: str) -> list[str]:
    what = f"not on this kernel: {lacking}" if lacking else example.summary
    return [example.name, example.type_name, " ".join(example.programs) or "-", what]
