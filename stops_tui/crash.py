"""What is written down when the program fails: a file for a bug report, a line for the person."""

from __future__ import annotations

import os
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from platform import python_version

from stops_tui import __version__


def write_crash_file(error: BaseException) -> Path:
    """Write the traceback of `error` to a new file that only its owner may read.

    No values of variables are in it: they may hold what a host's owner does not want to share.

    Raises:
        OSError: The state folder cannot be written.
    """
    from platformdirs import user_state_path

    folder = user_state_path("stops-tui")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    now = datetime.now(UTC)
    path = folder / f"crash-{now:%Y%m%d-%H%M%S}-{os.getpid()}.txt"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    descriptor = os.open(path, flags, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(f"stops-tui {__version__}, Python {python_version()}, {sys.platform}\n")
        file.write("".join(traceback.format_exception(error)))
    return path


def crash_line(error: BaseException) -> str:
    """One line for standard error: what happened, and where the whole of it was written."""
    what = f"stops-tui: internal error: {type(error).__name__}: {error}".splitlines()[0][:200]
    try:
        return f"{what} (details: {write_crash_file(error)})"
    except OSError as problem:
        return f"{what} (no crash file: {problem.strerror})"
