"""Which process has a socket open: by its inode, in /proc/PID/fd."""

from __future__ import annotations

import re
from collections.abc import Set
from contextlib import suppress
from pathlib import Path

from stops_tui.kernels.live.proc import PROC, comm_of, fd_links, pids

_SOCKET = re.compile(r"socket:\[(\d+)\]")

Owner = tuple[int, str]
"""A process and its command."""

NOBODY: Owner = (0, "")


def owners(inodes: Set[int], proc: Path = PROC) -> dict[int, Owner]:
    """Of each socket the process with the lowest pid that has it open; those of none are left out.

    Sockets of a process that may not be looked into are left out, too.
    """
    found: dict[int, Owner] = {}
    for pid in pids(proc):
        if len(found) == len(inodes):
            break
        with suppress(OSError):  # another user's, or it ended
            comm = ""
            for _, link in fd_links(proc, pid):
                kept = _SOCKET.fullmatch(link)
                inode = int(kept[1]) if kept else 0
                if inode in inodes and inode not in found:
                    comm = comm or comm_of(proc, pid)
                    found[inode] = pid, comm
    return found
