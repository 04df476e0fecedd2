"""Changes to the fake kernel, by the rules of the real one: the protocol `Writes`, in memory.

    kernel.writes.armed = True
    kernel.writes.refuse("BPF_LINK_CREATE", ENOMEM)     # the next such call fails so
    ...
    assert [call.command for call in kernel.writes.calls] == ["BPF_BTF_LOAD", ...]

Rules are those of kernel/bpf/bpf_struct_ops.c: states, what each call returns and in which order
reasons are looked for, and what keeps an object alive. An object that a test put into the kernel
stays until a call here takes away what held it.
"""

from __future__ import annotations

import os
import re
import struct
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from errno import (
    EACCES,
    EBADF,
    EBUSY,
    EEXIST,
    EINPROGRESS,
    EINVAL,
    ENOENT,
    ENOLINK,
    EOPNOTSUPP,
    EPERM,
)
from typing import TYPE_CHECKING, Literal

from stops_tui.bpf.errors import ENOTSUPP, BpfError
from stops_tui.bpf.insns import exit_
from stops_tui.kernels.guards import check_value
from stops_tui.kernels.kernel import RawBpffs, RawLink, RawMap, RawProgram, RunCount
from stops_tui.kernels.shape import shape_of
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
from stops_tui.struct_ops.types import Member, StructOpsType

if TYPE_CHECKING:
    from tests.support.fake_kernel import FakeKernel

BOOT = 1_700_000_000.0
BPF_F_LINK = 1 << 13
INIT, INUSE, TOBEFREE, READY = range(4)
_NAME = re.compile(rb"[A-Za-z0-9_.]+")
_EXIT = 0x95


class FakeHandle:
    """Keeps `Handle`."""

    def __init__(self, kind: HandleKind, object_id: int, closed: Callable[[FakeHandle], None]):
        self._kind = kind
        self._id = object_id
        self._closed = closed
        self.open = True

    def __repr__(self) -> str:
        return f"<{self._kind} {self._id}>"

    @property
    def kind(self) -> HandleKind:
        return self._kind

    @property
    def id(self) -> int:
        return self._id

    def close(self) -> None:
        if self.open:
            self.open = False
            self._closed(self)


@dataclass
class FakeObject:
    """Keeps `LoadedObject`."""

    programs: dict[str, Handle]
    messages: tuple[str, ...]

    def close(self) -> None:
        for program in self.programs.values():
            program.close()


@dataclass
class _Change:
    arguments: dict[str, str | int]
    result: int = field(default=0)


