"""Moments of a recording, as a person says them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta
from math import isfinite

EXPECTED = "+90 (seconds from its beginning), 21:13:52, or 2026-11-23T21:13:52"

Moment = Callable[[float], float]
"""When a recording began (seconds since the epoch) → seconds from then to the moment."""


def parse_moment(text: str) -> Moment:
    """Seconds after the beginning, a time of day, or a date and time; where not said, local ones.

    Raises:
        ValueError: It is none of these.
    """
    if text.startswith("+"):
        seconds = float(text)
        if not isfinite(seconds):
            raise ValueError(text)
        return lambda _: seconds
    if "T" not in text and ":" in text:
        clock = time.fromisoformat(text)
        return lambda start: _next(clock, start) - start
    when = datetime.fromisoformat(text).timestamp()
    return lambda start: when - start


def _next(clock: time, start: float) -> float:
    """When clocks of its zone first show this time, seconds since the epoch."""
    began = datetime.fromtimestamp(start, clock.tzinfo)
    when = datetime.combine(began.date(), clock)
    # Who reads 21:13:52 off a screen means all of that second.
    if when < began.replace(microsecond=0):
        when += timedelta(days=1)
    return max(when.timestamp(), start)
