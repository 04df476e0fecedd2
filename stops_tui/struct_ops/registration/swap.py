"""Putting another map into a link (BPF_LINK_UPDATE), where the subsystem can."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Swap:
    """A link, the map in it and the one to put there, as they were when a person looked.

    Attributes:
        link_id: The link.
        old_map_id: The map it held.
        old_map_name: That map's name.
        new_map_id: The map to put there.
        new_map_name: Its name.
        type_name: The struct both implement.
    """

    link_id: int
    old_map_id: int
    old_map_name: str
    new_map_id: int
    new_map_name: str
    type_name: str
