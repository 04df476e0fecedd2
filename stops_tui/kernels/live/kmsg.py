"""What the kernel's log says of one thing: /dev/kmsg (Documentation/ABI/testing/dev-kmsg)."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from errno import EACCES, ENOENT, EPERM, EPIPE
from pathlib import Path

from stops_tui.bpf.syscall import opened

KMSG = Path("/dev/kmsg")

MOST_LINES = 100
"""The newest that are kept."""
_MOST_RECORDS = 200_000
"""Where reading gives up: a log of 16 MB holds so many."""
_RECORD_BYTES = 8192
"""More than any record (kernel/printk/internal.h: PRINTK_MESSAGE_MAX)."""

_REFUSED = {
    EPERM: "CAP_SYSLOG is missing: run as root of the host",
    EACCES: "Permission denied: run as root of the host",
    ENOENT: "there is no /dev/kmsg: run dmesg on the host",
}


def lines_with(word: str, kmsg: Path = KMSG) -> tuple[tuple[str, ...], str]:
    """The newest lines that hold `word`, as dmesg prints them; and why there may be more.

    Never waits for a line to be written.
    """
    found: deque[str] = deque(maxlen=MOST_LINES)
    try:
        with opened(os.open(kmsg, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)) as fd:
            for record in _records(fd):
                line = line_of(record)
                if word in line:
                    found.append(line)
    except OSError as error:
        reason = _REFUSED.get(error.errno or 0) or error.strerror or str(error)
        return tuple(found), f"the kernel's log: {reason}"
    return tuple(found), ""


def line_of(record: bytes) -> str:
    """`6,339,5140900,-;text` as `[    5.140900] text`; "" if it is no record.

    Fields behind the fourth and the lines of a record's dictionary are left out.
    """
    head, found, body = record.partition(b";")
    fields = head.split(b",")
    if not found or len(fields) < 4 or not fields[2].isdigit():
        return ""
    microseconds = int(fields[2])
    text = body.partition(b"\n")[0].decode("utf-8", "backslashreplace")
    return f"[{microseconds // 1_000_000:5}.{microseconds % 1_000_000:06}] {text}"


def _records(fd: int) -> Iterator[bytes]:
    for _ in range(_MOST_RECORDS):
        try:
            record = os.read(fd, _RECORD_BYTES)
        except BlockingIOError:
            return  # the end
        except OSError as error:
            if error.errno != EPIPE:
                raise
            continue  # overwritten before it was read: the next is the oldest left
        if not record:
            return
        yield record
