"""Processes and their open files, as /proc tells them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from stops_tui.bpf.syscall import opened
from stops_tui.kernels.live.fdinfo import FDINFO_BYTES

PROC = Path("/proc")


def pids(proc: Path = PROC) -> list[int]:
    """Every process, ascending; [] where /proc is not mounted."""
    try:
        names = os.listdir(proc)  # noqa: PTH208 (thousands of names: no Path each)
    except OSError:
        return []
    return sorted(int(name) for name in names if name.isdecimal())


def comm_of(proc: Path, pid: int) -> str:
    """A process's command; "" once it is gone."""
    comm = read_small(f"{proc}/{pid}/comm")
    return comm.removesuffix(b"\n").decode("utf-8", "backslashreplace")


def fd_links(proc: Path, pid: int) -> Iterator[tuple[str, str]]:
    """The number and link text of every open file of a process: `socket:[4711]`.

    Raises:
        OSError: They may not be seen, or the process is gone.
    """
    with directory(f"{proc}/{pid}/fd") as fds:
        for name in os.listdir(fds):  # noqa: PTH208 (an open directory)
            try:
                yield name, os.readlink(name, dir_fd=fds)
            except FileNotFoundError:
                continue  # closed meanwhile: normal


def read_small(path: str, directory: int | None = None) -> bytes:
    """A small file of /proc; b"" once it is gone."""
    try:
        fd = os.open(path, os.O_RDONLY, dir_fd=directory)
    except FileNotFoundError:
        return b""
    try:
        return os.read(fd, FDINFO_BYTES)
    except ProcessLookupError:
        return b""
    finally:
        os.close(fd)


def directory(path: str) -> AbstractContextManager[int]:
    """An open directory, closed at the end of the block."""
    return opened(os.open(path, os.O_RDONLY | os.O_DIRECTORY))
