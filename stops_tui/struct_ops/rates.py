"""Run statistics of programs as rates: what two readings some time apart say."""

from __future__ import annotations

from collections.abc import Mapping

from stops_tui.kernels.kernel import RunCount
from stops_tui.record import Record


class Rate(Record):
    """How a program ran between two readings.

    Attributes:
        calls: Calls a second.
        ns: Nanoseconds a call; None if it was not called.
    """

    calls: float
    ns: float | None


class Rates:
    """Turns successive readings into rates; a program read for the first time has none yet."""

    def __init__(self) -> None:
        self._time = 0.0
        self._counts: Mapping[int, RunCount] = {}

    def take(self, time: float, counts: Mapping[int, RunCount]) -> dict[int, Rate]:
        """Rates since the reading before.

        Args:
            time: When `counts` were read, in seconds of a clock that never goes back.
            counts: Run statistics by program id.
        """
        before, passed = self._counts, time - self._time
        self._time, self._counts = time, counts
        if passed <= 0:
            return {}
        return {
            prog_id: _rate(before[prog_id], now, passed)
            for prog_id, now in counts.items()
            if prog_id in before
        }


def _rate(before: RunCount, now: RunCount, passed: float) -> Rate:
    calls = max(now.run_cnt - before.run_cnt, 0)
    spent = max(now.run_time_ns - before.run_time_ns, 0)
    return Rate(calls / passed, spent / calls if calls else None)
