"""A small kernel with struct_ops that a test can change: the protocol `Kernel`, in memory.

    kernel = FakeKernel.busy()          # one map in every state, hostile names, holders
    kernel.set(58, refcnt=7)            # the next sweep shows it
    kernel.remove(61)

Ids, times and texts are fixed, so that screens made of them are the same in every run.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from threading import RLock
from typing import cast

from stops_tui.btf import Btf
from stops_tui.kernels.demo.objects import BPF_F_LINK, DemoMap, DemoProgram, Key
from stops_tui.kernels.demo.types import types_of
from stops_tui.kernels.kernel import (
    Host,
    KernelBtf,
    ObjectKind,
    RawCode,
    RawConditions,
    RawFd,
    RawHolders,
    RawLink,
    RawMap,
    RawPin,
    RawProgram,
    RawSubsystems,
    RawSweep,
    RunCount,
)
from stops_tui.kernels.writes import ReadOnly
from stops_tui.struct_ops.types import StructOpsType, offered_types
from tests.support import fake_btf
from tests.support.btf_builder import BtfBuilder
from tests.support.fake_calls import FakeCalls
from tests.support.fake_traffic import FakeTraffic
from tests.support.fake_users import FakeUsers
from tests.support.fake_writes import FakeWrites

BOOT = 1_700_000_000.0
"""When the first program was loaded: 2023-11-14 22:13:20 UTC."""

STATES = {"INIT": 0, "INUSE": 1, "TOBEFREE": 2, "READY": 3}
VMLINUX_ID, SMC_ID = 1, 77

_VMLINUX, _COMMON = fake_btf.vmlinux()
_VMLINUX_BTF = _VMLINUX.btf()
_SMC_BTF = Btf.parse(fake_btf.smc(_VMLINUX, _COMMON).data(), _VMLINUX_BTF)
_BTFS = (KernelBtf("vmlinux", VMLINUX_ID, _VMLINUX_BTF), KernelBtf("smc", SMC_ID, _SMC_BTF))
_TYPES = types_of(_BTFS)


class FakeKernel:
    """Keeps `Kernel`. Everything a test changes shows in the next sweep."""

    def __init__(self) -> None:
        self.sweeps = 0
        self.resting: set[int] = set()
        self.programs_read = 0
        self.counting = False
        self.closed = False
        self._lock = RLock()
        self._calls = FakeCalls(_TYPES, lambda: BOOT + len(self.writes.calls))
        self._objects = self._calls.objects
        self._subsystems = RawSubsystems()
        self._conditions = RawConditions(
            capabilities=frozenset({"CAP_BPF", "CAP_PERFMON", "CAP_SYS_ADMIN", "CAP_NET_ADMIN"}),
            congestion_controls=(),
            congestion_default="cubic",
        )
        self._wrong: dict[int, RawMap] = {}
        self._seen: dict[int, RawMap] = {}
        self._program_btfs: dict[int, Btf] = {}
        self._unseen: tuple[str, ...] = ()
        self._types = {type_.name: type_ for type_ in offered_types(self)}
        self.writes: FakeWrites = FakeWrites(self._calls, self._lock)
        self.users = FakeUsers()
        self.last_traffic: FakeTraffic | None = None

    @classmethod
    def busy(cls) -> FakeKernel:
        """A kernel where much is going on; see `_populate` for what."""
        kernel = cls()
        _populate(kernel)
        return kernel

    def add_map(
        self,
        map_id: int,
        name: str,
        type_name: str = "tcp_congestion_ops",
        state: str = "INUSE",
        refcnt: int = 1,
        members: Mapping[str, int | bytes] | None = None,
        link: bool = False,
    ) -> None:
        """A map; members are program ids, numbers or bytes by name. READY makes a link map."""
        type_ = self._types[type_name]
        flags = BPF_F_LINK if link or state == "READY" else 0
        new = DemoMap(map_id, name, flags, _TYPES[type_.value_type_id], bytes(type_.value_size))
        with self._lock:
            self._place(("map", map_id))
            self._objects.add_map(new)
            self.set(map_id, state, refcnt, members)

    def set(
        self,
        map_id: int,
        state: str | None = None,
        refcnt: int | None = None,
        members: Mapping[str, int | bytes] | None = None,
    ) -> None:
        """Change a map's state, refcnt or members; a program is made for its first member."""
        with self._lock:
            found = self._objects.maps[map_id]
            refcnt = self._calls.refcnt(found) if refcnt is None else refcnt
            found.state = found.state if state is None else STATES[state]
            self._calls.set_refcnt(found, refcnt)
            found.value = self._filled(found, members or {})
            for member, prog_id in found.programs():
                program = self._objects.programs.get(prog_id)
                if program and not program.member:
                    program.member = member
            self._calls.keep_name(found)

    def _filled(self, map_: DemoMap, members: Mapping[str, int | bytes]) -> bytes:
        type_ = self._types[map_.shape.type_name]
        places = {m.name: (type_.data_offset + m.offset, m.size) for m in type_.members}
        value = bytearray(map_.value)
        for name, content in members.items():
            at, size = places[name]
            packed = content.to_bytes(size, "little") if isinstance(content, int) else content
            value[at : at + size] = packed[:size].ljust(size, b"\0")
        return bytes(value)

    def replace_map(self, raw: RawMap) -> None:
        """Show a record as it is, however wrong, for as long as there is the map."""
        self._wrong[raw.id] = raw

    def remove(self, map_id: int) -> None:
        with self._lock:
            gone = self._objects.maps.pop(map_id)
            self._wrong.pop(map_id, None)
            self._calls.keep_name(gone)

    def add_link(self, link_id: int, map_id: int) -> None:
        """A link, or another map for it; refcnts stay, they are for `set`."""
        with self._lock:
            if link_id not in self._objects.links:
                self._place(("link", link_id))
            self._calls.put_in_link(link_id, map_id)

    def detach(self, link_id: int) -> None:
        """Its map's refcnt stays."""
        self.add_link(link_id, 0)

    def remove_link(self, link_id: int) -> None:
        """Its map's refcnt stays."""
        with self._lock:
            self.detach(link_id)
            del self._objects.links[link_id]

    def _place(self, key: Key) -> None:
        self._objects.placed.add(key)

    def add_program(
        self, prog_id: int, name: str, type_name: str = "tcp_congestion_ops", *, btf: bool = True
    ) -> None:
        """A program; with BTF, its C function is called `name` and takes a `struct sock *sk`."""
        type_ = self._types[type_name]
        func = 0
        if btf:
            self._program_btfs[1000 + prog_id], func = _program_btf(name)
        raw = RawProgram(
            id=prog_id,
            name=name[:15],
            tag=f"{prog_id:016x}",
            load_time=BOOT + prog_id,
            uid=0,
            xlated_size=24,
            jited_size=13,
            verified_insns=3,
            map_ids=(),
            btf_id=1000 + prog_id if btf else 0,
            func_type_id=func,
            attach_btf_id=type_.type_id,
            attach_btf_obj_id=type_.btf_id,
            runs=RunCount(),
        )
        self.add_raw_program(raw)

    def add_raw_program(self, raw: RawProgram) -> None:
        """Put a program in as it is; it is made for the member of a map that `set` puts it at."""
        self._place(("prog", raw.id))
        code = RawCode(b"", b"", withheld="not in this fake kernel")
        self._objects.add_program(DemoProgram(raw, "", code, raw.name))

    def remove_program(self, prog_id: int) -> None:
        del self._objects.programs[prog_id]

    def run(self, prog_id: int, times: int, ns: int) -> None:
        """A program ran so often and so long; counted only while statistics are on."""
        if self.counting:
            program = self._objects.programs[prog_id]
            before = program.runs
            program.runs = RunCount(before.run_cnt + times, before.run_time_ns + ns)

    def set_code(self, prog_id: int, code: RawCode) -> None:
        self._objects.programs[prog_id].code = code

    def pin(self, path: str, kind: ObjectKind, object_id: int) -> None:
        self._objects.pins[path] = RawPin(path, kind, object_id)

    def unpin(self, path: str) -> None:
        del self._objects.pins[path]

    def open_fd(self, pid: int, comm: str, fd: int, kind: ObjectKind, object_id: int) -> None:
        self._objects.fds.append(RawFd(pid, comm, fd, kind, object_id))

    def hide(self, *unseen: str) -> None:
        """Say that some holders could not be looked at."""
        self._unseen = unseen

    @property
    def maps(self) -> Mapping[int, RawMap]:
        """What is there, without a sweep; a record of what changed is a new one."""
        with self._lock:
            found = (map_ for _, map_ in sorted(self._objects.maps.items()))
            records = (self._wrong.get(map_.id) or self._calls.record(map_) for map_ in found)
            before = self._seen
            self._seen = {
                raw.id: before[raw.id] if before.get(raw.id) == raw else raw for raw in records
            }
            return self._seen

    @property
    def links(self) -> Mapping[int, RawLink]:
        """What is there, without a sweep."""
        with self._lock:
            return {link.id: RawLink(link.id, link.map_id) for link in self._objects.links.values()}

    @property
    def subsystems(self) -> RawSubsystems:
        """What a test said, until a call changes which scheduler runs."""
        scheduler = self._calls.sched_ext
        if scheduler.ops == (self._subsystems.sched_ext_ops or ""):
            return self._subsystems
        return self._subsystems._replace(
            sched_ext_state="enabled" if scheduler.map_id else "disabled",
            sched_ext_ops=scheduler.ops or None,
        )

    @subsystems.setter
    def subsystems(self, said: RawSubsystems) -> None:
        self._subsystems = said
        self._calls.run_scheduler(said.sched_ext_ops or "")
        self._calls.plug(said.hid_ids or frozenset())

    @property
    def conditions_now(self) -> RawConditions:
        """What `conditions` tells. Of congestion controls, only that they are unknown can be set:
        what is registered is for maps to tell."""
        with self._lock:
            names = self._calls.tcp.names()
            return self._conditions._replace(
                subsystems=self.subsystems,
                congestion_controls=None if self._conditions.congestion_controls is None else names,
                bpffs=tuple(self._calls.bpffs),
            )

    @conditions_now.setter
    def conditions_now(self, told: RawConditions) -> None:
        self._conditions = told
        self._calls.bpffs[:] = told.bpffs

    @property
    def types(self) -> Iterable[StructOpsType]:
        """What can be implemented here."""
        return self._types.values()

    @property
    def host(self) -> Host:
        return Host("vm", "6.18.44", "x86_64", "root")

    def now(self) -> float:
        return time.time()

    def sweep(self, resting: Collection[int] = ()) -> RawSweep:
        self.sweeps += 1
        self.resting = set(resting)
        with self._lock:
            return RawSweep(self.maps, self.links, self.subsystems)

    def program(self, prog_id: int) -> RawProgram | None:
        self.programs_read += 1
        found = self._objects.programs.get(prog_id)
        return found.raw._replace(runs=found.runs) if found else None

    def programs(self) -> list[RawProgram]:
        with self._lock:
            found = sorted(self._objects.programs.items())
        return [program.raw._replace(runs=program.runs) for _, program in found]

    def run_counts(self, prog_ids: Iterable[int]) -> dict[int, RunCount]:
        there = self._objects.programs
        return {prog_id: there[prog_id].runs for prog_id in prog_ids if prog_id in there}

    def count_runs(self, on: bool) -> None:
        self.counting = on

    def code(self, prog_id: int) -> RawCode | None:
        found = self._objects.programs.get(prog_id)
        return found.code if found else None

    def btf(self, btf_id: int) -> Btf | None:
        kernel = {VMLINUX_ID: _VMLINUX_BTF, SMC_ID: _SMC_BTF}
        return kernel.get(btf_id) or self._program_btfs.get(btf_id)

    def kernel_btfs(self) -> Sequence[KernelBtf]:
        return _BTFS

    def holders(self) -> RawHolders:
        pins, fds = tuple(self._objects.pins.values()), tuple(self._objects.fds)
        return RawHolders(pins, fds, self._unseen)

    def conditions(self) -> RawConditions:
        return self.conditions_now

    def traffic(self, name: str, connections: int) -> FakeTraffic:
        if not self.writes.armed:
            raise ReadOnly("read-only: no connection was opened")
        self.last_traffic = FakeTraffic(self, name, connections)
        return self.last_traffic

    def close(self) -> None:
        self.counting = False
        self.closed = True


