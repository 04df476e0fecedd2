"""BPF object files into the running kernel, by libbpf."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import PurePath

from stops_tui.bpf.errors import BpfError
from stops_tui.bpf.libbpf import DEFAULT, OPEN, NoLibbpf, close_all, library
from stops_tui.bpf.object_file import ObjectFileError, parse
from stops_tui.bpf.object_file.placing import with_programs
from stops_tui.bpf.syscall import Bpf
from stops_tui.kernels.live.handles import LiveHandle
from stops_tui.kernels.writes import Libbpf, NewObject


class LiveObject:
    """Keeps `LoadedObject`."""

    def __init__(self, programs: Mapping[str, LiveHandle], messages: tuple[str, ...]) -> None:
        self.programs = programs
        self.messages = messages

    def close(self) -> None:
        """Let go of the programs."""
        for program in self.programs.values():
            program.close()


def libbpf() -> Libbpf:
    """The library that objects are loaded by."""
    try:
        found = library()
    except NoLibbpf as error:
        return Libbpf(DEFAULT, problem=str(error))
    return Libbpf(found.path, found.version, found.level)


def load(new: NewObject, bpf: Bpf) -> LiveObject:
    """Load the wanted programs of an object.

    Raises:
        BpfError: See `Writes.load_object`.
    """
    wanted = {program for members in new.programs.values() for program in members.values()}
    try:
        data = with_programs(parse(new.data, new.path), new.programs)
        loaded = library().load(_name(new.path), data, wanted, new.programs)
    except (ObjectFileError, NoLibbpf) as error:
        raise BpfError(OPEN, 0, str(error)) from error
    try:
        ids = {name: bpf.prog_get_info_by_fd(fd).id for name, fd in loaded.fds.items()}
    except BpfError:
        close_all(loaded.fds)
        raise
    handles = {name: LiveHandle("prog", ids[name], fd) for name, fd in loaded.fds.items()}
    return LiveObject(handles, loaded.messages)


def _name(path: str) -> str:
    """The object's name as libbpf makes one of a path."""
    return PurePath(os.fspath(path)).name.partition(".")[0]
