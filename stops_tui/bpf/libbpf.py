"""libbpf: the system's own library, found as it is needed, which loads the programs of an object.

Adjusting a program to the running kernel's types (CO-RE), linking its functions and making its maps
is what libbpf is for, and what it knows better with each version. Source: src/libbpf.c.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, Final, NamedTuple

from stops_tui.bpf._libbpf_cdefs import ffi as _ffi
from stops_tui.bpf.errors import BpfError
from stops_tui.bpf.info import MAP_TYPE_STRUCT_OPS

ffi: Any = _ffi
"""C data has no static types."""

DEFAULT: Final = "libbpf.so.1"
"""What the dynamic linker looks for where no other is chosen."""

CHOOSES: Final = "STOPS_TUI_LIBBPF"
"""The environment variable that chooses another."""

_OLDEST: Final = (1, 0)
_MARKS: Final = {(1, 2): "bpf_link__update_map", (1, 4): "bpf_token_create"}
"""A function that came with each version that can do more with struct_ops."""

_LOG_SIZE: Final = 1 << 24
"""Bytes of verifier log for each program, as much as libbpf itself takes; used as it is written."""

_LONGEST_MESSAGE: Final = 1 << 14
_MOST_MESSAGES: Final = 1_000
_WARNING: Final = 0  # LIBBPF_WARN
_OWN_ERRNOS: Final = 4000  # __LIBBPF_ERRNO__START: errors that are not the kernel's

OPEN, LOAD, PROG_LOAD = "bpf_object__open", "bpf_object__load", "BPF_PROG_LOAD"


class NoLibbpf(Exception):  # noqa: N818 (a state of the host, not a failure)
    """There is no libbpf that could be used: why, and what mends it."""


class Loaded(NamedTuple):
    """What was loaded.

    Attributes:
        fds: The programs by name, each a file descriptor of the caller's (close-on-exec).
        messages: What was left out of what the object asks, and what libbpf said, a line each.
    """

    fds: dict[str, int]
    messages: tuple[str, ...]


class Library:
    """A libbpf that was opened.

    Attributes:
        path: What it was opened by.
        version: As it says itself, "1.4".
        level: The newest version whose functions it has, of those that matter here.
    """

    def __init__(self, path: str) -> None:
        """Raises NoLibbpf where it is not there, or is no libbpf, or too old a one."""
        self.path = path
        try:
            self._lib = ffi.dlopen(path)
        except OSError as error:
            raise NoLibbpf(_not_opened(path, str(error))) from error
        try:
            major, minor = self._lib.libbpf_major_version(), self._lib.libbpf_minor_version()
        except ffi.error as error:
            raise NoLibbpf(f"{path} is no libbpf, or one older than 0.6: {_REMEDY}") from error
        if (major, minor) < _OLDEST:
            raise NoLibbpf(f"{path} is libbpf {major}.{minor}, 1.0 is needed: {_REMEDY}")
        self.version = f"{major}.{minor}"
        self.level = max(filter(self._reaches, _MARKS), default=_OLDEST)
        self._lib.libbpf_set_print(_hear)

    def _reaches(self, version: tuple[int, int]) -> bool:
        try:
            return bool(getattr(self._lib, _MARKS[version]))
        except ffi.error:
            return False

    def load(
        self, name: str, data: bytes, programs: Collection[str], maps: Collection[str]
    ) -> Loaded:
        """Load programs of an object, and let go of all else of it.

        Args:
            name: Of the object; the names of its maps of global data begin so.
            data: The whole file.
            programs: The names of those wanted; no others are loaded.
            maps: The names of the struct_ops maps that they are in; no others are made.

        Raises:
            BpfError: As `kernels.writes.Writes.load_object` says.
        """
        with _listening() as heard, self._opened(name, data, heard) as found:
            unpinned = self._choose_maps(found, maps)
            logs = self._choose_programs(found, programs)
            result = self._lib.bpf_object__load(found)
            if result < 0:
                raise _refusal(-result, logs, heard)
            said = [f"libbpf says: {line}" for line in heard]
            return Loaded(self._kept(found, programs), (*unpinned, *said))

    @contextmanager
    def _opened(self, name: str, data: bytes, heard: list[str]) -> Iterator[Any]:
        """The object, until the end of the block: then nothing of it is open any more."""
        called = ffi.new("char[]", name.encode(errors="replace"))
        size = ffi.sizeof("struct bpf_object_open_opts")
        options = ffi.new("struct bpf_object_open_opts *", [size, called])
        content = ffi.from_buffer(data)
        found = self._lib.bpf_object__open_mem(content, len(data), options)
        if found == ffi.NULL:
            raise _failure(OPEN, ffi.errno, heard)
        try:
            yield found
        finally:
            self._lib.bpf_object__close(found)

    def _choose_maps(self, found: Any, maps: Collection[str]) -> list[str]:
        """Of struct_ops maps only those wanted; says which maps are not pinned that ask for it."""
        unpinned = []
        for each, name in self._maps(found):
            if self._lib.bpf_map__type(each) == MAP_TYPE_STRUCT_OPS:
                if self.level >= (1, 4):  # before, it would be looked at in spite of that
                    self._lib.bpf_map__set_autocreate(each, name in maps)
            elif path := _text(self._lib.bpf_map__pin_path(each)):
                self._lib.bpf_map__set_pin_path(each, ffi.NULL)  # it would stay, and be shared
                unpinned.append(f"map {name} is not pinned at {path}, as the object asks")
        return unpinned

    def _choose_programs(self, found: Any, programs: Collection[str]) -> dict[str, mmap.mmap]:
        """Only those wanted; where the verifier will write, by program."""
        logs = {}
        for each, name in self._programs(found):
            self._lib.bpf_program__set_autoload(each, name in programs)
            if name in programs:
                logs[name] = mmap.mmap(-1, _LOG_SIZE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
                buffer = ffi.from_buffer("char[]", logs[name], require_writable=True)
                self._lib.bpf_program__set_log_buf(each, buffer, _LOG_SIZE)
        return logs

    def _kept(self, found: Any, programs: Collection[str]) -> dict[str, int]:
        """The programs' file descriptors, as copies that outlive the object."""
        fds: dict[str, int] = {}
        try:
            for each, name in self._programs(found):
                if name in programs:
                    fds[name] = _copy(self._lib.bpf_program__fd(each))
        except (BpfError, OSError):
            close_all(fds)
            raise
        return fds

    def _maps(self, found: Any) -> Iterator[tuple[Any, str]]:
        each = self._lib.bpf_object__next_map(found, ffi.NULL)
        while each != ffi.NULL:
            yield each, _text(self._lib.bpf_map__name(each))
            each = self._lib.bpf_object__next_map(found, each)

    def _programs(self, found: Any) -> Iterator[tuple[Any, str]]:
        each = self._lib.bpf_object__next_program(found, ffi.NULL)
        while each != ffi.NULL:
            yield each, _text(self._lib.bpf_program__name(each))
            each = self._lib.bpf_object__next_program(found, each)


