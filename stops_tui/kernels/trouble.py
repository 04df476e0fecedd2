"""What a kernel may answer with at any time, instead of what it was asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar

from stops_tui.bpf.errors import BpfError
from stops_tui.btf import BtfError
from stops_tui.kernels.kernel import KernelUnreadable
from stops_tui.kernels.recording.error import RecordingError
from stops_tui.kernels.writes import ReadOnly

T = TypeVar("T")

TROUBLE: Final = (BpfError, BtfError, KernelUnreadable, ReadOnly, RecordingError, OSError)
"""Each says in words what is wrong; whatever else is raised is a bug."""


def attempted(job: Callable[[], T]) -> T | str:
    """What a job gives, or the words of the trouble there was."""
    try:
        return job()
    except TROUBLE as error:
        return str(error)
