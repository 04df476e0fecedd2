"""Where a recording is looked at: it plays, pauses, and can be sought."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic


class Playback:
    """A position that moves by itself while it plays, and stops at the end.

    Attributes:
        length: Seconds from the beginning to the end.
    """

    def __init__(self, length: float, clock: Callable[[], float] = monotonic) -> None:
        """Paused at the end, at the speed of life.

        Args:
            length: In seconds.
            clock: Seconds of a clock that never goes back.
        """
        self.length = length
        self._clock = clock
        self._speed = 1.0
        self._from = length
        self._since: float | None = None

    @property
    def position(self) -> float:
        """Seconds since the beginning."""
        if self._since is None:
            return self._from
        return min(self.length, self._from + (self._clock() - self._since) * self._speed)

    @property
    def playing(self) -> bool:
        """Whether the position moves."""
        return self._since is not None and self.position < self.length

    @property
    def speed(self) -> float:
        """Seconds of the recording in one second."""
        return self._speed

    @speed.setter
    def speed(self, speed: float) -> None:
        self.seek(self.position)
        self._speed = speed

    def seek(self, position: float) -> None:
        """Go there, and go on playing if it played."""
        self._from = min(max(0.0, position), self.length)
        if self._since is not None:
            self._since = self._clock()

    def play(self) -> None:
        """Go on; from the beginning, if it is at its end."""
        position = self.position
        self._since = self._clock()
        self._from = 0.0 if position >= self.length else position

    def pause(self) -> None:
        """Stay where it is."""
        self._from, self._since = self.position, None
