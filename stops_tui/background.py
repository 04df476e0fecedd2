"""Work off the screen's thread, one job at a time, that never keeps the program from ending."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from time import monotonic
from typing import Generic, TypeVar

T = TypeVar("T")


class Background(Generic[T]):
    """One line of work in daemon threads: a kernel call that blocks for ever blocks only itself.

    Textual's thread workers run in asyncio's executor, which is waited for on exit; these are not.

    Attributes:
        since: When the running job was started (`time.monotonic`); None while there is none.
    """

    def __init__(self, deliver: Callable[[T | Exception], object]) -> None:
        """Args: deliver: Called in the job's thread with its result, or with what it raised."""
        self._deliver = deliver
        self.since: float | None = None

    def start(self, job: Callable[[], T]) -> bool:
        """Run `job` unless one is running; returns whether it was started."""
        if self.since is not None:
            return False
        self.since = monotonic()
        Thread(target=self._run, args=(job,), daemon=True).start()
        return True

    def _run(self, job: Callable[[], T]) -> None:
        result: T | Exception
        try:
            result = job()
        except Exception as error:
            result = error
        self.since = None
        try:
            self._deliver(result)
        except RuntimeError:
            return  # the event loop is closed: nobody is left to tell