def _populate(kernel: FakeKernel) -> None:
    """One map in every state, a link, an ejected scheduler, a gone device, hostile text."""
    for prog_id, name in {
        24: "dctcp_init",
        25: "dctcp_ssthresh",
        26: "dctcp_cong_avoid",
        27: "dctcp_state",
        28: "dctcp_cwnd_event_of_a_long_name",
        29: "dctcp_cwnd_undo",
    }.items():
        kernel.add_program(prog_id, name)
    kernel.add_program(40, "simple_enqueue", "sched_ext_ops")
    kernel.add_program(41, "simple_init", "sched_ext_ops", btf=False)
    kernel.add_program(50, "not_in_any_map")
    kernel.set_code(25, _code(kernel, 25))
    least = {"ssthresh": 25, "cong_avoid": 26, "undo_cwnd": 29}
    more = {"set_state": 27, "cwnd_event": 28, "init": 24, "flags": 2}
    kernel.add_map(58, "dctcp", refcnt=6, members={**least, **more, "name": b"bpf_dctcp"})
    kernel.add_map(61, "cubic_old", state="TOBEFREE", refcnt=2, members={**least, "name": b"old"})
    kernel.add_map(
        72,
        "simple",
        "sched_ext_ops",
        "READY",
        members={"enqueue": 40, "init": 41, "name": b"simple", "flags": 10},
    )
    kernel.add_map(80, "lab", state="READY", refcnt=0, members={**least, "name": b"lab"})
    kernel.add_map(81, "held", state="READY", refcnt=3, members={**least, "name": b"held"})
    kernel.add_map(82, "fresh", state="INIT", refcnt=0)
    kernel.add_map(83, "mouse", "hid_bpf_ops", "READY", members={"hid_id": 0x2A})
    kernel.add_map(84, "smc_ctl", "smc_hs_ctrl", members={"name": b"smc_ctl"})
    kernel.add_map(90, "[red]", members={**least, "name": b"[/]\x1b[31m\x07\xff"})
    kernel.add_link(22, 72)
    kernel.add_link(23, 83)
    kernel.add_link(24, 0)
    kernel.subsystems = RawSubsystems("disabled", None, frozenset({0x2B}))
    kernel.open_fd(812, "scx_simple", 5, "link", 22)
    kernel.open_fd(812, "scx_simple", 4, "map", 72)
    kernel.open_fd(901, "bpftool", 3, "map", 80)
    kernel.open_fd(901, "bpftool", 4, "prog", 25)
    kernel.pin("/sys/fs/bpf/mouse", "link", 23)
    kernel.pin("/sys/fs/bpf/[bold]lab", "map", 80)


