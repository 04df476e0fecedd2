"""Work off the screen's thread, one job at a time, that never keeps the program from ending."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from threading import Thread
from time import monotonic
from typing import Generic, TypeVar

T = TypeVar("T")


class Background(Generic[T]):
    """One line of work in daemon threads: a kernel call that blocks for ever blocks only itself.

    Textual's thread workers run in asyncio's executor, which is waited for on exit; these are not.
    """

    def __init__(self, deliver: Callable[[T | Exception], object]) -> None:
        """Args: deliver: Called in the job's thread with its result, or with what it raised."""
        self._deliver = deliver
        self._since: float | None = None

    @property
    def seconds(self) -> float:
        """How long the running job takes already; 0 while there is none."""
        since = self._since  # once: its thread may end it in between
        return monotonic() - since if since is not None else 0.0

    def start(self, job: Callable[[], T]) -> bool:
        """Run `job` unless one is running; returns whether it was started."""
        if self._since is not None:
            return False
        self._start(job, self._hand_over)
        return True

    def wait_for(self, job: Callable[[], T], seconds: float) -> T | Exception | None:
        """Run `job` as the first one, and wait a little for its result, or for what it raised.

        Returns:
            None if it takes longer: what becomes of it is delivered then.
        """
        result: Future[T | Exception] = Future()
        self._start(job, result.set_result)
        try:
            return result.result(seconds)
        except TimeoutError:
            result.add_done_callback(lambda late: self._hand_over(late.result()))
            return None

    def _start(self, job: Callable[[], T], done: Callable[[T | Exception], object]) -> None:
        self._since = monotonic()
        Thread(target=self._run, args=(job, done), daemon=True).start()

    def _run(self, job: Callable[[], T], done: Callable[[T | Exception], object]) -> None:
        result: T | Exception
        try:
            result = job()
        except Exception as error:
            result = error
        self._since = None
        done(result)

    def _hand_over(self, result: T | Exception) -> None:
        with suppress(RuntimeError):  # the event loop is closed: nobody is left to tell
            self._deliver(result)
