"""Changes to the running kernel: armed, guarded, told. Keeps the protocol `Writes`."""

from __future__ import annotations

import json
import os
import struct
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from errno import EBADF, EINVAL, ENOENT
from pathlib import Path

from stops_tui.bpf.errors import BpfError, errno_name
from stops_tui.bpf.info import BPF_F_LINK, MapInfo
from stops_tui.bpf.insns import encode
from stops_tui.bpf.smallest_btf import SMALLEST_BTF
from stops_tui.bpf.syscall import Bpf, opened
from stops_tui.btf import Btf, BtfError, BtfType, Composite
from stops_tui.kernels.guards import check_link_update, check_value
from stops_tui.kernels.live import bpffs, causes
from stops_tui.kernels.live.fdinfo import object_behind
from stops_tui.kernels.live.handles import LiveHandle
from stops_tui.kernels.live.sysfs import VMLINUX
from stops_tui.kernels.shape import Data, Shape, shape_of
from stops_tui.kernels.writes import (
    Call,
    Handle,
    HandleKind,
    Libbpf,
    LoadedObject,
    NewMap,
    NewObject,
    NewProgram,
    ReadOnly,
    Refused,
)

_SLOT = struct.Struct("=Q")
"""A function member of a value given to the kernel: a program's file descriptor."""


