"""Which BPF object a file descriptor is, by the two things that /proc tells of it."""

from __future__ import annotations

import os
import re

from stops_tui.bpf.syscall import opened
from stops_tui.kernels.kernel import ObjectKind

_MAP = re.compile(rb"\nmap_id:\t(\d{1,10})\n")
_PROG = re.compile(rb"\nprog_id:\t(\d{1,10})\n")
_LINK = re.compile(rb"\nlink_id:\t(\d{1,10})\n")

# The link text of /proc/PID/fd/N → what it is, and where its fdinfo tells the id. The names are
# those that kernel/bpf/syscall.c gives to anon_inode_getfd() and anon_inode_getfile(): a link is
# called bpf_link by its maker and bpf-link where it was opened again, by id or by pin. A file's
# link text begins with a slash, so no file can pass for one.
OBJECTS: dict[str, tuple[ObjectKind, re.Pattern[bytes]]] = {
    "anon_inode:bpf-map": ("map", _MAP),
    "anon_inode:bpf-prog": ("prog", _PROG),
    "anon_inode:bpf_link": ("link", _LINK),
    "anon_inode:bpf-link": ("link", _LINK),
}

# More than any fdinfo of a BPF object has before and at its id.
FDINFO_BYTES = 4096


def object_of(link: str, fdinfo: bytes) -> tuple[ObjectKind, int] | None:
    """The BPF object behind a file descriptor; None if it is something else or has no id.

    Args:
        link: What readlink(2) says of /proc/PID/fd/N.
        fdinfo: The text of /proc/PID/fdinfo/N.
    """
    if link not in OBJECTS:
        return None
    kind, pattern = OBJECTS[link]
    found = pattern.search(fdinfo)
    return (kind, int(found[1])) if found else None


def object_behind(fd: int) -> tuple[ObjectKind, int] | None:
    """The BPF object behind a file descriptor of this process; None if it is something else.

    Raises:
        OSError: /proc does not tell.
    """
    link = os.readlink(f"/proc/self/fd/{fd}")  # noqa: PTH115 (Path would make it a path)
    with opened(os.open(f"/proc/self/fdinfo/{fd}", os.O_RDONLY)) as fdinfo:
        return object_of(link, os.read(fdinfo, FDINFO_BYTES))