_REMEDY: Final = f"install Debian's libbpf1, or name another file by {CHOOSES}"


def library() -> Library:
    """The libbpf of this host, or the one that the environment chooses.

    Raises:
        NoLibbpf: There is none, or it cannot be used.
    """
    return _library(os.environ.get(CHOOSES) or DEFAULT)


@cache
def _library(path: str) -> Library:
    """A library is opened once: it stays in the process, and calls `_hear`."""
    return Library(path)


def close_all(fds: Mapping[str, int]) -> None:
    """Close file descriptors."""
    for fd in fds.values():
        os.close(fd)


def _copy(fd: int) -> int:
    """A program's file descriptor once more; never 0, which the kernel takes as none given."""
    if fd < 0:
        raise BpfError(LOAD, -fd, "a program that was wanted was not loaded")
    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)


def _not_opened(path: str, reason: str) -> str:
    if path == DEFAULT:
        return f"there is no {DEFAULT} here ({_short(reason)}): {_REMEDY}"
    return f"{CHOOSES} names {path}, which cannot be opened ({_short(reason)})"


def _short(reason: str) -> str:
    """What the dynamic linker says, without the name before it."""
    return reason.rpartition(": ")[2] or reason


# Messages: libbpf has one listener for the whole process, each thread a list of its own.

_heard = threading.local()
_libc = ffi.dlopen(None)


@contextmanager
def _listening() -> Iterator[list[str]]:
    """What libbpf says in this thread."""
    lines: list[str] = []
    _heard.lines = lines
    try:
        yield lines
    finally:
        _heard.lines = None


def _drop(*_error: object) -> None:
    """A message that cannot be kept is dropped: nothing may be printed over a screen."""


@ffi.callback("int(int, const char *, void *)", onerror=_drop)  # type: ignore[untyped-decorator]
def _hear(level: int, text: Any, arguments: Any) -> int:
    lines: list[str] | None = getattr(_heard, "lines", None)
    if level == _WARNING and lines is not None and len(lines) < _MOST_MESSAGES:
        buffer = ffi.new("char[]", _LONGEST_MESSAGE)
        _libc.vsnprintf(buffer, _LONGEST_MESSAGE, text, arguments)
        lines += (line.removeprefix("libbpf: ") for line in _text(buffer).splitlines() if line)
    return 0


def _refusal(errno: int, logs: Mapping[str, mmap.mmap], heard: list[str]) -> BpfError:
    """Why an object was not loaded: only of a program that was refused there is a log."""
    for name, buffer in logs.items():
        if buffer[0]:
            log = buffer[: buffer.find(b"\0")].decode(errors="backslashreplace")
            return BpfError(PROG_LOAD, errno, log=log, program=name)
    return _failure(LOAD, errno, heard)


def _failure(command: str, errno: int, heard: list[str]) -> BpfError:
    """What libbpf did not do; it says the cause first, and then what did not come of it."""
    cause = heard[0] if heard else "libbpf does not say why"
    return BpfError(command, errno if errno < _OWN_ERRNOS else 0, cause, "\n".join(heard))


def _text(text: Any) -> str:
    found: bytes = ffi.string(text) if text != ffi.NULL else b""
    return found.decode(errors="backslashreplace")