class LiveWrites:
    """See `Writes`. Each call is made once; nothing is undone and nothing is remembered here.

    Args:
        bpf: This thread's bpf(2).
        btf: The BTF of an id, vmlinux's for 0; None if it is gone.
    """

    def __init__(self, bpf: Callable[[], Bpf], btf: Callable[[int], Btf | None]) -> None:
        self.armed = False
        self.listen: Callable[[Call], None] | None = None
        self._bpf = bpf
        self._btf = btf

    def open_program(self, prog_id: int) -> Handle:
        """BPF_PROG_GET_FD_BY_ID."""
        return LiveHandle("prog", prog_id, self._bpf().prog_get_fd_by_id(prog_id))

    def open_map(self, map_id: int) -> Handle:
        """BPF_MAP_GET_FD_BY_ID."""
        return LiveHandle("map", map_id, self._bpf().map_get_fd_by_id(map_id))

    def open_link(self, link_id: int) -> Handle:
        """BPF_LINK_GET_FD_BY_ID."""
        return LiveHandle("link", link_id, self._bpf().link_get_fd_by_id(link_id))

    def open_pin(self, path: str) -> Handle:
        """BPF_OBJ_GET."""
        fd = self._bpf().obj_get(path)
        with _closed_on_error(fd):
            if (found := object_behind(fd)) is None:
                raise BpfError("BPF_OBJ_GET", 0, f"{path} is neither map, program nor link")
            return LiveHandle(*found, fd)

    def load_program(self, new: NewProgram) -> Handle:
        """BPF_PROG_LOAD."""
        told = {"name": new.name, "member": self._word(new.btf_id, new.type_id, new.member)}
        with self._change("BPF_PROG_LOAD", **told) as change, self._module(new.btf_id) as btf_fd:
            with _because(lambda: causes.of_name(new.name)):
                fd = self._bpf().prog_load(
                    encode(new.insns),
                    attach_btf_id=new.type_id,
                    expected_attach_type=new.member,
                    attach_btf_fd=btf_fd or 0,
                    name=new.name,
                )
            with _closed_on_error(fd):
                return change.made("prog", self._bpf().prog_get_info_by_fd(fd).id, fd)

    def libbpf(self) -> Libbpf:
        """The system's, or the one that the environment chooses."""
        from stops_tui.kernels.live.loading import libbpf  # few registrations need it

        return libbpf()

    def load_object(self, new: NewObject) -> LoadedObject:
        """Libbpf's calls are told as they can be known: the programs, then the whole."""
        from stops_tui.kernels.live.loading import load

        places = {
            program: (variable, member)
            for variable, members in new.programs.items()
            for member, program in members.items()
        }
        with self._change("bpf_object__load", path=new.path, programs=" ".join(places)):
            loaded = load(new, self._bpf())
            for name, program in loaded.programs.items():
                told = {"name": name, "member": self._served(program, places[name][1])}
                self._tell(_Change("BPF_PROG_LOAD", {**told, "path": new.path}, program.id))
            return loaded

    def load_btf(self) -> Handle:
        """BPF_BTF_LOAD of one `int`."""
        with self._change("BPF_BTF_LOAD") as change:
            fd = self._bpf().btf_load(SMALLEST_BTF)
            with _closed_on_error(fd):
                return change.made("btf", self._bpf().btf_get_info_by_fd(fd).id, fd)

    def create_map(self, new: NewMap, btf: Handle) -> Handle:
        """BPF_MAP_CREATE."""
        told = {"name": new.name, "value_type": self._word(new.btf_id, new.value_type_id)}
        if new.link:
            told["flags"] = "BPF_F_LINK"
        with self._change("BPF_MAP_CREATE", **told) as change, self._module(new.btf_id) as type_fd:
            with _because(lambda: causes.of_map_create(self._btf_of(new.btf_id), new)):
                fd = self._bpf().map_create(
                    value_size=new.value_size,
                    flags=BPF_F_LINK if new.link else 0,
                    name=new.name,
                    btf_fd=change.fd(btf, "btf"),
                    value_type_id=new.value_type_id,
                    value_type_btf_fd=type_fd,
                )
            with _closed_on_error(fd):
                return change.made("map", self._bpf().map_get_info_by_fd(fd).id, fd)

    def update_map(self, target: Handle, value: bytes, programs: Mapping[int, Handle]) -> None:
        """BPF_MAP_UPDATE_ELEM, refused if the kernel could lie about it."""
        with self._change("BPF_MAP_UPDATE_ELEM", map=target.id) as change:
            fds = {at: change.fd(program, "prog") for at, program in programs.items()}
            map_fd = change.fd(target, "map")
            info = self._bpf().map_get_info_by_fd(map_fd)
            types, shape = self._shape(info)
            change.arguments |= _value_as_told(shape, value, programs)
            check_value(shape, info.value_size, value, fds)
            filled = bytearray(value)
            for at, fd in fds.items():
                _SLOT.pack_into(filled, at, fd)
            with _because(lambda: causes.of_update(self._bpf(), types, info, shape, value, fds)):
                self._bpf().map_update_elem(map_fd, bytes(filled))

    def delete_map(self, target: Handle) -> None:
        """BPF_MAP_DELETE_ELEM."""
        with self._change("BPF_MAP_DELETE_ELEM", map=target.id) as change:
            self._bpf().map_delete_elem(change.fd(target, "map"))

    def create_link(self, target: Handle) -> Handle:
        """BPF_LINK_CREATE."""
        with self._change("BPF_LINK_CREATE", map=target.id) as change:
            map_fd = change.fd(target, "map")
            with _because(lambda: causes.of_link_create(self._bpf(), map_fd)):
                fd = self._bpf().link_create(map_fd)
            with _closed_on_error(fd):
                link_id = self._bpf().link_get_info_by_fd(fd).id
                return change.made("link", link_id, fd, self._told_of_close(link_id))

    def update_link(self, link: Handle, new: Handle, old: Handle) -> None:
        """BPF_LINK_UPDATE, refused if it could stop the kernel."""
        told = {"link": link.id, "new_map": new.id, "old_map": old.id}
        with self._change("BPF_LINK_UPDATE", **told) as change:
            link_fd = change.fd(link, "link")
            new_fd, old_fd = change.fd(new, "map"), change.fd(old, "map")
            check_link_update(self._bpf(), link_fd, new_fd, old_fd)
            with _because(lambda: causes.of_link_update(self._bpf(), new_fd, old_fd)):
                self._bpf().link_update(link_fd, new_fd, old_fd)

    def detach_link(self, link: Handle) -> None:
        """BPF_LINK_DETACH."""
        with self._change("BPF_LINK_DETACH", link=link.id) as change:
            self._bpf().link_detach(change.fd(link, "link"))

    def pin(self, target: Handle, path: str) -> None:
        """BPF_OBJ_PIN."""
        with self._change("BPF_OBJ_PIN", path=path, **{target.kind: target.id}) as change:
            fd = change.fd(target, target.kind)
            try:
                self._bpf().obj_pin(fd, path)
            except BpfError as error:
                cause = bpffs.why_not_pinned(path, error.errno)
                raise BpfError(error.command, error.errno, cause) from error

    def unpin(self, path: str, kind: HandleKind, object_id: int) -> None:
        """unlink(2) of the pin of this object, and of nothing else."""
        with self._change("unlink", path=path, **{kind: object_id}):
            if Path(path).is_symlink():
                raise Refused("unlink", f"{path} is a symbolic link, no pin")
            with opened(self._bpf().obj_get(path)) as fd:
                found = object_behind(fd)
            if found != (kind, object_id):
                there = " ".join(map(str, found or ("another object",)))
                raise Refused("unlink", f"{path} is a pin of {there}, not of {kind} {object_id}")
            Path(path).unlink()

    def mount_bpffs(self, path: str) -> None:
        """mount(2)."""
        with self._change("mount", type="bpf", path=path):
            bpffs.mount_bpffs(path)

    @contextmanager
    def _change(self, command: str, **arguments: str | int) -> Iterator[_Change]:
        """Around one call: nothing where writing is not armed; told however it ends."""
        if not self.armed:
            raise ReadOnly(f"read-only: {command} was not sent")
        change = _Change(command, dict(arguments))
        try:
            yield change
        except (BpfError, Refused, OSError) as error:
            self._tell(change, _words(error))
            raise
        self._tell(change)

    def _tell(self, change: _Change, error: str = "") -> None:
        if self.listen:
            call = Call(time.time(), change.command, change.arguments, change.result, error)
            with suppress(Exception):  # the call was made, whoever could be told of it
                self.listen(call)

    def _told_of_close(self, link_id: int) -> Callable[[], None]:
        return lambda: self._tell(_Change("close", {"link": link_id}))

    @contextmanager
    def _module(self, btf_id: int) -> Iterator[int | None]:
        """A file descriptor of a module's BTF; None for vmlinux's, which commands take as none."""
        if not btf_id:
            yield None
            return
        with opened(self._bpf().btf_get_fd_by_id(btf_id)) as fd:
            yield None if self._bpf().btf_get_info_by_fd(fd).name == VMLINUX else fd

    def _word(self, btf_id: int, type_id: int, member: int | None = None) -> str:
        """`tcp_congestion_ops.ssthresh`; numbers where BTF has no name."""
        try:
            found: BtfType | None = self._btf_of(btf_id).type(type_id)
        except (BpfError, BtfError, OSError):
            found = None
        if not isinstance(found, Composite):
            return f"type {type_id}" if member is None else f"type {type_id}, member {member}"
        if member is None:
            return found.name
        inside = member < len(found.members)
        return f"{found.name}.{found.members[member].name if inside else member}"

    def _served(self, program: LiveHandle, member: str) -> str:
        """`tcp_congestion_ops.ssthresh`, of a program that was just loaded."""
        try:
            info = self._bpf().prog_get_info_by_fd(program.fd)
        except BpfError:
            return member
        return f"{self._word(info.attach_btf_obj_id, info.attach_btf_id)}.{member}"

    def _btf_of(self, btf_id: int) -> Btf:
        """As `btf`. ENOENT: it is gone."""
        found = self._btf(btf_id)
        if found is None:
            raise BpfError("BPF_BTF_GET_FD_BY_ID", ENOENT)
        return found

    def _shape(self, info: MapInfo) -> tuple[Btf, Shape]:
        try:
            btf = self._btf_of(info.btf_id)
            return btf, shape_of(btf, info.value_type_id)
        except (BpfError, BtfError, OSError) as error:
            reason = f"the type of map {info.id} cannot be read: {error}"
            raise Refused("BPF_MAP_UPDATE_ELEM", reason) from error


