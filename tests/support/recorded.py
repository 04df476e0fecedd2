"""Recordings of a fake kernel, on a clock that a test moves."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import count
from pathlib import Path

from stops_tui.kernels.kernel import Kernel
from stops_tui.kernels.recording.file import Writer
from stops_tui.kernels.recording.kernel import RecordedKernel
from stops_tui.kernels.recording.recorder import Recorder
from stops_tui.kernels.recording.redact import Whole
from stops_tui.struct_ops.recording import types_shown

START = 1_700_000_000.0


def full_after(writes: int) -> Callable[[int, bytes], int]:
    """os.write() on a disk that has room for so many."""
    write, left = os.write, count(-writes)
    return lambda fd, data: write(fd, data) if next(left) < 0 else 0


class Tape:
    """A recorder and its clock.

    Attributes:
        now: Seconds since the epoch.
        recorder: Records at `now`.
    """

    def __init__(
        self, kernel: Kernel, path: Path, *, most: int = 1 << 20, keep: Whole | None = None
    ) -> None:
        self.now = START
        self.path = str(path)
        self.recorder = Recorder(
            kernel,
            Writer(self.path),
            types_shown(kernel),
            interval=1.0,
            most=most,
            keep=keep,
            clock=lambda: self.now,
        )

    def look(self, seconds: float = 1.0) -> bool:
        """Some time later, one look; whether it goes on."""
        self.now += seconds
        return self.recorder.look()

    def play(self, why: str = "enough") -> RecordedKernel:
        """End it, and open it."""
        self.recorder.close(why)
        return RecordedKernel(self.path)
