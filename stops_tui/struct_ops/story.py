"""The whole story of a recording, told up to the moment that is looked at."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from stops_tui.kernels.recording.error import RecordingError
from stops_tui.kernels.recording.kernel import RecordedKernel
from stops_tui.struct_ops.events import EVENTS_KEPT, REFCNTS_KEPT, Event, History
from stops_tui.struct_ops.inventory import Inventory, Snapshot
from stops_tui.struct_ops.reasons import explained

TOLD_MOST: Final = 200_000
"""Events of a recording that are known ahead; more is no story."""


class Told(NamedTuple):
    """What happened in a recording from its beginning to its end.

    Attributes:
        events: By time.
        refcnts: Of each map the times at which its reference count changed, and to what.
        problem: Why this ends before the recording does, in words; "" if it does not.
    """

    events: tuple[Event, ...] = ()
    refcnts: Mapping[int, Sequence[tuple[float, int]]] = MappingProxyType({})
    problem: str = ""


def tell(path: str) -> Told:
    """Go through a whole recording, or up to its first damage.

    Takes seconds for a busy day of a few maps, minutes for one of a thousand.

    Raises:
        RecordingError: It cannot be opened any more.
    """
    kernel = RecordedKernel(path)
    events: list[Event] = []
    refcnts: dict[int, list[tuple[float, int]]] = defaultdict(list)
    try:
        history, inventory = History(), Inventory(kernel)
        for moment in kernel.moments()[1:]:  # the first only says how it began
            kernel.playback.seek(moment)
            snapshot = inventory.sweep()
            new = explained(history.add(snapshot), snapshot, kernel)
            events += new
            for map_id in {event.map_id for event in new} if refcnts else snapshot.maps:
                found, counts = snapshot.maps.get(map_id), refcnts[map_id]
                if found and (not counts or counts[-1][1] != found.refcnt):
                    counts.append((snapshot.time, found.refcnt))
            if len(events) > TOLD_MOST:
                return Told(tuple(events), refcnts, f"it has more than {TOLD_MOST:,} events")
    except RecordingError as error:
        return Told(tuple(events), refcnts, error.reason)
    else:
        return Told(tuple(events), refcnts)
    finally:
        kernel.close()


class Story(History):
    """A `History` that knows the future, and tells what came before `now`.

    Args:
        now: Seconds since the epoch of the moment that is looked at.

    Attributes:
        is_known: Whether it knows what happens.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__()
        self.is_known = False
        self._now = now
        self._told = Told()
        self._times: list[float] = []

    def take(self, told: Told) -> None:
        """Know what happens."""
        self.is_known = True
        self._told = told
        self._times = [event.time for event in told.events]

    def add(self, snapshot: Snapshot) -> list[Event]:
        """A snapshot of the past is no news."""
        return []

    @property
    def events(self) -> Sequence[Event]:
        """Those up to now, the oldest first, as many as are kept of the present."""
        past = bisect_right(self._times, self._now())
        return self._told.events[max(0, past - EVENTS_KEPT) : past]

    @property
    def marks(self) -> list[tuple[float, bool]]:
        """When something happens, and whether it is more than a reference count."""
        marks: dict[float, bool] = {}
        for event in self._told.events:
            marks[event.time] = marks.get(event.time, False) or event.what != "refcnt"
        return list(marks.items())

    def events_of(self, map_id: int) -> list[Event]:
        """Those of one map up to now."""
        return [event for event in self.events if event.map_id == map_id]

    def refcnts(self, map_id: int) -> tuple[int, ...]:
        """The last different reference counts of a map up to now."""
        counts = self._told.refcnts.get(map_id, [])
        past = bisect_right(counts, self._now(), key=lambda count: count[0])
        return tuple(refcnt for _, refcnt in counts[max(0, past - REFCNTS_KEPT) : past])

    def next_event(self) -> float | None:
        """When the next one happens; None after the last."""
        after = bisect_right(self._times, self._now())
        return self._times[after] if after < len(self._times) else None

    def previous_event(self) -> float | None:
        """When the last one before now happened; None before the first."""
        before = bisect_left(self._times, self._now())
        return self._times[before - 1] if before else None