def _program_btf(name: str) -> tuple[Btf, int]:
    """A program's own BTF, with its function's id and two lines of source at fixed places."""
    b = BtfBuilder()
    for text in _SOURCE:
        b.string(text)
    u32 = b.typedef("u32", b.integer("unsigned int", 4))
    proto = b.func_proto(u32, [("sk", b.ptr(b.struct("sock", 4, [("sk_state", u32, 0)])))])
    func = b.func(name, proto)
    return b.btf(), func


_SOURCE = ("dctcp.bpf.c", "u32 BPF_PROG(dctcp_ssthresh, struct sock *sk)", "\treturn 10; /* [b] */")


def _code(kernel: FakeKernel, prog_id: int) -> RawCode:
    """r6 = *(u64 *)(r1 + 0); r0 = 10; exit. And what an x86-64 JIT makes of it."""
    raw = cast(RawProgram, kernel.program(prog_id))
    file, first, second = 1, 1 + len(_SOURCE[0]) + 1, 1 + len(_SOURCE[0]) + len(_SOURCE[1]) + 2
    start = 0xFFFFFFFFC0201000
    return RawCode(
        xlated=bytes.fromhex("7916000000000000 b70000000a000000 9500000000000000"),
        jited=bytes.fromhex("55 4889e5 b80a000000 5d c3 6690"),
        jited_func_lens=(13,),
        jited_ksyms=(start,),
        func_info=((0, raw.func_type_id),),
        line_info=((0, file, first, 12 << 10 | 1), (1, file, second, 14 << 10 | 9)),
        jited_line_info=(start, start + 4),
        symbols={start: f"bpf_prog_{raw.tag}_{raw.name}"},
    )
