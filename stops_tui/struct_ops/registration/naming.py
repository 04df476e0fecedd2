"""Names that the kernel takes: maps', programs' and those within subsystems."""

from __future__ import annotations

import re
from collections.abc import Mapping

from stops_tui.struct_ops.registration.plan import MAP_NAME_LENGTH
from stops_tui.struct_ops.subsystems import of_type

ALLOWED = "letters, digits, _ and ."
"""What bpf_obj_name_cpy() takes (kernel/bpf/syscall.c)."""

_REFUSED = re.compile(r"[^A-Za-z0-9_.]")


def name_problem(name: str, longest: int = MAP_NAME_LENGTH) -> str:
    """Why the kernel would not take this name, and what to do; "" if it would."""
    if not name:
        return "it is empty: give it a name"
    if found := _REFUSED.search(name):
        return f"it may have {ALLOWED} only, not {found[0]!a}"
    if len(name) > longest:
        return f"it has {len(name)} characters: shorten it to {longest}"
    return ""


def map_name_for(type_name: str, data: Mapping[str, int | str]) -> str:
    """A map's name after the one it has in its subsystem, else after its type."""
    named = str(data.get(of_type(type_name).registering.name, ""))
    return _REFUSED.sub("", named or type_name)[:MAP_NAME_LENGTH] or "struct_ops"
