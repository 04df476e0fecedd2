"""The mounts that this process sees: proc_pid_mountinfo(5)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from stops_tui.record import Record


class Mount(Record):
    """One line of /proc/self/mountinfo.

    Attributes:
        device: st_dev of the files in it.
        root: The path in its file system that it shows; "/" unless it is a bind mount.
        point: Where it is mounted, bytes that are not UTF-8 as surrogates (os.fsdecode).
        options: Those of the mount and those of its file system.
    """

    device: int
    root: str
    point: str
    options: frozenset[str]


def mounts(kind: str) -> list[Mount]:
    """All mounts of one file system type, in the order they were made; [] without /proc."""
    try:
        return list(parse_mountinfo(Path("/proc/self/mountinfo").read_bytes(), kind))
    except OSError:
        return []


def parse_mountinfo(text: bytes, kind: str) -> Iterator[Mount]:
    """The mounts of type `kind` in the text of a mountinfo file; malformed lines are left out.

    A line: id, parent, major:minor, root, point, options, any optional fields, ` - `, type,
    source, the file system's options. Blanks in a path are octal escapes.
    """
    mark = f" - {kind} ".encode()
    for line in text.split(b"\n"):
        head, found, tail = line.partition(mark)
        fields = head.split(b" ")
        if not found or len(fields) < 6 or not re.fullmatch(rb"\d+:\d+", fields[2]):
            continue
        major, minor = map(int, fields[2].split(b":"))
        options = fields[5].split(b",") + tail.rpartition(b" ")[2].split(b",")
        yield Mount(
            device=os.makedev(major, minor),
            root=_path(fields[3]),
            point=_path(fields[4]),
            options=frozenset(option.decode("utf-8", "replace") for option in options),
        )


def _path(escaped: bytes) -> str:
    r"""A path with its octal escapes resolved: `\040` is a blank."""
    return os.fsdecode(
        re.sub(rb"\\([0-3][0-7]{2})", lambda octal: bytes([int(octal[1], 8)]), escaped)
    )
