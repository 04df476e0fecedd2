"""A scheduler."""

from __future__ import annotations

from stops_tui.btf import Btf
from stops_tui.struct_ops.examples.example import BuiltIn
from stops_tui.struct_ops.value import bit_names, enum_named

_PARTIAL = "SWITCH_PARTIAL"


def _no_partial(btf: Btf) -> str:
    """Without it, every normal task of the host would go to an example."""
    flags = enum_named(btf, "scx_ops_flags")
    if flags and _PARTIAL in bit_names(flags).values():
        return ""
    return f"this kernel's BTF has no flag {_PARTIAL} in enum scx_ops_flags"


FIFO = BuiltIn(
    "fifo",
    "sched_ext_ops",
    "first in, first out, without a program of its own, for tasks of the SCHED_EXT class only",
    data={"name": "stops_fifo", "flags": _PARTIAL},
    needs=_no_partial,
)