class FakeWrites:
    """Keeps `Writes` for a FakeKernel.

    Attributes:
        calls: Every call that `listen` was, or would have been, told of.
        library: What `libbpf` finds.
        variables: The type of each struct_ops variable in objects; tcp_congestion_ops if not here.
        messages: What is said of the next objects as they are loaded.
        refused_program: The program of objects that the verifier refuses.
    """

    def __init__(self, kernel: FakeKernel) -> None:
        self.armed = False
        self.listen: Callable[[Call], None] | None = None
        self.calls: list[Call] = []
        self.library = Libbpf("libbpf.so.1", "1.4", (1, 4))
        self.variables: dict[str, str] = {}
        self.messages: tuple[str, ...] = ()
        self.refused_program = ""
        self._kernel = kernel
        self._handles: list[FakeHandle] = []
        self._ours: set[tuple[HandleKind, int]] = set()
        self._members: dict[int, int] = {}
        self._refusals: defaultdict[str, list[BpfError | OSError]] = defaultdict(list)
        self._last_id = 200

    # For tests.

    def refuse(self, command: str, errno: int, cause: str = "", log: str = "") -> None:
        """The next call of this command that gets as far as the kernel fails so."""
        if command.startswith(("BPF_", "bpf_")):
            self._refusals[command].append(BpfError(command, errno, cause, log))
        else:
            self._refusals[command].append(OSError(errno, os.strerror(errno)))

    @property
    def open_handles(self) -> list[str]:
        """What nobody closed, as "link 201"."""
        return [f"{handle.kind} {handle.id}" for handle in self._handles]

    # The protocol.

    def open_program(self, prog_id: int) -> Handle:
        return self._opened("prog", prog_id, "BPF_PROG_GET_FD_BY_ID")

    def open_map(self, map_id: int) -> Handle:
        return self._opened("map", map_id, "BPF_MAP_GET_FD_BY_ID")

    def open_link(self, link_id: int) -> Handle:
        return self._opened("link", link_id, "BPF_LINK_GET_FD_BY_ID")

    def open_pin(self, path: str) -> Handle:
        return self._handle(*self._pinned(path))

    def load_program(self, new: NewProgram) -> Handle:
        with self._change("BPF_PROG_LOAD", name=new.name, member=new.member) as change:
            type_ = self._type(lambda t: t.type_id == new.type_id, "BPF_PROG_LOAD")
            if new.member >= len(type_.members) or type_.members[new.member].kind == "data":
                log = f"attach to invalid member idx {new.member} of struct {type_.name}\n"
                raise BpfError("BPF_PROG_LOAD", EINVAL, log=log)
            _check_name("BPF_PROG_LOAD", new.name)
            if not new.insns or new.insns[-1].code != _EXIT:
                log = "last insn is not an exit or jmp\nprocessed 0 insns\n"
                raise BpfError("BPF_PROG_LOAD", EINVAL, log=log)
            change.result = self._next_id()
            self._kernel.add_raw_program(_program(change.result, new, type_))
            self._members[change.result] = new.member
            return self._made("prog", change.result)

    def libbpf(self) -> Libbpf:
        return self.library

    def load_object(self, new: NewObject) -> LoadedObject:
        loaded = FakeObject({}, self.messages)
        with self._change("bpf_object__load", path=new.path):
            try:
                for variable, members in new.programs.items():
                    for member, name in members.items():
                        loaded.programs[name] = self._load_of_object(variable, member, name)
            except BpfError:
                loaded.close()
                raise
        return loaded

    def _load_of_object(self, variable: str, member: str, name: str) -> Handle:
        of = self.variables.get(variable, "tcp_congestion_ops")
        type_ = self._type(lambda t: t.name == of, "bpf_object__load")
        if name == self.refused_program:
            log = "; return 0; @ a.c:7\n3: (95) exit\nR0 !read_ok\nprocessed 4 insns\n"
            raise BpfError("BPF_PROG_LOAD", EACCES, log=log, program=name)
        index = next(m.index for m in type_.members if m.name == member)
        return self.load_program(NewProgram(name[:15], (exit_(),), type_.type_id, index))

    def load_btf(self) -> Handle:
        with self._change("BPF_BTF_LOAD") as change:
            change.result = self._next_id()
            return self._handle("btf", change.result)

    def create_map(self, new: NewMap, btf: Handle) -> Handle:
        told: dict[str, str | int] = {"name": new.name, "value_type": new.value_type_id}
        if new.link:
            told["flags"] = "BPF_F_LINK"
        with self._change("BPF_MAP_CREATE", **told) as change:
            self._check(btf, "btf", "BPF_MAP_CREATE")
            _check_name("BPF_MAP_CREATE", new.name)
            type_ = self._type(lambda t: t.value_type_id == new.value_type_id, "BPF_MAP_CREATE")
            if new.value_size != type_.value_size:
                raise BpfError("BPF_MAP_CREATE", EINVAL)
            change.result = self._next_id()
            self._kernel.add_map(change.result, new.name, type_.name, "INIT", 0, link=new.link)
            return self._made("map", change.result)

    def update_map(self, target: Handle, value: bytes, programs: Mapping[int, Handle]) -> None:
        command = "BPF_MAP_UPDATE_ELEM"
        with self._change(command, map=target.id) as change:
            raw, type_ = self._map(target, command)
            shape = shape_of(type_.btf, type_.value_type_id)
            change.arguments["programs"] = " ".join(
                f"{shape.functions.get(at, at)}={program.id}" for at, program in programs.items()
            )
            check_value(shape, len(raw.value), value, programs)
            if _header(raw)[1] != INIT:
                raise BpfError(command, EBUSY)
            self._check_programs(type_, programs)
            filled = bytearray(value)
            for at, program in programs.items():
                struct.pack_into("<Q", filled, at, program.id)
            self._validate(type_, bytes(filled))
            if not raw.flags & BPF_F_LINK:
                self._register(command, type_, bytes(filled), link=False)
            header = (0, READY) if raw.flags & BPF_F_LINK else (1, INUSE)
            struct.pack_into("<II", filled, 0, *header)
            self._kernel.replace_map(raw._replace(value=bytes(filled)))
            self._ours.add(("map", raw.id))

    def delete_map(self, target: Handle) -> None:
        command = "BPF_MAP_DELETE_ELEM"
        with self._change(command, map=target.id):
            raw, type_ = self._map(target, command)
            refcnt, state = _header(raw)
            if raw.flags & BPF_F_LINK:
                raise BpfError(command, EOPNOTSUPP)
            if state != INUSE:
                raise BpfError(command, EINPROGRESS if state == TOBEFREE else ENOENT)
            self._unregister(type_, raw.value)
            self._put(raw, refcnt - 1, TOBEFREE)

    def create_link(self, target: Handle) -> Handle:
        command = "BPF_LINK_CREATE"
        with self._change(command, map=target.id) as change:
            raw, type_ = self._map(target, command)
            refcnt, state = _header(raw)
            if not raw.flags & BPF_F_LINK or state != READY:
                raise BpfError(command, EINVAL)
            self._register(command, type_, raw.value, link=True)
            change.result = self._next_id()
            self._kernel.add_link(change.result, raw.id)
            self._put(raw, refcnt + 1, READY)
            return self._made("link", change.result)

    def update_link(self, link: Handle, new: Handle, old: Handle) -> None:
        command = "BPF_LINK_UPDATE"
        with self._change(command, link=link.id, new_map=new.id, old_map=old.id):
            held = self._link(link, command).map_id
            if new.id in (held, old.id):
                raise Refused(command, f"link {link.id} holds map {new.id} already")
            raw, type_ = self._map(new, command)
            if not raw.flags & BPF_F_LINK or _header(raw)[1] != READY:
                raise BpfError(command, EINVAL)
            if type_.name != "tcp_congestion_ops":
                raise BpfError(command, EOPNOTSUPP)
            if held != old.id:
                raise BpfError(command, EPERM if held else ENOLINK)
            before, type_before = self._map(old, command)
            if type_before != type_ or _named(type_, raw.value) != _named(type_, before.value):
                raise BpfError(command, EINVAL)
            self._kernel.add_link(link.id, raw.id)
            self._put(raw, _header(raw)[0] + 1, READY)
            self._put(before, _header(before)[0] - 1, READY)

    def detach_link(self, link: Handle) -> None:
        with self._change("BPF_LINK_DETACH", link=link.id):
            self._detach(self._link(link, "BPF_LINK_DETACH"))

    def pin(self, target: Handle, path: str) -> None:
        command = "BPF_OBJ_PIN"
        with self._change(command, path=path, **{target.kind: target.id}):
            kind = self._check(target, target.kind, command)
            if kind == "btf":
                raise BpfError(command, EINVAL)
            folder = path.rpartition("/")[0]
            mounted = self._kernel.conditions_now.bpffs
            if not any(folder in found.folders for found in mounted):
                inside = any(folder.startswith(found.path + "/") for found in mounted)
                raise BpfError(command, ENOENT if inside else EPERM)
            if any(pin.path == path for pin in self._kernel.holders().pins):
                raise BpfError(command, EEXIST, f"{path} exists already")
            self._kernel.pin(path, kind, target.id)

    def unpin(self, path: str, kind: HandleKind, object_id: int) -> None:
        with self._change("unlink", path=path, **{kind: object_id}):
            found = self._pinned(path)
            if found != (kind, object_id):
                there = f"{found[0]} {found[1]}"
                raise Refused("unlink", f"{path} is a pin of {there}, not of {kind} {object_id}")
            self._kernel.unpin(path)
            self._ours.add(found)

    def mount_bpffs(self, path: str) -> None:
        with self._change("mount", type="bpf", path=path):
            conditions = self._kernel.conditions_now
            if any(path in found.folders for found in conditions.bpffs):
                raise Refused("mount", f"{path} is in a bpffs already: another would hide its pins")
            bpffs = (*conditions.bpffs, RawBpffs(path, frozenset({path})))
            self._kernel.conditions_now = conditions._replace(bpffs=bpffs)

    # How a call goes.

    @contextmanager
    def _change(self, command: str, **arguments: str | int) -> Iterator[_Change]:
        if not self.armed:
            raise ReadOnly(f"read-only: {command} was not sent")
        change = _Change(arguments)
        try:
            if self._refusals[command]:
                raise self._refusals[command].pop(0)
            yield change
        except BpfError as error:
            self._tell(command, change, f"{error.errno_name}: {error.cause}")
            raise
        except Refused as error:
            self._tell(command, change, f"not sent: {error.reason}")
            raise
        except OSError as error:
            self._tell(command, change, str(error.strerror))
            raise
        self._collect()
        self._tell(command, change)

    def _tell(self, command: str, change: _Change, error: str = "") -> None:
        time = BOOT + len(self.calls)
        self.calls.append(Call(time, command, change.arguments, change.result, error))
        if self.listen:
            self.listen(self.calls[-1])

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _handle(self, kind: HandleKind, object_id: int) -> FakeHandle:
        handle = FakeHandle(kind, object_id, self._closed)
        self._handles.append(handle)
        return handle

    def _made(self, kind: HandleKind, object_id: int) -> FakeHandle:
        self._ours.add((kind, object_id))
        return self._handle(kind, object_id)

    def _opened(self, kind: HandleKind, object_id: int, command: str) -> FakeHandle:
        if object_id not in self._objects(kind):
            raise BpfError(command, ENOENT)
        return self._handle(kind, object_id)

    def _closed(self, handle: FakeHandle) -> None:
        self._handles.remove(handle)
        self._collect()
        if handle.kind == "link" and ("link", handle.id) in self._ours:
            self._tell("close", _Change({"link": handle.id}))

    # What is there.

    def _objects(self, kind: HandleKind) -> Mapping[int, RawMap | RawLink | RawProgram]:
        if kind == "prog":
            return {program.id: program for program in self._kernel.programs()}
        return self._kernel.maps if kind == "map" else self._kernel.links

    def _pinned(self, path: str) -> tuple[Literal["map", "prog", "link"], int]:
        for pin in self._kernel.holders().pins:
            if pin.path == path:
                return pin.kind, pin.id
        raise BpfError("BPF_OBJ_GET", ENOENT)

    def _check(self, handle: Handle, kind: HandleKind, command: str) -> HandleKind:
        assert handle.kind == kind, f"{handle!r} where a {kind} belongs"
        if not isinstance(handle, FakeHandle) or not handle.open:
            raise BpfError(command, EBADF)
        return kind

    def _map(self, handle: Handle, command: str) -> tuple[RawMap, StructOpsType]:
        self._check(handle, "map", command)
        raw = self._kernel.maps[handle.id]
        return raw, self._type(lambda t: t.value_type_id == raw.value_type_id, command)

    def _link(self, handle: Handle, command: str) -> RawLink:
        self._check(handle, "link", command)
        return self._kernel.links[handle.id]

    def _type(self, wanted: Callable[[StructOpsType], bool], command: str) -> StructOpsType:
        for type_ in self._kernel.types:
            if wanted(type_):
                return type_
        raise BpfError(command, ENOTSUPP)

    def _put(self, raw: RawMap, refcnt: int, state: int) -> None:
        value = bytearray(raw.value)
        struct.pack_into("<II", value, 0, refcnt, state)
        self._kernel.replace_map(raw._replace(value=bytes(value)))
        self._ours.add(("map", raw.id))

    # What subsystems say.

    def _check_programs(self, type_: StructOpsType, programs: Mapping[int, Handle]) -> None:
        for at, handle in programs.items():
            self._check(handle, "prog", "BPF_MAP_UPDATE_ELEM")
            member = next(m for m in type_.members if type_.data_offset + m.offset == at)
            serves = self._serves(handle.id)
            program = self._objects("prog")[handle.id]
            fits = isinstance(program, RawProgram) and program.attach_btf_id == type_.type_id
            if not fits or (serves and member.index not in serves):
                raise BpfError("BPF_MAP_UPDATE_ELEM", EINVAL)

    def _serves(self, prog_id: int) -> set[int]:
        """The members a program is known to be made for: as it was loaded, or is used."""
        if prog_id in self._members:
            return {self._members[prog_id]}
        found = set()
        for raw in self._kernel.maps.values():
            for type_ in self._kernel.types:
                if type_.value_type_id == raw.value_type_id:
                    found |= {m.index for m in type_.members if _slot(type_, m, raw) == prog_id}
        return found

    def _validate(self, type_: StructOpsType, value: bytes) -> None:
        """What the subsystem's init_member() and validate() refuse."""
        if type_.name == "bpf_dummy_ops":
            raise BpfError("BPF_MAP_UPDATE_ELEM", EOPNOTSUPP)
        given = {m.name for m in type_.members if any(_bytes(type_, m, value))}
        for member in type_.members:
            name_is_bad = member.name == "name" and not _NAME.fullmatch(_named(type_, value))
            missing = member.mandatory and not given & {member.name, member.instead}
            computed = member.name == "key" and member.name in given
            flags = int.from_bytes(_bytes(type_, member, value), sys.byteorder)
            unknown = (
                type_.name == "tcp_congestion_ops" and member.name == "flags" and flags & ~0x1F
            )
            if name_is_bad or missing or computed or unknown:
                raise BpfError("BPF_MAP_UPDATE_ELEM", EINVAL)

    def _register(self, command: str, type_: StructOpsType, value: bytes, *, link: bool) -> None:
        name = _named(type_, value).decode()
        conditions = self._kernel.conditions_now
        if type_.name == "smc_hs_ctrl" and link:
            raise BpfError(command, EOPNOTSUPP)
        if type_.name == "tcp_congestion_ops":
            if name in (conditions.congestion_controls or ()) or name in self._registered(type_):
                raise BpfError(command, EEXIST)
            names = (*(conditions.congestion_controls or ()), name)
            self._kernel.conditions_now = conditions._replace(congestion_controls=names)
        elif type_.name.startswith("sched_ext_ops"):
            if self._kernel.subsystems.sched_ext_ops:
                raise BpfError(command, EBUSY)
            self._scheduler("enabled", name)

    def _registered(self, type_: StructOpsType) -> set[str]:
        """The names of all maps of a type that are registered."""
        linked = {link.map_id for link in self._kernel.links.values()}
        return {
            _named(type_, raw.value).decode(errors="replace")
            for raw in self._kernel.maps.values()
            if raw.value_type_id == type_.value_type_id
            and (_header(raw)[1] == INUSE or raw.id in linked)
        }

    def _unregister(self, type_: StructOpsType, value: bytes) -> None:
        name = _named(type_, value).decode(errors="replace")
        conditions = self._kernel.conditions_now
        if type_.name == "tcp_congestion_ops":
            names = tuple(n for n in conditions.congestion_controls or () if n != name)
            self._kernel.conditions_now = conditions._replace(congestion_controls=names)
        elif self._kernel.subsystems.sched_ext_ops == name:
            self._scheduler("disabled", None)

    def _scheduler(self, state: str, ops: str | None) -> None:
        told = self._kernel.subsystems._replace(sched_ext_state=state, sched_ext_ops=ops)
        self._kernel.subsystems = told
        self._kernel.conditions_now = self._kernel.conditions_now._replace(subsystems=told)

    # What keeps an object alive.

    def _detach(self, link: RawLink) -> None:
        raw = self._kernel.maps.get(link.map_id)
        self._kernel.detach(link.id)
        self._ours.add(("link", link.id))
        if raw:
            type_ = self._type(lambda t: t.value_type_id == raw.value_type_id, "BPF_LINK_DETACH")
            self._unregister(type_, raw.value)
            self._put(raw, _header(raw)[0] - 1, READY)

    def _held(self, kind: HandleKind, object_id: int) -> bool:
        holders = self._kernel.holders()
        held = {(handle.kind, handle.id) for handle in self._handles}
        held |= {(pin.kind, pin.id) for pin in holders.pins}
        held |= {(fd.kind, fd.id) for fd in holders.fds}
        return (kind, object_id) in held

    def _collect(self) -> None:
        """Remove what calls here made or let go, and nothing holds: links, then maps, programs."""
        for link in tuple(self._kernel.links.values()):
            if self._loose("link", link.id):
                self._detach(link)
                self._kernel.remove_link(link.id)
        for raw in tuple(self._kernel.maps.values()):
            refcnt, state = _header(raw)
            if self._loose("map", raw.id) and not refcnt and state != INUSE:
                self._kernel.remove(raw.id)
        used = set().union(*(_programs_in(self._kernel, raw) for raw in self._kernel.maps.values()))
        for program in self._kernel.programs():
            if self._loose("prog", program.id) and program.id not in used:
                self._kernel.remove_program(program.id)

    def _loose(self, kind: HandleKind, object_id: int) -> bool:
        return (kind, object_id) in self._ours and not self._held(kind, object_id)


