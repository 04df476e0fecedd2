"""Work done by a child process while this one goes on starting.

A thread would not do: every bpf(2) call gives up the interpreter's lock, and a thread that imports
modules gives it back every 5 ms at best. 20,000 calls would wait for minutes.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, NoReturn, TypeVar

T = TypeVar("T")


class Ahead(Generic[T]):
    """What a job returns, once it is needed.

    The job is done in a copy of this process, and what it returns is pickled: what it changes
    otherwise stays there. To be made before there are other threads (fork(2)).
    """

    def __init__(self, job: Callable[[], T]) -> None:
        """Raises OSError where no process can be made."""
        self._file = os.memfd_create("ahead")  # holds it whole: nobody waits to write or to read
        try:
            self._pid = os.fork()
        except OSError:
            os.close(self._file)
            raise
        if self._pid == 0:
            _do(job, self._file)

    def result(self) -> T | None:
        """Wait for what the job returns; None if it failed. To be called once."""
        with suppress(ChildProcessError):  # SIGCHLD is ignored: the kernel took it away
            os.waitpid(self._pid, 0)
        with os.fdopen(self._file, "rb") as file:
            file.seek(0)
            try:
                found: T = pickle.load(file)  # noqa: S301 (written by this very program)
            except (EOFError, pickle.UnpicklingError):  # it ended before its time
                return None
        return found


def _do(job: Callable[[], object], writer: int) -> NoReturn:
    """In the child: hand over the result, and end without a word, whatever happens."""
    try:
        with os.fdopen(writer, "wb") as file:
            pickle.dump(job(), file, pickle.HIGHEST_PROTOCOL)
    finally:
        os._exit(0)
