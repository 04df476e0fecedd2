"""Changing the demo kernel: the protocol `Writes`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from errno import EBADF, EINVAL, ENOENT
from threading import RLock

from stops_tui.bpf.errors import BpfError
from stops_tui.kernels.demo.calls import Calls
from stops_tui.kernels.demo.objects import DemoLink, DemoMap
from stops_tui.kernels.guards import check_value
from stops_tui.kernels.kernel import RawBpffs
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

_NO_OBJECTS = "the demo kernel loads no object files; what is in one can be looked at"


class DemoHandle:
    """Keeps `Handle`, and with it the object alive."""

    def __init__(self, kind: HandleKind, object_id: int, closed: Callable[[DemoHandle], None]):
        self._kind = kind
        self._id = object_id
        self._closed = closed
        self.is_open = True

    @property
    def kind(self) -> HandleKind:
        """What it is."""
        return self._kind

    @property
    def id(self) -> int:
        """Its id."""
        return self._id

    def close(self) -> None:
        """Let it go. Idempotent."""
        if self.is_open:
            self.is_open = False
            self._closed(self)


@dataclass
class Change:
    """A call under way: what it is told of, and the id of what it made."""

    arguments: dict[str, str | int]
    result: int = 0


class DemoWrites:
    """Keeps `Writes`: the same arming, guards and telling as where it is real."""

    def __init__(self, calls: Calls, lock: RLock, advance: Callable[[], None]) -> None:
        """Not armed.

        Args:
            calls: What is changed.
            lock: Held while it is.
            advance: Lets time pass in it.
        """
        self.armed = False
        self.listen: Callable[[Call], None] | None = None
        self._calls = calls
        self._objects = calls.objects
        self._lock = lock
        self._advance = advance
        self._made_links: set[int] = set()

    def open_program(self, prog_id: int) -> Handle:
        """BPF_PROG_GET_FD_BY_ID."""
        return self._opened("prog", prog_id, self._objects.programs)

    def open_map(self, map_id: int) -> Handle:
        """BPF_MAP_GET_FD_BY_ID."""
        return self._opened("map", map_id, self._objects.maps)

    def open_link(self, link_id: int) -> Handle:
        """BPF_LINK_GET_FD_BY_ID."""
        return self._opened("link", link_id, self._objects.links)

    def open_pin(self, path: str) -> Handle:
        """BPF_OBJ_GET."""
        with self._lock:
            found = self._calls.pinned(path)
            return self._handle(found.kind, found.id)

    def load_program(self, new: NewProgram) -> Handle:
        """BPF_PROG_LOAD."""
        with self._change("BPF_PROG_LOAD", name=new.name, member=new.member) as change:
            change.result = self._calls.load_program(new).raw.id
            return self._handle("prog", change.result)

    def libbpf(self) -> Libbpf:
        """None."""
        return Libbpf("", problem=_NO_OBJECTS)

    def load_object(self, new: NewObject) -> LoadedObject:
        """Not here; raises BpfError."""
        with self._change("bpf_object__load", path=new.path):
            raise BpfError("bpf_object__load", EINVAL, _NO_OBJECTS)

    def load_btf(self) -> Handle:
        """BPF_BTF_LOAD."""
        with self._change("BPF_BTF_LOAD") as change:
            change.result = self._objects.next_id()
            return self._handle("btf", change.result)

    def create_map(self, new: NewMap, btf: Handle) -> Handle:
        """BPF_MAP_CREATE."""
        told: dict[str, str | int] = {"name": new.name, "value_type": new.value_type_id}
        if new.link:
            told["flags"] = "BPF_F_LINK"
        with self._change("BPF_MAP_CREATE", **told) as change:
            _check(btf, "btf", "BPF_MAP_CREATE")
            made = self._calls.create_map(
                new.name, new.value_type_id, new.value_size, link=new.link
            )
            change.result = made.id
            return self._handle("map", made.id)

    def update_map(self, target: Handle, value: bytes, programs: Mapping[int, Handle]) -> None:
        """BPF_MAP_UPDATE_ELEM."""
        command = "BPF_MAP_UPDATE_ELEM"
        with self._change(command, map=target.id) as change:
            map_ = self._map(target, command)
            change.arguments["programs"] = " ".join(
                f"{map_.shape.functions.get(at, at)}={program.id}"
                for at, program in programs.items()
            )
            check_value(map_.shape, len(map_.value), value, programs)
            for program in programs.values():
                _check(program, "prog", command)
            self._calls.update_map(map_, value, {at: p.id for at, p in programs.items()})

    def delete_map(self, target: Handle) -> None:
        """BPF_MAP_DELETE_ELEM."""
        with self._change("BPF_MAP_DELETE_ELEM", map=target.id):
            self._calls.delete_map(self._map(target, "BPF_MAP_DELETE_ELEM"))

    def create_link(self, target: Handle) -> Handle:
        """BPF_LINK_CREATE."""
        with self._change("BPF_LINK_CREATE", map=target.id) as change:
            link = self._calls.create_link(self._map(target, "BPF_LINK_CREATE"))
            change.result = link.id
            self._made_links.add(link.id)
            return self._handle("link", link.id)

    def update_link(self, link: Handle, new: Handle, old: Handle) -> None:
        """BPF_LINK_UPDATE; refused where the link holds the new map already."""
        command = "BPF_LINK_UPDATE"
        with self._change(command, link=link.id, new_map=new.id, old_map=old.id):
            found, replacing = self._link(link, command), self._map(new, command)
            _check(old, "map", command)
            if new.id in (found.map_id, old.id):
                raise Refused(command, f"link {link.id} holds map {new.id} already")
            self._calls.update_link(found, replacing, old.id)

    def detach_link(self, link: Handle) -> None:
        """BPF_LINK_DETACH."""
        with self._change("BPF_LINK_DETACH", link=link.id):
            self._calls.detach_link(self._link(link, "BPF_LINK_DETACH"))

    def pin(self, target: Handle, path: str) -> None:
        """BPF_OBJ_PIN."""
        command = "BPF_OBJ_PIN"
        with self._change(command, path=path, **{target.kind: target.id}):
            _check(target, target.kind, command)
            if target.kind == "btf":
                raise BpfError(command, EINVAL)
            self._calls.pin(target.kind, target.id, path)

    def unpin(self, path: str, kind: HandleKind, object_id: int) -> None:
        """unlink(2) of a pin."""
        with self._change("unlink", path=path, **{kind: object_id}):
            found = self._calls.pinned(path)
            if (found.kind, found.id) != (kind, object_id):
                there = f"{found.kind} {found.id}"
                raise Refused("unlink", f"{path} is a pin of {there}, not of {kind} {object_id}")
            self._calls.unpin(path)

    def mount_bpffs(self, path: str) -> None:
        """mount(2)."""
        with self._change("mount", type="bpf", path=path):
            if any(path in found.folders for found in self._calls.bpffs):
                raise Refused("mount", f"{path} is in a bpffs already: another would hide its pins")
            self._calls.bpffs.append(RawBpffs(path, frozenset({path})))

    # How a call goes: every one is in `_change`, and ends in `_tell`

    @contextmanager
    def _change(self, command: str, **arguments: str | int) -> Iterator[Change]:
        """One call: refused unless armed, told of when it is over."""
        if not self.armed:
            raise ReadOnly(f"read-only: {command} was not sent")
        change = Change(arguments)
        with self._lock:
            self._advance()
            try:
                yield change
            except BpfError as error:
                self._tell(command, change, f"{error.errno_name}: {error.cause}")
                raise
            except Refused as error:
                self._tell(command, change, f"not sent: {error.reason}")
                raise
            self._calls.collect()
        self._tell(command, change)

    def _tell(self, command: str, change: Change, error: str = "") -> None:
        if self.listen:
            self.listen(Call(self._calls.now(), command, change.arguments, change.result, error))

    def _opened(self, kind: HandleKind, object_id: int, there: Mapping[int, object]) -> DemoHandle:
        with self._lock:
            if object_id not in there:
                raise BpfError(f"BPF_{kind.upper()}_GET_FD_BY_ID", ENOENT)
            return self._handle(kind, object_id)

    def _handle(self, kind: HandleKind, object_id: int) -> DemoHandle:
        self._objects.handles[kind, object_id] += 1
        return DemoHandle(kind, object_id, self._closed)

    def _closed(self, handle: DemoHandle) -> None:
        with self._lock:
            self._advance()
            self._objects.handles[handle.kind, handle.id] -= 1
            self._calls.collect()
        if handle.kind == "link" and handle.id in self._made_links:
            self._tell("close", Change({"link": handle.id}))

    def _map(self, handle: Handle, command: str) -> DemoMap:
        _check(handle, "map", command)
        return self._objects.maps[handle.id]

    def _link(self, handle: Handle, command: str) -> DemoLink:
        _check(handle, "link", command)
        return self._objects.links[handle.id]


def _check(handle: Handle, kind: HandleKind, command: str) -> None:
    """As where it is real: one of another kind is this program's mistake, a closed one EBADF."""
    if not isinstance(handle, DemoHandle) or handle.kind != kind:
        raise TypeError(f"{handle!r} is no {kind} of the demo kernel")
    if not handle.is_open:
        raise BpfError(command, EBADF)
