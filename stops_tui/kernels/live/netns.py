"""Every network namespace of this host, and how to look around in one.

A namespace lives as long as a process, a mount or an open file keeps it, so those are asked
(namespaces(7), net/core/net_namespace.c); one that only a socket keeps cannot be entered.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from errno import EPERM
from functools import partial
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

from stops_tui.bpf.namespaces import enter_netns
from stops_tui.bpf.syscall import opened
from stops_tui.kernels.live.facts import CAP_SYS_PTRACE, has_capability
from stops_tui.kernels.live.mounts import parse_mountinfo
from stops_tui.kernels.live.proc import PROC, comm_of, fd_links, pids
from stops_tui.kernels.users import RawNetns

PATIENCE = 5.0
"""Seconds that one namespace may take to answer, unless it is asked for much."""

MOST_HANGS = 3
"""Namespaces that are waited for in vain before the rest is left alone."""

NAMED = Path("/run/netns")
"""Where `ip netns add` mounts them."""

_NET = re.compile(r"net:\[(\d+)\]")

T = TypeVar("T")


class Namespace(NamedTuple):
    """A network namespace and a path that opens it."""

    netns: RawNetns
    path: str


def own_netns(proc: Path = PROC) -> int:
    """The inode of the calling thread's network namespace; 0 where /proc does not tell."""
    try:
        return (proc / "thread-self/ns/net").stat().st_ino
    except OSError:
        return 0


class NoAnswerError(TimeoutError):
    """A namespace did not answer in time; `thread` still waits for it."""

    def __init__(self, thread: threading.Thread, words: str) -> None:
        super().__init__(words)
        self.thread = thread


class Namespaces:
    """Those of this host. Safe for several threads.

    What a search found is remembered as a way to a namespace that is asked for by its inode: the
    way is checked whenever it is taken.
    """

    def __init__(self, proc: Path = PROC) -> None:
        self._proc = proc
        self._known: dict[int, Namespace] = {}
        self._hanging: dict[int, threading.Thread] = {}

    def search(self) -> tuple[list[Namespace], list[str]]:
        """All that can be found: this process's own, then by name and inode; what went unseen."""
        search = _Search(self._proc)
        search.everything()
        own = own_netns(self._proc)
        found = search.found
        netns, path = found.get(own, Namespace(RawNetns(own), ""))
        found[own] = Namespace(netns._replace(ours=True), path)
        self._known = found
        return sorted(found.values(), key=_order), search.unseen()

    def everywhere(
        self, look: Callable[[RawNetns], T], seconds: float = PATIENCE
    ) -> tuple[list[tuple[RawNetns, T]], list[str]]:
        """What `look` returns in every namespace, and what could not be looked at.

        Args:
            look: Runs in each, one after the other.
            seconds: That one namespace may take to answer.

        Raises:
            Exception: What `look` raised, unless it is an OSError of one namespace.
        """
        found, unseen = self.search()
        looks, waits = [], 0
        for nth, namespace in enumerate(found):
            if waits == MOST_HANGS:
                left = len(found) - nth
                unseen.append(f"{left} more network namespaces: {waits} gave no answer")
                break
            netns = namespace.netns
            try:
                looks.append((netns, self._inside(namespace, partial(look, netns), seconds)))
            except (FileNotFoundError, ProcessLookupError):
                continue  # gone meanwhile: normal
            except OSError as error:
                unseen.append(f"{words(netns)}: {_reason(error)}")
                waits += isinstance(error, NoAnswerError)
        return looks, unseen

    def in_one(self, inode: int, look: Callable[[], T], seconds: float) -> T:
        """What `look` returns in the namespace of this inode; raises as `inside` does."""
        if inode in self._known:
            with suppress(FileNotFoundError, ProcessLookupError):
                return self._inside(self._known[inode], look, seconds)
        self.search()  # the way is unknown, or is none any more
        if inode not in self._known:
            raise FileNotFoundError(f"net:[{inode}]")
        return self._inside(self._known[inode], look, seconds)

    def _inside(self, namespace: Namespace, look: Callable[[], T], seconds: float) -> T:
        """As `inside`; where an earlier look still hangs, no other is made."""
        inode = namespace.netns.inode
        if (earlier := self._hanging.get(inode)) and earlier.is_alive():
            raise TimeoutError("an earlier look has still no answer: look again later")
        try:
            return inside(namespace, look, seconds)
        except NoAnswerError as error:
            self._hanging[inode] = error.thread
            raise


def inside(namespace: Namespace, look: Callable[[], T], seconds: float = PATIENCE) -> T:
    """What `look` returns in a network namespace.

    It runs in a thread of its own, which is then thrown away: the namespace is the thread's, and
    a look that hangs in the kernel hangs alone.

    Raises:
        FileNotFoundError: The namespace is gone.
        PermissionError: It may not be entered.
        NoAnswerError: It did not answer in time.
        Exception: What `look` raised.
    """
    answer: _Answer[T] = _Answer(namespace, look)
    thread = threading.Thread(target=answer.find, name="netns", daemon=True)
    thread.start()
    if not answer.there.wait(seconds):
        raise NoAnswerError(thread, f"no answer in {seconds:g} s: look again later")
    if answer.error:
        raise answer.error
    return answer.found[0]


