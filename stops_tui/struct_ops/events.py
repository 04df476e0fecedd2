"""What changed between two snapshots, as a person would tell it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Event:
    """One change of one map.

    Attributes:
        time: Seconds since the epoch of the sweep that saw it.
        map_id: Which map.
        map_name: Its name.
        what: "map" (appeared or gone), "state", "status", "refcnt", "links" or "value".
        before: The old value as text; "" for a map that appeared.
        after: The new value as text; "" for a map that is gone.
    """

    time: float
    map_id: int
    map_name: str
    what: str
    before: str
    after: str
