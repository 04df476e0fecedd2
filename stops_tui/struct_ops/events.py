"""What changed between two snapshots, as a person would tell it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from stops_tui.record import Record
from stops_tui.struct_ops.inventory import MemberValue, Snapshot, StructOpsMap
from stops_tui.struct_ops.status import UNREGISTERED_HELD

EVENTS_KEPT = 10_000
REFCNTS_KEPT = 8


class Event(Record):
    """One change of one map.

    Attributes:
        time: Seconds since the epoch of the sweep that saw it.
        map_id: Which map.
        map_name: Its name.
        what: "map" (appeared or gone), "state", "status", "refcnt", "links" or "value".
        before: The old value as text; "" for a map that appeared. Of a map: its status; of
            links: their ids, "22, 23"; of a value: the members that differ.
        after: The new value as text; "" for a map that is gone.
        reason: Why, in words, where that is known.
    """

    time: float
    map_id: int
    map_name: str
    what: str
    before: str
    after: str
    reason: str = ""


def diff(before: Snapshot | None, after: Snapshot) -> list[Event]:
    """What happened between two snapshots, by map id, then in the order of `Event.what`'s words.

    Args:
        before: The older snapshot; None at the start, when nothing has happened yet.
        after: The newer one, whose time the events get.
    """
    if before is None or before is after:
        return []
    events: list[Event] = []
    gone = before.maps.keys() - after.maps.keys()
    differ = [map_id for map_id, new in after.maps.items() if before.maps.get(map_id) is not new]
    for map_id in sorted([*gone, *differ]):
        old, new = before.maps.get(map_id), after.maps.get(map_id)
        if old and new:
            changes, name = _changes(old, new), new.name
        elif new:
            changes, name = {"map": ("", new.status)}, new.name
        elif old:
            changes, name = {"map": (old.status, "")}, old.name
        events += (
            Event(after.time, map_id, name, what, was, now, _reason(what, was, now))
            for what, (was, now) in changes.items()
            if was != now
        )
    return events


def _reason(what: str, was: str, now: str) -> str:
    freed = what == "map" and was == UNREGISTERED_HELD and not now
    return "freed: its last holder let go" if freed else ""


def _changes(old: StructOpsMap, new: StructOpsMap) -> dict[str, tuple[str, str]]:
    """Each thing that may change in a map's life, before and after."""
    return {
        "state": (old.state, new.state),
        "status": (old.status, new.status),
        "refcnt": (str(old.refcnt), str(new.refcnt)),
        "links": (_ids(old.links), _ids(new.links)),
        "value": _values(old, new),
    }


def _ids(links: tuple[int, ...]) -> str:
    return ", ".join(map(str, links))


def _values(old: StructOpsMap, new: StructOpsMap) -> tuple[str, str]:
    """The members that differ, as text; not where a new state says why they do."""
    if old.state != new.state:
        return "", ""
    pairs = [(a, b) for a, b in zip(old.members, new.members, strict=False) if a != b]
    return _texts(a for a, _ in pairs), _texts(b for _, b in pairs)


def _texts(values: Iterable[MemberValue]) -> str:
    return ", ".join(f"{v.member.name} {v.text or v.prog_id}" for v in values)


class History:
    """The life of every map since the start: events, and the last different refcnts."""

    def __init__(self) -> None:
        self._last: Snapshot | None = None
        self._events: deque[Event] = deque(maxlen=EVENTS_KEPT)
        self._refcnts: dict[int, deque[int]] = {}

    def add(self, snapshot: Snapshot) -> list[Event]:
        """Take in the newest snapshot; returns what happened since the one before it."""
        new = diff(self._last, snapshot)
        if snapshot is not self._last:
            self._count(snapshot)
            self._last = snapshot
        self._events.extend(new)
        return new

    @property
    def events(self) -> Sequence[Event]:
        """All events kept, the oldest first."""
        return self._events

    def events_of(self, map_id: int) -> list[Event]:
        """The events of one map, the oldest first."""
        return [event for event in self._events if event.map_id == map_id]

    def explain(self, map_id: int, status: str, reason: str) -> None:
        """Say why a map came to the status it has: that is found out after the event."""
        for nth, event in reversed(list(enumerate(self._events))):
            if (event.map_id, event.what) == (map_id, "status"):
                if event.after == status:
                    self._events[nth] = event._replace(reason=reason)
                return

    def unregistered(self, map_id: int) -> float | None:
        """When a map was seen to be unregistered though held; None if it was so before."""
        times = [
            event.time
            for event in self.events_of(map_id)
            if event.what == "status" and event.after == UNREGISTERED_HELD
        ]
        return times[-1] if times else None

    def refcnts(self, map_id: int) -> tuple[int, ...]:
        """The last different reference counts of a map, the newest last; at most eight."""
        return tuple(self._refcnts.get(map_id, ()))

    def _count(self, snapshot: Snapshot) -> None:
        for map_id in self._refcnts.keys() - snapshot.maps.keys():
            del self._refcnts[map_id]
        for map_id, map_ in snapshot.maps.items():
            counts = self._refcnts.get(map_id)
            if counts is None:
                self._refcnts[map_id] = deque([map_.refcnt], maxlen=REFCNTS_KEPT)
            elif counts[-1] != map_.refcnt:
                counts.append(map_.refcnt)
