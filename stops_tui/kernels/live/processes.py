"""Which processes keep BPF objects alive by an open file descriptor: a walk over /proc."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

from stops_tui.bpf.info import MAP_TYPE_STRUCT_OPS
from stops_tui.kernels.kernel import ObjectKind, RawFd
from stops_tui.kernels.live.facts import CAP_SYS_PTRACE, has_capability
from stops_tui.kernels.live.fdinfo import OBJECTS, object_of
from stops_tui.kernels.live.mounts import mounts
from stops_tui.kernels.live.proc import comm_of, directory, fd_links, pids, read_small
from stops_tui.record import Record

# The inode of the initial PID namespace (include/linux/proc_ns.h: PROC_PID_INIT_INO).
_INITIAL_PID_NAMESPACE = 0xEFFFFFFC

_HIDING = re.compile(r"hidepid=(?!0|off)\w+")

_UNKNOWN = -1

_STRUCT_OPS_MAP = f"\nmap_type:\t{MAP_TYPE_STRUCT_OPS}\n".encode()


class _Seen(Record):
    """What one process held when it had run for `cpu_ns`; `refused`: why that is not known."""

    cpu_ns: int
    fds: tuple[RawFd, ...] = ()
    refused: str = ""


class Processes:
    """All processes, looked into again only once they have run.

    A file table changes only while a thread of its process runs, so one whose CPU clock stands
    still is not walked again: the clock is one system call, a walk thirty and more. (A table
    shared by clone(CLONE_FILES) with another *process* escapes this; threads do not.)
    """

    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._proc = proc
        self._seen: dict[int, _Seen] = {}

    def look(self) -> tuple[tuple[RawFd, ...], tuple[str, ...]]:
        """Open fds of struct_ops maps, of programs and of links, by pid; and what went unseen.

        This process is left out: what it opens to read is closed before anyone could act on it.
        """
        there = pids(self._proc)
        if not there:
            return (), (f"processes: {self._proc} is not mounted",)
        own = self._own_pid()
        clocks_fit = own == os.getpid()  # else /proc is of another PID namespace
        before, self._seen = self._seen, {}
        for pid in there:
            if pid == own:
                continue
            cpu_ns = _cpu_ns(pid) if clocks_fit else _UNKNOWN
            seen = before.get(pid)
            # The clock is read before the walk: what the process does meanwhile moves it on.
            if seen is None or cpu_ns == _UNKNOWN or seen.cpu_ns != cpu_ns:
                seen = _walk(self._proc, pid, cpu_ns)
            self._seen[pid] = seen
        fds = tuple(fd for seen in self._seen.values() for fd in seen.fds)
        return fds, tuple(self._unseen())

    def _own_pid(self) -> int:
        """This process in this /proc, which may be another PID namespace's; 0 if it is in none."""
        try:
            return int((self._proc / "self").readlink().name)
        except (OSError, ValueError):
            return 0

    def _unseen(self) -> Iterator[str]:
        may_trace = has_capability(CAP_SYS_PTRACE)
        lacking = "" if may_trace else " (CAP_SYS_PTRACE is missing)"
        refusals: dict[str, list[int]] = {}
        for pid, seen in self._seen.items():
            if seen.refused:
                refusals.setdefault(seen.refused, []).append(pid)
        for reason, refused in refusals.items():
            yield f"open files of {_count(refused)}: {reason}{lacking}"
        if not may_trace and (option := _hidepid(self._proc)):
            yield f"processes of other users: {self._proc} is mounted with {option}"
        if not _in_initial_pid_namespace(self._proc):
            yield "processes outside of this PID namespace"


def _count(them: list[int]) -> str:
    return f"process {them[0]}" if len(them) == 1 else f"{len(them)} processes"


def _cpu_ns(pid: int) -> int:
    """The CPU time of all threads of `pid`, in ns.

    The clock id is that of clock_getcpuclockid(3), which Python does not offer
    (include/linux/posix-timers_types.h: the inverted pid over CPUCLOCK_SCHED).
    """
    try:
        return time.clock_gettime_ns(~pid << 3 | 2)
    except OSError:
        return _UNKNOWN


def _walk(proc: Path, pid: int, cpu_ns: int) -> _Seen:
    try:
        return _Seen(cpu_ns, tuple(_fds(proc, pid)))
    except (FileNotFoundError, ProcessLookupError):
        return _Seen(_UNKNOWN)  # it ended: normal
    except OSError as error:
        return _Seen(cpu_ns, refused=os.strerror(error.errno or 0))


def _fds(proc: Path, pid: int) -> Iterator[RawFd]:
    objects = {name: link for name, link in fd_links(proc, pid) if link in OBJECTS}
    if not objects:
        return
    comm = comm_of(proc, pid)
    with directory(f"{proc}/{pid}/fdinfo") as infos:
        for name, link in objects.items():
            if found := _object(link, read_small(name, infos)):
                yield RawFd(pid, comm, int(name), *found)


def _object(link: str, fdinfo: bytes) -> tuple[ObjectKind, int] | None:
    """The object, unless it is a map of another type: a host may hold thousands of those."""
    if OBJECTS[link][0] == "map" and _STRUCT_OPS_MAP not in fdinfo:
        return None
    return object_of(link, fdinfo)


def _hidepid(proc: Path) -> str:
    """The mount option that hides other users' processes (proc(5)); "" if none does."""
    options = (
        option for mount in mounts("proc") if mount.point == str(proc) for option in mount.options
    )
    return next((option for option in options if _HIDING.fullmatch(option)), "")


def _in_initial_pid_namespace(proc: Path) -> bool:
    try:
        return (proc / "self/ns/pid").stat().st_ino == _INITIAL_PID_NAMESPACE
    except OSError:
        return False
