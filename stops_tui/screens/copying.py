"""Choosing what of a map to copy."""

from __future__ import annotations

import json
from typing import Any

from textual.app import App

from stops_tui.report.maps import as_object
from stops_tui.screens.base import Facts
from stops_tui.screens.choose import ChooseScreen, Option
from stops_tui.struct_ops.holders import MapHolders
from stops_tui.struct_ops.inventory import MemberValue, Snapshot, StructOpsMap
from stops_tui.struct_ops.text import printable


def ask_what_to_copy(
    app: App[Any], facts: Facts, map_: StructOpsMap, member: MemberValue | None
) -> None:
    """Ask what of a map, or of the member at the cursor, is to be in the clipboard."""
    copies = _copies(facts, map_, member)

    def copy(name: str | None) -> None:
        if name:
            app.copy_to_clipboard(copies[name])
            app.notify(f"Copied the {name}.", markup=False)

    options = [
        Option(name, name, printable(" ".join(text.split()), 40)) for name, text in copies.items()
    ]
    app.push_screen(ChooseScreen("Copy", options), copy)


def _copies(facts: Facts, map_: StructOpsMap, member: MemberValue | None) -> dict[str, str]:
    """What may be copied, by name."""
    snapshot = facts.snapshot or Snapshot(0)
    copies = {"map id": str(map_.id), "map name": map_.name}
    if member and member.prog_id:
        program = snapshot.programs.get(member.prog_id)
        copies |= {"program id": str(member.prog_id)}
        copies |= {"program name": program.name} if program else {}
    holders = facts.holders.get(map_.id, MapHolders())
    copies["map as JSON"] = json.dumps(as_object(map_, snapshot, holders), indent=2)
    return copies
