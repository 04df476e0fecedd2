"""What is no longer as a person saw it: then nothing is done."""

from __future__ import annotations

from stops_tui.struct_ops.inventory import Snapshot


def link_changed(link_id: int, map_id: int, now: Snapshot) -> str:
    """What became of a link that held this map, or with 0 none; "" if it is as it was."""
    link = now.links.get(link_id)
    if link is None:
        return f"link {link_id} is gone since you looked"
    if link.map_id != map_id:
        return (
            f"link {link_id} held {_map(map_id)} when you looked and holds {_map(link.map_id)} now"
        )
    return ""


def _map(map_id: int) -> str:
    return f"map {map_id}" if map_id else "no map"
