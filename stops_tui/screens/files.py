"""What is in a folder, for a line where a path is typed as in a shell."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from stops_tui.struct_ops.text import printable

MOST = 50_000
"""Entries of a folder looked at; of those after them, a path can still be typed."""

TROUBLE = (OSError, ValueError, RuntimeError)
"""What a path may be answered with: the second for a NUL in it, the last for `~nobody/`."""


class Entry(NamedTuple):
    """A folder, or a file of the kind that is looked for.

    Attributes:
        name: Its own name, as it is: escape it where it is shown.
        is_folder: Whether it can be gone into.
        size: Bytes of a file.
        changed: When a file was written (seconds since the epoch).
    """

    name: str
    is_folder: bool
    size: int = 0
    changed: float = 0.0


class Listing(NamedTuple):
    """What was seen of a folder.

    Attributes:
        path: The whole path of the folder; "" if there is none.
        entries: Folders, then files, each by name.
        problem: Why there is nothing to see, or not all of it; "" if all is seen.
    """

    path: str
    entries: tuple[Entry, ...] = ()
    problem: str = ""


def look(folder: str, suffix: str) -> Listing:
    """The folders in a folder, and its regular files whose names end in `suffix`. May block.

    Args:
        folder: As typed: "", "../", "~/build/".
        suffix: ".o".
    """
    path = ""
    try:
        place = place_of(folder)
        path = str(place)
        with os.scandir(place) as there:
            seen = list(islice(there, MOST + 1))
    except TROUBLE as error:
        return Listing(path, problem=words_of(error))
    found = [entry for each in seen[:MOST] if (entry := _entry(each, suffix))]
    problem = f"only the first {MOST:,} entries were looked at" if len(seen) > MOST else ""
    return Listing(path, tuple(sorted(found, key=lambda e: (not e.is_folder, e.name))), problem)


def place_of(typed: str) -> Path:
    """The whole path of what was typed; only a `~` that begins it is a home.

    Raises:
        OSError: The working folder is gone.
        RuntimeError: Nobody has that home.
    """
    path = Path(typed).expanduser() if typed.startswith("~") else Path(typed)
    return path.absolute()


def here() -> str:
    """The working folder, as a path to go on typing; "" if it was removed."""
    try:
        return f"{Path.cwd()}/"
    except OSError:
        return ""


def _entry(found: os.DirEntry[str], suffix: str) -> Entry | None:
    """The entry, if it is a folder or such a file; a broken link or a device is neither."""
    try:
        if found.is_dir():
            return Entry(found.name, True)
        if found.name.endswith(suffix) and found.is_file():
            status = found.stat()
            return Entry(found.name, False, status.st_size, status.st_mtime)
    except OSError:
        pass
    return None


def words_of(error: Exception) -> str:
    """What is wrong with a path, without the path: "Permission denied"."""
    words = error.strerror if isinstance(error, OSError) else ""
    return printable(words or str(error))


def split(typed: str) -> tuple[str, str]:
    """The folder that was typed, with its slash, and how the name in it starts."""
    folder, slash, start = typed.rpartition("/")
    return folder + slash, start


def matching(entries: Sequence[Entry], start: str) -> list[Entry]:
    """The entries whose name starts so; hidden ones only if that begins with a dot."""
    return [
        entry
        for entry in entries
        if entry.name.startswith(start) and (start or not entry.name.startswith("."))
    ]


def completed(typed: str, entries: Sequence[Entry]) -> str:
    """What was typed, with as much more as is common to all that it may become."""
    folder, start = split(typed)
    if start in (".", "..") or (start.startswith("~") and not folder):
        return f"{typed}/"
    names = [e.name + "/" * e.is_folder for e in matching(entries, start)]
    return folder + _common_start(names) if names else typed


def _common_start(names: Sequence[str]) -> str:
    """The longest text that all of these start with."""
    first, last = min(names), max(names)
    same = (n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b)
    return first[: next(same, len(first))]


def above(folder: str) -> str:
    """The folder that a folder is in, as one would type it: `a/b/` → `a/`, "" → `../`."""
    if folder.strip("/") == "" and folder:
        return folder
    if folder.startswith("~") and folder.count("/") == 1:
        return f"{Path(folder).expanduser().parent}/"
    rest, _, last = folder.rstrip("/").rpartition("/")
    if last in ("", ".", ".."):
        return f"{folder}../"
    return f"{rest}/" if rest or folder.startswith("/") else "./"