def words(netns: RawNetns) -> str:
    """`network namespace web`, or by the process that is in it."""
    if netns.name:
        return f"network namespace {netns.name}"
    process = f" of process {netns.pid}" if netns.pid else ""
    return f"network namespace {netns.inode}{process}"


def _order(namespace: Namespace) -> tuple[bool, bool, str, int]:
    netns = namespace.netns
    return not netns.ours, not netns.name, netns.name, netns.inode


def _reason(error: OSError) -> str:
    if error.errno == EPERM:
        return (
            "it may not be entered: run as root of the host,"
            " or in a container started with --cap-add SYS_ADMIN"
        )
    return error.strerror or str(error)


class _Answer(Generic[T]):
    """What a thread brings back; `there` is set once it has ended."""

    def __init__(self, namespace: Namespace, look: Callable[[], T]) -> None:
        self._namespace = namespace
        self._look = look
        self.there = threading.Event()
        self.found: list[T] = []
        self.error: Exception | None = None

    def find(self) -> None:
        try:
            self._enter()
            self.found.append(self._look())
        except Exception as error:
            self.error = error
        finally:
            self.there.set()

    def _enter(self) -> None:
        netns, path = self._namespace
        if netns.ours:
            return  # which takes no capability
        with opened(os.open(path, os.O_RDONLY | os.O_CLOEXEC)) as fd:
            if os.fstat(fd).st_ino != netns.inode:
                raise FileNotFoundError(path)
            enter_netns(fd)


class _Search:
    """Finds namespaces; the first path found to one is the one that is kept."""

    def __init__(self, proc: Path) -> None:
        self.found: dict[int, Namespace] = {}
        self._proc = proc
        self._refused: list[int] = []
        self._names = dict(self._named())
        self._mount_namespaces: dict[int, int] = {}

    def everything(self) -> None:
        """By processes and their threads, then by name, by open file, and by mount."""
        there = pids(self._proc)
        for pid in there:
            with suppress(FileNotFoundError, ProcessLookupError):
                self._process(pid)
        for inode, path in self._names.items():
            self._add(inode, path)
        for pid in there:
            with suppress(OSError):  # told already
                for number, link in fd_links(self._proc, pid):
                    if kept := _NET.fullmatch(link):
                        self._add(int(kept[1]), f"{self._proc}/{pid}/fd/{number}")
        for pid in self._mount_namespaces.values():
            with suppress(OSError):
                self._mounts(pid)

    def unseen(self) -> list[str]:
        """What may hide more namespaces."""
        if not self._refused:
            return []
        number = len(self._refused)
        which = f"process {self._refused[0]}" if number == 1 else f"{number} processes"
        if has_capability(CAP_SYS_PTRACE):
            reason = "Permission denied: run in the host's user namespace, unconfined"
        else:
            reason = "CAP_SYS_PTRACE is missing: run as root of the host"
        return [f"network namespaces of {which}: {reason}"]

    def _process(self, pid: int) -> None:
        folder = f"{self._proc}/{pid}"
        try:
            self._mount_namespaces.setdefault(_inode(f"{folder}/ns/mnt"), pid)
            self._add(_inode(f"{folder}/ns/net"), f"{folder}/ns/net", pid)
            for tid in os.listdir(f"{folder}/task"):  # noqa: PTH208
                if tid != str(pid):
                    path = f"{folder}/task/{tid}/ns/net"
                    self._add(_inode(path), path, pid)
        except PermissionError:
            self._refused.append(pid)

    def _mounts(self, pid: int) -> None:
        text = Path(f"{self._proc}/{pid}/mountinfo").read_bytes()
        for mount in parse_mountinfo(text, "nsfs"):
            if kept := _NET.fullmatch(mount.root):
                inode = int(kept[1])
                self._names.setdefault(inode, mount.point)
                self._add(inode, f"{self._proc}/{pid}/root{mount.point}")

    def _named(self) -> Iterator[tuple[int, str]]:
        with suppress(OSError):
            own = _device(f"{self._proc}/thread-self/ns/net")
            for path in sorted(str(path) for path in NAMED.iterdir()):
                with suppress(OSError):
                    if _device(path) == own:  # else a file that nothing is mounted on
                        yield _inode(path), path

    def _add(self, inode: int, path: str, pid: int = 0) -> None:
        if inode in self.found:
            return
        name = self._names.get(inode, "")
        comm = comm_of(self._proc, pid) if pid else ""
        netns = RawNetns(inode, name.removeprefix(f"{NAMED}/"), pid, comm)
        self.found[inode] = Namespace(netns, path)


def _inode(path: str) -> int:
    return os.stat(path).st_ino  # noqa: PTH116 (no Path a process)


def _device(path: str) -> int:
    return os.stat(path).st_dev  # noqa: PTH116
