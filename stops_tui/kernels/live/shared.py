"""What several threads use, and the last of them closes."""

from __future__ import annotations

import threading
from contextlib import ExitStack


class Shared:
    """A stack of what is open until its last user has gone.

    Who opened it is its first user; a look that hangs in a thread of its own outlives who asked for
    it, and what it uses must not be closed under it, or be somebody else's by then.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._lock = threading.Lock()
        self._users = 0
        self._closed = False

    def __enter__(self) -> ExitStack:
        """One user more. TimeoutError: the last one has gone already."""
        with self._lock:
            if self._closed:
                raise TimeoutError("who asked for this look has gone")
            self._users += 1
        return self._stack

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._users -= 1
            last = self._closed = not self._users
        if last:
            self._stack.close()
