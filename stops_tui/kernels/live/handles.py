"""File descriptors of BPF objects, behind handles that show none."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from stops_tui.kernels.writes import HandleKind


class LiveHandle:
    """Keeps `Handle`: one file descriptor, closed once.

    Args:
        kind: What it is.
        object_id: The kernel's id of it.
        fd: Its file descriptor, close-on-exec and not 0; the handle's from now on.
        closed: Is called once, after it was closed.
    """

    def __init__(
        self, kind: HandleKind, object_id: int, fd: int, closed: Callable[[], None] | None = None
    ) -> None:
        if not fd:
            raise ValueError(f"{kind} {object_id}: the kernel takes file descriptor 0 as none")
        self._kind = kind
        self._id = object_id
        self._fd = fd
        self._closed = closed
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<{self._kind} {self._id}>"

    @property
    def kind(self) -> HandleKind:
        """What it is."""
        return self._kind

    @property
    def id(self) -> int:
        """The kernel's id of it."""
        return self._id

    @property
    def fd(self) -> int:
        """The file descriptor, for bpf(2) only.

        Raises:
            ValueError: It is closed.
        """
        if self._fd < 0:
            raise ValueError(f"the handle of {self._kind} {self._id} is closed")
        return self._fd

    def close(self) -> None:
        """Close it; nothing if it is closed."""
        with self._lock:
            fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)
            if self._closed:
                self._closed()
