"""The bpf(2) calls that change the demo kernel, by the rules of the real one.

Errnos and their order: kernel/bpf/syscall.c, kernel/bpf/bpf_struct_ops.c.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from errno import (
    EBUSY,
    EEXIST,
    EINPROGRESS,
    EINVAL,
    ENOENT,
    ENOLINK,
    EOPNOTSUPP,
    EPERM,
)
from hashlib import sha256
from random import Random

from stops_tui.bpf.errors import ENOTSUPP, BpfError
from stops_tui.bpf.insns import encode
from stops_tui.kernels.demo.objects import (
    BPF_F_LINK,
    INIT,
    INUSE,
    READY,
    TOBEFREE,
    DemoLink,
    DemoMap,
    DemoProgram,
    Objects,
)
from stops_tui.kernels.demo.rules.hid import Hid
from stops_tui.kernels.demo.rules.qdisc import Qdisc
from stops_tui.kernels.demo.rules.sched_ext import SchedExt
from stops_tui.kernels.demo.rules.subsystem import Dummy, IoUring, SchedExtCid, Subsystem
from stops_tui.kernels.demo.rules.tcp import Tcp
from stops_tui.kernels.demo.types import DemoType
from stops_tui.kernels.kernel import (
    ObjectKind,
    RawBpffs,
    RawCode,
    RawMap,
    RawPin,
    RawProgram,
    RunCount,
)
from stops_tui.kernels.writes import NewProgram

_OBJECT_NAME = re.compile(r"[A-Za-z0-9_.]{0,15}")
_EXIT = 0x95
_UNKNOWN = Subsystem()


class Calls:
    """Objects and subsystems, and each call that changes them.

    The demo's world is one; the tests' kernel is another, of other types and without a clock.

    Attributes:
        types: What can be implemented, by the ids of their value types.
        objects: What there is.
        now: The time, in seconds since the epoch.
        bpffs: What is mounted.
        subsystems: All, by the names of their types; some by a name of their own, too.
    """

    def __init__(
        self,
        types: Mapping[int, DemoType],
        objects: Objects,
        dice: Random,
        now: Callable[[], float],
        later: Callable[[float, Callable[[], None]], None],
    ) -> None:
        """Nothing is registered.

        Args:
            types: See above.
            objects: See above.
            dice: For what is by chance.
            now: See above.
            later: Does something so many seconds later.
        """
        self.types = types
        self.objects = objects
        self.now = now
        self.bpffs = [RawBpffs("/sys/fs/bpf", frozenset({"/sys/fs/bpf"}))]
        self.tcp = Tcp(dice)
        self.sched_ext = SchedExt(self._function_of, later)
        self.qdisc = Qdisc()
        self.hid = Hid()
        self.subsystems: Mapping[str, Subsystem] = {
            "tcp_congestion_ops": self.tcp,
            "sched_ext_ops": self.sched_ext,
            "Qdisc_ops": self.qdisc,
            "hid_bpf_ops": self.hid,
            "bpf_dummy_ops": Dummy(),
            "io_uring_bpf_ops": IoUring(),
            "sched_ext_ops_cid": SchedExtCid(),
        }

    # Programs

    def load_program(self, new: NewProgram) -> DemoProgram:
        """BPF_PROG_LOAD."""
        command = "BPF_PROG_LOAD"
        of = next((t for t in self.types.values() if t.shape.type_id == new.type_id), None)
        if of is None:
            raise BpfError(command, ENOTSUPP, log="attach_btf_id is not a supported struct\n")
        member = of.members[new.member] if new.member < len(of.members) else ""
        if member not in of.shape.functions.values():
            log = f"attach to invalid member idx {new.member} of struct {of.shape.type_name}\n"
            raise BpfError(command, EINVAL, log=log)
        if not _OBJECT_NAME.fullmatch(new.name):
            raise BpfError(command, EINVAL)
        if not new.insns or new.insns[-1].code != _EXIT:
            log = "last insn is not an exit or jmp\nprocessed 0 insns\n"
            raise BpfError(command, EINVAL, log=log)
        code = encode(new.insns)
        raw = RawProgram(
            id=self.objects.next_id(),
            name=new.name,
            tag=sha256(code).hexdigest()[:16],  # as bpf_prog_calc_tag() makes it
            load_time=self.now(),
            uid=0,
            xlated_size=len(code),
            jited_size=0,
            verified_insns=len(new.insns),
            map_ids=(),
            btf_id=0,
            func_type_id=0,
            attach_btf_id=new.type_id,
            attach_btf_obj_id=of.home.id,
            runs=RunCount(),
        )
        shown = RawCode(code, b"", withheld="the demo kernel makes no machine code")
        return self.objects.add_program(DemoProgram(raw, member, shown, new.name))

    def _function_of(self, prog_id: int) -> str:
        return self.objects.programs[prog_id].function

    # Maps

    def create_map(self, name: str, value_type_id: int, size: int, *, link: bool) -> DemoMap:
        """BPF_MAP_CREATE."""
        command = "BPF_MAP_CREATE"
        type_ = self.types.get(value_type_id)
        if not _OBJECT_NAME.fullmatch(name):
            raise BpfError(command, EINVAL)
        if type_ is None:
            raise BpfError(command, ENOTSUPP)
        if size != type_.size:
            raise BpfError(command, EINVAL)
        flags = BPF_F_LINK if link else 0
        return self.objects.add_map(
            DemoMap(self.objects.next_id(), name, flags, type_, bytes(size))
        )

    def update_map(self, target: DemoMap, value: bytes, programs: Mapping[int, int]) -> None:
        """BPF_MAP_UPDATE_ELEM; programs by their offset in the value."""
        command = "BPF_MAP_UPDATE_ELEM"
        if target.state != INIT:
            raise BpfError(command, EBUSY)
        if any(any(value[start:end]) for start, end in target.shape.gaps):
            raise BpfError(command, EINVAL)
        filled = bytearray(value)
        for at, prog_id in programs.items():
            program = self.objects.programs[prog_id]
            made_for = program.raw.attach_btf_id, program.member
            if made_for != (target.shape.type_id, target.shape.functions[at]):
                raise BpfError(command, EINVAL)
            struct.pack_into("<Q", filled, at, prog_id)
        target.value = bytes(filled)
        subsystem = self._subsystem(target)
        errno = subsystem.validate(target)
        if not errno and not target.is_link:
            errno = subsystem.register(target)
        if errno:
            target.value = bytes(len(value))  # back in INIT, it may be tried again
            raise BpfError(command, errno)
        target.state = READY if target.is_link else INUSE

    def delete_map(self, target: DemoMap) -> None:
        """BPF_MAP_DELETE_ELEM."""
        command = "BPF_MAP_DELETE_ELEM"
        if target.is_link:
            raise BpfError(command, EOPNOTSUPP)
        if target.state != INUSE:
            raise BpfError(command, EINPROGRESS if target.state == TOBEFREE else ENOENT)
        target.state = TOBEFREE
        self._subsystem(target).unregister(target)

    def _subsystem(self, of: DemoMap) -> Subsystem:
        return self.subsystems.get(of.shape.type_name, _UNKNOWN)

    def refcnt(self, map_: DemoMap) -> int:
        """What the kernel says of it in the value."""
        users = self._subsystem(map_).users(map_.id)
        return (map_.state == INUSE) + self.objects.links_on(map_.id) + users

    def value(self, map_: DemoMap) -> bytes:
        """What BPF_MAP_LOOKUP_ELEM gives: in INIT, zeroes."""
        value = bytearray(map_.value)
        if map_.state != INIT:
            struct.pack_into("<II", value, 0, self.refcnt(map_), map_.state)
        return bytes(value)

    def record(self, map_: DemoMap) -> RawMap:
        """All that is read of it."""
        type_, value = map_.type, self.value(map_)
        return RawMap(
            map_.id, map_.name, map_.flags, type_.value_type_id, type_.home.id, map_.info, value
        )

    # Links

    def create_link(self, target: DemoMap) -> DemoLink:
        """BPF_LINK_CREATE."""
        command = "BPF_LINK_CREATE"
        if not target.is_link or target.state != READY:
            raise BpfError(command, EINVAL)
        errno = self._subsystem(target).register(target)
        if errno:
            raise BpfError(command, errno)
        link = DemoLink(self.objects.next_id(), target.id)
        self.objects.links[link.id] = link
        return link

    def update_link(self, link: DemoLink, new: DemoMap, old_id: int) -> None:
        """BPF_LINK_UPDATE with BPF_F_REPLACE."""
        command = "BPF_LINK_UPDATE"
        if not new.is_link or new.state != READY:
            raise BpfError(command, EINVAL)
        subsystem = self._subsystem(new)
        if not subsystem.HAS_UPDATE:
            raise BpfError(command, EOPNOTSUPP)
        if not link.map_id:
            raise BpfError(command, ENOLINK)
        if link.map_id != old_id:
            raise BpfError(command, EPERM)
        old = self.objects.maps[link.map_id]
        if old.type != new.type:
            raise BpfError(command, EINVAL)
        errno = subsystem.update(old, new)
        if errno:
            raise BpfError(command, errno)
        link.map_id = new.id

    def detach_link(self, link: DemoLink) -> None:
        """BPF_LINK_DETACH; again is fine."""
        target = self.objects.maps.get(link.map_id)
        link.map_id = 0
        if target:
            self._subsystem(target).unregister(target)

    # Pins, and the end of objects

    def pin(self, kind: ObjectKind, object_id: int, path: str) -> None:
        """BPF_OBJ_PIN."""
        command = "BPF_OBJ_PIN"
        folder = path.rpartition("/")[0]
        if not any(folder in found.folders for found in self.bpffs):
            inside = any(folder.startswith(f"{found.path}/") for found in self.bpffs)
            raise BpfError(command, ENOENT if inside else EPERM)
        if path in self.objects.pins:
            raise BpfError(command, EEXIST, f"{path} exists already")
        self.objects.pins[path] = RawPin(path, kind, object_id)

    def pinned(self, path: str) -> RawPin:
        """BPF_OBJ_GET."""
        if path not in self.objects.pins:
            raise BpfError("BPF_OBJ_GET", ENOENT)
        return self.objects.pins[path]

    def unpin(self, path: str) -> None:
        """unlink(2) of a pin."""
        del self.objects.pins[path]

    def collect(self) -> None:
        """What nobody keeps goes: links, then maps, then programs."""
        objects = self.objects
        for link in [k for k in objects.links.values() if not objects.is_held("link", k.id)]:
            self.detach_link(link)
            del objects.links[link.id]
        for map_ in [m for m in objects.maps.values() if not self._is_kept(m)]:
            del objects.maps[map_.id]
        used = {prog_id for map_ in objects.maps.values() for _, prog_id in map_.programs()}
        for prog_id in [p for p in objects.programs if p not in used]:
            if not objects.is_held("prog", prog_id):
                del objects.programs[prog_id]

    def _is_kept(self, map_: DemoMap) -> bool:
        return bool(self.refcnt(map_)) or self.objects.is_held("map", map_.id)
