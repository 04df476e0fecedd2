"""A look that is repeated while a person sees its result, at a pace that it can keep."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from textual.timer import Timer

from stops_tui.kernels.trouble import TROUBLE

if TYPE_CHECKING:
    from stops_tui.screens.base import StopsScreen

T = TypeVar("T")

EVERY = 3.0
"""Seconds between two looks while nothing is known to have changed."""
APART = 0.5
"""Seconds between two looks at least …"""
SHARE = 4
"""… and so many times as long as the last one took: a fifth of a core at most."""
LATE = 0.5
"""Seconds that a look may take before the screen says that it is under way."""


class _Ended(NamedTuple, Generic[T]):
    """What a look brought, or why it failed; and how many seconds it took."""

    result: T | None
    problem: str
    seconds: float


class Repeated(Generic[T]):
    """One look at a time, in a thread of its own; none while stopped or the app is paused.

    Attributes:
        late: Whether a look is under way that takes long.
        problem: Why the last one failed; "" if it did not.
    """

    def __init__(
        self,
        screen: StopsScreen,
        job: Callable[[], Callable[[], T]],
        take: Callable[[T], bool],
        show: Callable[[], object],
    ) -> None:
        """Stopped, until `soon` is called.

        Args:
            screen: Who asks.
            job: Makes the next look.
            take: Takes what it brought; returns whether that was out of date already.
            show: Called when a look is late, and when one ended.
        """
        self._screen = screen
        self._job = job
        self._take = take
        self._show = show
        self._next: Timer | None = None
        self._running = False
        self._wanted = False
        self._earliest = 0.0
        self.late = False
        self.problem = ""

    def soon(self, hurry: bool = False) -> None:
        """Look as soon as the pace allows, or at once; and then every so often."""
        self._wanted = True
        if not self._running:
            self._look_in(0, hurry)

    def stop(self) -> None:
        """Look no more."""
        self._wanted = False
        self._disarm()

    def _disarm(self) -> None:
        if self._next:
            self._next.stop()
            self._next = None

    def _look_in(self, seconds: float, hurry: bool = False) -> None:
        self._disarm()
        wait = 0 if hurry else max(seconds, self._earliest - monotonic(), 0)
        if wait:
            self._next = self._screen.set_timer(wait, self._look)
        else:
            self._look()

    def _look(self) -> None:
        if self._screen.facts.paused:
            self._look_in(EVERY)
            return
        self._running = True
        self._next = self._screen.set_timer(LATE, self._is_late)
        self._screen.facts.lookup(self._screen, partial(_run, self._job()), self._ended)

    def _is_late(self) -> None:
        self.late = True
        self._show()

    def _ended(self, ended: _Ended[T]) -> None:
        self._disarm()
        self._running = self.late = False
        self._earliest = monotonic() + max(APART, SHARE * ended.seconds)
        if not self._wanted:
            return
        self.problem = ended.problem
        stale = ended.result is not None and self._take(ended.result)
        self._show()
        self._look_in(0 if stale else EVERY)


def _run(job: Callable[[], T]) -> _Ended[T]:
    """In the thread: a kernel that refuses is told of on the screen."""
    began = monotonic()
    try:
        result, problem = job(), ""
    except TROUBLE as error:
        return _Ended(None, str(error), monotonic() - began)
    return _Ended(result, problem, monotonic() - began)