@dataclass(slots=True)
class _Change:
    """A call under way: what there is to tell of it."""

    command: str
    arguments: dict[str, str | int]
    result: int = 0

    def fd(self, handle: Handle, kind: HandleKind) -> int:
        """The file descriptor in a handle of this module's.

        Raises:
            BpfError: It is closed, perhaps by another thread: EBADF, as the kernel would say.
            TypeError: It is another's, or of another kind.
        """
        if not isinstance(handle, LiveHandle) or handle.kind != kind:
            raise TypeError(f"{handle!r} is no {kind} of the running kernel")
        try:
            return handle.fd
        except ValueError as error:
            raise BpfError(self.command, EBADF, str(error)) from error

    def made(
        self, kind: HandleKind, object_id: int, fd: int, closed: Callable[[], None] | None = None
    ) -> LiveHandle:
        """The handle of what the call made."""
        self.result = object_id
        return LiveHandle(kind, object_id, fd, closed)


@contextmanager
def _because(cause: Callable[[], str]) -> Iterator[None]:
    """Around one call: if it fails with EINVAL, `cause` looks for the reason."""
    try:
        yield
    except BpfError as error:
        words = ""
        if error.errno == EINVAL:
            with suppress(BpfError, BtfError, OSError):
                words = cause()
        if not words:
            raise
        raise BpfError(error.command, error.errno, words, error.log) from error


@contextmanager
def _closed_on_error(fd: int) -> Iterator[None]:
    try:
        yield
    except BaseException:
        os.close(fd)
        raise


def _value_as_told(
    shape: Shape, value: bytes, programs: Mapping[int, Handle]
) -> dict[str, str | int]:
    """What is set: `programs: ssthresh=24 cong_avoid=25` and `data: name="reno" flags=2`."""
    names = (f"{shape.functions.get(at, at)}={program.id}" for at, program in programs.items())
    data = (f"{data.name}={_text(data, raw)}" for data in shape.data if any(raw := data.of(value)))
    return {"programs": " ".join(names), "data": " ".join(data)}


def _text(data: Data, raw: bytes) -> str:
    if data.is_text:
        return json.dumps(raw.split(b"\0", 1)[0].decode("utf-8", "backslashreplace"))
    return str(int.from_bytes(raw, sys.byteorder))


def _words(error: BpfError | Refused | OSError) -> str:
    if isinstance(error, Refused):
        return f"not sent: {error.reason}"
    name = error.errno_name if isinstance(error, BpfError) else errno_name(error.errno or 0)
    cause = error.cause if isinstance(error, BpfError) else error.strerror
    return f"{name}: {cause}" if cause else name