def _programs_in(kernel: FakeKernel, raw: RawMap) -> set[int]:
    return {
        _slot(type_, member, raw)
        for type_ in kernel.types
        for member in type_.members
        if type_.value_type_id == raw.value_type_id and member.kind == "func"
    }


def _check_name(command: str, name: str) -> None:
    if len(name) > 15 or not re.fullmatch(r"[A-Za-z0-9_.]*", name):
        raise BpfError(command, EINVAL)


def _header(raw: RawMap) -> tuple[int, int]:
    refcnt, state = struct.unpack_from("<II", raw.value)
    return refcnt, state


def _bytes(type_: StructOpsType, member: Member, value: bytes) -> bytes:
    start = type_.data_offset + member.offset
    return value[start : start + member.size]


def _slot(type_: StructOpsType, member: Member, raw: RawMap) -> int:
    return int.from_bytes(_bytes(type_, member, raw.value), "little")


def _named(type_: StructOpsType, value: bytes) -> bytes:
    for member in type_.members:
        if member.name == "name":
            return _bytes(type_, member, value).split(b"\0", 1)[0]
    return b""


def _program(prog_id: int, new: NewProgram, type_: StructOpsType) -> RawProgram:
    return RawProgram(
        id=prog_id,
        name=new.name,
        tag=f"{prog_id:016x}",
        load_time=BOOT + prog_id,
        uid=0,
        xlated_size=8 * len(new.insns),
        jited_size=13,
        verified_insns=len(new.insns),
        map_ids=(),
        btf_id=0,
        func_type_id=0,
        attach_btf_id=type_.type_id,
        attach_btf_obj_id=type_.btf_id,
        runs=RunCount(),
    )
