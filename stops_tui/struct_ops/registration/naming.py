"""Names that the kernel takes: maps', programs' and those within subsystems."""

from __future__ import annotations

from collections.abc import Mapping

from stops_tui.bpf.info import NAME_LENGTH, NOT_IN_NAME
from stops_tui.struct_ops.subsystems import of_type

ALLOWED = "letters, digits, _ and ."
"""What a name may have, in words."""


def name_problem(name: str, longest: int = NAME_LENGTH) -> str:
    """Why the kernel would not take this name, and what to do; "" if it would."""
    if not name:
        return "it is empty: give it a name"
    if found := NOT_IN_NAME.search(name):
        return f"it may have {ALLOWED} only, not {found[0]!a}"
    if len(name) > longest:
        return f"it has {len(name)} characters: shorten it to {longest}"
    return ""


def map_name_for(type_name: str, data: Mapping[str, int | str]) -> str:
    """A map's name after the one it has in its subsystem, else after its type."""
    named = str(data.get(of_type(type_name).registering.name, ""))
    return NOT_IN_NAME.sub("", named or type_name)[:NAME_LENGTH] or "struct_ops"
