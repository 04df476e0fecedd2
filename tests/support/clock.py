"""A clock that a test moves by hand."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Clock:
    """Seconds, when called."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now
