"""How often sched_ext's events happen: what two looks some time apart say."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from types import MappingProxyType

APART = 0.5
"""Seconds that must lie between two looks: over less, a rate is noise."""

_NONE: Mapping[str, int] = MappingProxyType({})


class EventRates:
    """Turns successive counts into rates; the first ones have none yet."""

    def __init__(self) -> None:
        self._time = 0.0
        self._counts = _NONE
        self._rates: Mapping[str, float] = {}

    def take(self, counts: Mapping[str, int]) -> Mapping[str, float]:
        """Events a second since the counts before, by name."""
        now = monotonic()
        passed = now - self._time
        if passed >= APART:
            self._rates = {
                name: max(count - self._counts[name], 0) / passed
                for name, count in counts.items()
                if name in self._counts
            }
            self._time, self._counts = now, counts
        return self._rates
