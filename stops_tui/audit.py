"""The audit file: every change to a kernel that was asked for, one JSON object a line.

    {"time": "2026-11-23T04:11:09.123+00:00", "pid": 4711, "uid": 0,
     "call": "BPF_MAP_UPDATE_ELEM", "arguments": {"map": 58}, "result": 0, "error": ""}

Writing it never stands in the way of the change itself: it was made already.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from stops_tui.kernels.writes import Call

_FLAGS = (
    os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
)  # O_NONBLOCK: a FIFO in its place is refused, not waited for


class Audit:
    """Appends calls to the audit file, which only its owner may read. Keeps no file open.

    Args:
        path: The file; None for `audit.jsonl` in this user's state folder.
        report: Is told, once a call, why it could not be written; from the thread that made it.

    Attributes:
        path: The file.
        problem: Why the last call could not be written; "" if it was.
    """

    def __init__(
        self, path: Path | None = None, report: Callable[[str], None] | None = None
    ) -> None:
        self.path = path or default_path()
        self.problem = ""
        self._report = report

    def append(self, call: Call) -> None:
        """Write one line, at once and whole; what prevents it is reported, never raised."""
        try:
            self._write(_line(call))
            self.problem = ""
        except OSError as error:
            self.problem = f"{self.path} was not written: {error.strerror or error}"
            if self._report:
                self._report(self.problem)

    def _write(self, line: bytes) -> None:
        folder = self.path.parent
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        fd = os.open(self.path, _FLAGS, 0o600)
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise OSError("it is no regular file")
            os.fchmod(fd, 0o600)
            written = os.write(fd, line)
            if written < len(line):
                # Half a line would swallow the next one, which may be another process's.
                os.ftruncate(fd, os.lseek(fd, 0, os.SEEK_CUR) - written)
                raise OSError("the file system is full")
        finally:
            os.close(fd)


def default_path() -> Path:
    """`$XDG_STATE_HOME/stops-tui/audit.jsonl`, by default under ~/.local/state."""
    from platformdirs import user_state_path

    return user_state_path("stops-tui") / "audit.jsonl"


def _line(call: Call) -> bytes:
    """One line of ASCII, so that no byte of a name can end it or reach a terminal raw."""
    told = {
        "time": datetime.fromtimestamp(call.time, UTC).isoformat(timespec="milliseconds"),
        "pid": os.getpid(),
        "uid": os.getuid(),
        "call": call.command,
        "arguments": dict(call.arguments),
        "result": call.result,
        "error": call.error,
    }
    return json.dumps(told).encode() + b"\n"
