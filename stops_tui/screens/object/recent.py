"""The object files that were opened before, the newest first: kept in this user's state folder.

Nothing depends on the list: where it cannot be read it is empty, where it cannot be written it
stays as it was.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from stops_tui.screens.files import Entry
from stops_tui.screens.path_browser import Known

KEPT = 10
LARGEST = 1 << 17
"""Bytes of the list, of which paths of the longest kind (PATH_MAX) take less."""

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def recent() -> list[Known]:
    """The files with what is there now. May block."""
    return [Known(path, _entry(path)) for path in _paths()]


def remember(path: str) -> None:
    """Put this file, by its whole path, at the head of the list."""
    with suppress(OSError):
        _write([path, *(each for each in _paths() if each != path)][:KEPT])


def _file() -> Path:
    from platformdirs import user_state_path

    return user_state_path("stops-tui") / "objects.json"


def _paths() -> list[str]:
    try:
        found = json.loads(_content(_file()))
    except (OSError, ValueError, RecursionError):
        return []
    paths = [path for path in found if isinstance(path, str)] if isinstance(found, list) else []
    return paths[:KEPT]


def _content(file: Path) -> bytes:
    """The list as it is written; never waits for a pipe in its place."""
    fd = os.open(file, _READ)
    try:
        return os.read(fd, LARGEST) if stat.S_ISREG(os.fstat(fd).st_mode) else b""
    finally:
        os.close(fd)


def _write(paths: Sequence[str]) -> None:
    """Replace the list as a whole, readable to its owner alone."""
    file = _file()
    file.parent.parent.mkdir(parents=True, exist_ok=True)
    file.parent.mkdir(mode=0o700, exist_ok=True)
    new = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        fd = os.open(new, _WRITE, 0o600)
        with os.fdopen(fd, "wb") as out:
            out.write(json.dumps(paths).encode())
        new.replace(file)
    finally:
        new.unlink(missing_ok=True)


def _entry(path: str) -> Entry | None:
    try:
        status = Path(path).stat()
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return Entry(Path(path).name, False, status.st_size, status.st_mtime)
