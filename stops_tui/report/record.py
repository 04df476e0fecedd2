"""`record`: what happens, into a file, until ^C, a time, or a size."""

from __future__ import annotations

import signal
import time
from typing import Final

from stops_tui.bpf.errors import BpfError
from stops_tui.exit_codes import FINE, UNWRITTEN
from stops_tui.kernels.kernel import Kernel
from stops_tui.kernels.recording.error import RecordingError
from stops_tui.kernels.recording.file import Writer
from stops_tui.kernels.recording.recorder import Recorder
from stops_tui.kernels.recording.redact import Redacted, Whole
from stops_tui.report.output import note
from stops_tui.struct_ops.recording import types_shown

_ENDING: Final = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


def report(
    kernel: Kernel, path: str, interval: float, duration: float | None, most: int, *, redact: bool
) -> int:
    """Record until it is ended; the exit code.

    Args:
        kernel: What is recorded.
        path: The file, which must not be there yet.
        interval: Seconds between two looks.
        duration: Seconds after which it ends; None: never by itself.
        most: Bytes after which it ends.
        redact: Leave out names, paths and code.
    """
    # From here on they only end the waiting, so that the file says how it ended.
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    try:
        types, keep = types_shown(kernel), Redacted() if redact else Whole()
        recorder = Recorder(kernel, Writer(path), types, interval=interval, most=most, keep=keep)
        note(f"recording into {path}; ^C ends it")
        try:
            why = _record(recorder, interval, duration)
        except BpfError as error:
            recorder.close(f"the kernel refused to be looked at: {error}")
            raise
        recorder.close(why)
    except RecordingError as error:
        note(str(error))
        return UNWRITTEN
    note(f"{path}: {recorder.size:,} bytes; {recorder.ended}. To see it: stops-tui replay {path}")
    return FINE


def _record(recorder: Recorder, interval: float, duration: float | None) -> str:
    """Look again and again; why that ended."""
    ends = time.monotonic() + (float("inf") if duration is None else duration)
    while recorder.look():
        left = ends - time.monotonic()
        if left <= 0:
            return "its time was over"
        if signal.sigtimedwait(_ENDING, min(interval, left)):
            return "it was ended by hand"
    return recorder.ended
