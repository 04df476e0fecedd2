"""The demo kernel's state, and the calls that change it by the rules of the real one.

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
from heapq import heappop, heappush
from itertools import count
from random import Random

from stops_tui.bpf.errors import ENOTSUPP, BpfError
from stops_tui.bpf.info import MAP_TYPE_STRUCT_OPS
from stops_tui.bpf.insns import encode
from stops_tui.btf import Composite, Kind
from stops_tui.kernels.demo.cast import Cast
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
from stops_tui.kernels.kernel import ObjectKind, RawBpffs, RawCode, RawPin, RawProgram, RunCount
from stops_tui.kernels.writes import NewProgram

_OBJECT_NAME = re.compile(r"[A-Za-z0-9_.]{0,15}")
_EXIT = 0x95


class World:
    """Objects, subsystems, and what happens by itself as time goes on.

    Attributes:
        time: Seconds since it began.
        epoch: When that was, in seconds since the epoch.
        counting: Whether run statistics are on.
        bpffs: What is mounted.
    """

    def __init__(self, cast: Cast, dice: Random, epoch: float) -> None:
        self.cast = cast
        self.dice = dice
        self.epoch = epoch
        self.time = 0.0
        self.counting = False
        self.objects = Objects()
        self.bpffs = [RawBpffs("/sys/fs/bpf", frozenset({"/sys/fs/bpf"}))]
        self.tcp = Tcp(dice)
        self.sched_ext = SchedExt(self._function_of, self.later)
        self.qdisc = Qdisc()
        self.hid = Hid()
        self._subsystems: Mapping[str, Subsystem] = {
            "tcp_congestion_ops": self.tcp,
            "sched_ext_ops": self.sched_ext,
            "Qdisc_ops": self.qdisc,
            "hid_bpf_ops": self.hid,
            "bpf_dummy_ops": Dummy(),
            "io_uring_bpf_ops": IoUring(),
            "sched_ext_ops_cid": SchedExtCid(),
        }
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    # Time

    def later(self, seconds: float, happen: Callable[[], None]) -> None:
        """Something happens so many seconds from now."""
        heappush(self._due, (self.time + seconds, next(self._order), happen))

    def advance(self, time: float) -> None:
        """Let everything happen until a time."""
        while self._due and self._due[0][0] <= time:
            due, _, happen = heappop(self._due)
            self._pass(due - self.time)
            happen()
            self.collect()
        self._pass(time - self.time)

    def _pass(self, seconds: float) -> None:
        if seconds <= 0:
            return
        self.time += seconds
        self.sched_ext.advance(seconds)
        self.qdisc.advance(seconds)
        self._run_programs(seconds)

    def _run_programs(self, seconds: float) -> None:
        if not self.counting:
            return
        for subsystem in self._subsystems.values():
            for (map_id, member), calls in subsystem.rates(self.objects.maps.values()).items():
                found = self.objects.maps.get(map_id)
                prog_id = dict(found.programs()).get(member) if found else None
                if prog_id:
                    self._run(self.objects.programs[prog_id], calls * seconds)

    def _run(self, program: DemoProgram, calls: float) -> None:
        runs, times = program.runs, round(calls)
        took = round(times * (40 + 2 * program.raw.verified_insns) * self.dice.uniform(0.9, 1.1))
        program.runs = runs._replace(
            run_cnt=runs.run_cnt + times, run_time_ns=runs.run_time_ns + took
        )

    # Programs

    def load_program(self, new: NewProgram) -> DemoProgram:
        """BPF_PROG_LOAD."""
        command = "BPF_PROG_LOAD"
        shape = next((s for s in self.cast.shapes.values() if s.type_id == new.type_id), None)
        if shape is None:
            raise BpfError(command, ENOTSUPP, log="attach_btf_id is not a supported struct\n")
        members = self.cast.member_names(new.type_id)
        member = members[new.member] if new.member < len(members) else ""
        if member not in shape.functions.values():
            log = f"attach to invalid member idx {new.member} of struct {shape.type_name}\n"
            raise BpfError(command, EINVAL, log=log)
        if not _OBJECT_NAME.fullmatch(new.name):
            raise BpfError(command, EINVAL)
        if not new.insns or new.insns[-1].code != _EXIT:
            log = "last insn is not an exit or jmp\nprocessed 0 insns\n"
            raise BpfError(command, EINVAL, log=log)
        raw = RawProgram(
            id=self.objects.next_id(),
            name=new.name,
            tag=f"{self.dice.getrandbits(64):016x}",
            load_time=self.epoch + self.time,
            uid=0,
            xlated_size=8 * len(new.insns),
            jited_size=0,
            verified_insns=len(new.insns),
            map_ids=(),
            btf_id=0,
            func_type_id=0,
            attach_btf_id=new.type_id,
            attach_btf_obj_id=self.cast.vmlinux.id,
            runs=RunCount(),
        )
        code = RawCode(encode(new.insns), b"", withheld="the demo kernel makes no machine code")
        return self._keep(DemoProgram(raw, member, code, new.name))

    def load_cast(self, type_name: str, function: str, member: str) -> DemoProgram:
        """A program of the cast, loaded once more."""
        known = self.cast.programs[type_name, function]
        code = self.cast.code(known.id) or RawCode(b"", b"", withheld="not recorded")
        raw = known._replace(id=self.objects.next_id(), load_time=self.epoch + self.time)
        return self._keep(DemoProgram(raw, member, code, function))

    def _keep(self, program: DemoProgram) -> DemoProgram:
        self.objects.programs[program.raw.id] = program
        return program

    def _function_of(self, prog_id: int) -> str:
        return self.objects.programs[prog_id].function

    # Maps

    def create_map(self, name: str, value_type_id: int, size: int, *, link: bool) -> DemoMap:
        """BPF_MAP_CREATE."""
        command = "BPF_MAP_CREATE"
        shape = self.cast.shapes.get(value_type_id)
        if not _OBJECT_NAME.fullmatch(name):
            raise BpfError(command, EINVAL)
        if shape is None:
            raise BpfError(command, ENOTSUPP)
        if size != self.cast.size_of(value_type_id):
            raise BpfError(command, EINVAL)
        flags, map_id = BPF_F_LINK if link else 0, self.objects.next_id()
        info = self._info(map_id, name, flags, value_type_id, size)
        new = DemoMap(map_id, name, flags, value_type_id, shape, info, bytes(size))
        self.objects.maps[map_id] = new
        return new

    def _info(self, map_id: int, name: str, flags: int, value_type_id: int, size: int) -> bytes:
        """Struct bpf_map_info of a map."""
        type_id = self.cast.btf.find("bpf_map_info", Kind.STRUCT) or 0
        struct_ = self.cast.btf.resolve(type_id)
        info = bytearray(self.cast.size_of(type_id))
        told = {
            "type": MAP_TYPE_STRUCT_OPS,
            "id": map_id,
            "key_size": 4,
            "value_size": size,
            "max_entries": 1,
            "map_flags": flags,
            "btf_vmlinux_value_type_id": value_type_id,
            "btf_vmlinux_id": self.cast.vmlinux.id,
        }
        for member in struct_.members if isinstance(struct_, Composite) else ():
            at = member.bit_offset // 8
            if member.name == "name":
                info[at : at + len(name)] = name.encode()
            elif member.name in told:
                struct.pack_into("<I", info, at, told[member.name])
        return bytes(info)

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
        subsystem = self._subsystems[target.shape.type_name]
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
        self._subsystems[target.shape.type_name].unregister(target)

    def refcnt(self, map_: DemoMap) -> int:
        """What the kernel says of it in the value."""
        users = self._subsystems[map_.shape.type_name].users(map_.id)
        return (map_.state == INUSE) + self.objects.links_on(map_.id) + users

    def value(self, map_: DemoMap) -> bytes:
        """What BPF_MAP_LOOKUP_ELEM gives: in INIT, zeroes."""
        value = bytearray(map_.value)
        if map_.state != INIT:
            struct.pack_into("<II", value, 0, self.refcnt(map_), map_.state)
        return bytes(value)

    # Links

    def create_link(self, target: DemoMap) -> DemoLink:
        """BPF_LINK_CREATE."""
        command = "BPF_LINK_CREATE"
        if not target.is_link or target.state != READY:
            raise BpfError(command, EINVAL)
        errno = self._subsystems[target.shape.type_name].register(target)
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
        if not link.map_id:
            raise BpfError(command, ENOLINK)
        old = self.objects.maps[link.map_id]
        if old.shape.type_id != new.shape.type_id:
            raise BpfError(command, EINVAL)
        if link.map_id != old_id:
            raise BpfError(command, EPERM)
        errno = self._subsystems[new.shape.type_name].update(old, new)
        if errno:
            raise BpfError(command, errno)
        link.map_id = new.id

    def detach_link(self, link: DemoLink) -> None:
        """BPF_LINK_DETACH; again is fine."""
        target = self.objects.maps.get(link.map_id)
        link.map_id = 0
        if target:
            self._subsystems[target.shape.type_name].unregister(target)

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
