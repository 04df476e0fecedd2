"""A small kernel with struct_ops that a test can change: the protocol `Kernel`, in memory.

    kernel = FakeKernel.busy()          # one map in every state, hostile names, holders
    kernel.set(58, refcnt=7)            # the next sweep shows it
    kernel.remove(61)

Ids, times and texts are fixed, so that screens made of them are the same in every run.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import cast

from stops_tui.btf import Btf
from stops_tui.kernels.kernel import (
    Host,
    KernelBtf,
    ObjectKind,
    RawBpffs,
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
from tests.support.fake_traffic import FakeTraffic
from tests.support.fake_users import FakeUsers
from tests.support.fake_writes import FakeWrites

BOOT = 1_700_000_000.0
"""When the first program was loaded: 2023-11-14 22:13:20 UTC."""

STATES = {"INIT": 0, "INUSE": 1, "TOBEFREE": 2, "READY": 3}
BPF_F_LINK = 1 << 13
VMLINUX_ID, SMC_ID = 1, 77
_STRUCT_OPS_MAP = 26

_VMLINUX, _COMMON = fake_btf.vmlinux()
_VMLINUX_BTF = _VMLINUX.btf()
_SMC_BTF = Btf.parse(fake_btf.smc(_VMLINUX, _COMMON).data(), _VMLINUX_BTF)


class FakeKernel:
    """Keeps `Kernel`. Everything a test changes shows in the next sweep."""

    def __init__(self) -> None:
        self.sweeps = 0
        self.resting: set[int] = set()
        self.programs_read = 0
        self.counting = False
        self.closed = False
        self.subsystems = RawSubsystems()
        self.conditions_now = RawConditions(
            capabilities=frozenset({"CAP_BPF", "CAP_PERFMON", "CAP_SYS_ADMIN", "CAP_NET_ADMIN"}),
            congestion_controls=("reno", "cubic"),
            congestion_default="cubic",
            bpffs=(RawBpffs("/sys/fs/bpf", frozenset({"/sys/fs/bpf"})),),
        )
        self._maps: dict[int, RawMap] = {}
        self._links: dict[int, RawLink] = {}
        self._programs: dict[int, RawProgram] = {}
        self._program_btfs: dict[int, Btf] = {}
        self._codes: dict[int, RawCode] = {}
        self._holders = RawHolders()
        self._types = {type_.name: type_ for type_ in offered_types(self)}
        self.writes = FakeWrites(self)
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
        self._maps[map_id] = RawMap(
            id=map_id,
            name=name,
            flags=flags,
            value_type_id=type_.value_type_id,
            btf_id=type_.btf_id,
            info=_map_info(map_id, name, flags, type_),
            value=bytes(type_.value_size),
        )
        self.set(map_id, state, refcnt, members)

    def set(
        self,
        map_id: int,
        state: str | None = None,
        refcnt: int | None = None,
        members: Mapping[str, int | bytes] | None = None,
    ) -> None:
        """Change a map's state, refcnt or members. The record is a new one, as a sweep's is."""
        raw = self._maps[map_id]
        value = bytearray(raw.value)
        if refcnt is not None:
            struct.pack_into("<I", value, 0, refcnt)
        if state is not None:
            struct.pack_into("<I", value, 4, STATES[state])
        type_ = next(t for t in self._types.values() if t.value_type_id == raw.value_type_id)
        places = {m.name: (type_.data_offset + m.offset, m.size) for m in type_.members}
        for name, content in (members or {}).items():
            at, size = places[name]
            packed = content.to_bytes(size, "little") if isinstance(content, int) else content
            value[at : at + size] = packed[:size].ljust(size, b"\0")
        self._maps[map_id] = raw._replace(value=bytes(value))

    def replace_map(self, raw: RawMap) -> None:
        """Put a record in as it is, however wrong."""
        self._maps[raw.id] = raw

    def remove(self, map_id: int) -> None:
        del self._maps[map_id]

    def add_link(self, link_id: int, map_id: int) -> None:
        self._links[link_id] = RawLink(link_id, map_id)

    def detach(self, link_id: int) -> None:
        self._links[link_id] = RawLink(link_id, 0)

    def remove_link(self, link_id: int) -> None:
        del self._links[link_id]

    def add_program(
        self, prog_id: int, name: str, type_name: str = "tcp_congestion_ops", *, btf: bool = True
    ) -> None:
        """A program; with BTF, its C function is called `name` and takes a `struct sock *sk`."""
        type_ = self._types[type_name]
        func = 0
        if btf:
            self._program_btfs[1000 + prog_id], func = _program_btf(name)
        self._programs[prog_id] = RawProgram(
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

    def add_raw_program(self, raw: RawProgram) -> None:
        """Put a program in as it is."""
        self._programs[raw.id] = raw

    def remove_program(self, prog_id: int) -> None:
        del self._programs[prog_id]

    def run(self, prog_id: int, times: int, ns: int) -> None:
        """A program ran so often and so long; counted only while statistics are on."""
        if self.counting:
            raw = self._programs[prog_id]
            runs = RunCount(raw.runs.run_cnt + times, raw.runs.run_time_ns + ns)
            self._programs[prog_id] = raw._replace(runs=runs)

    def set_code(self, prog_id: int, code: RawCode) -> None:
        self._codes[prog_id] = code

    def pin(self, path: str, kind: ObjectKind, object_id: int) -> None:
        pins = (*self._holders.pins, RawPin(path, kind, object_id))
        self._holders = self._holders._replace(pins=pins)

    def unpin(self, path: str) -> None:
        pins = tuple(pin for pin in self._holders.pins if pin.path != path)
        self._holders = self._holders._replace(pins=pins)

    def open_fd(self, pid: int, comm: str, fd: int, kind: ObjectKind, object_id: int) -> None:
        fds = (*self._holders.fds, RawFd(pid, comm, fd, kind, object_id))
        self._holders = self._holders._replace(fds=fds)

    def hide(self, *unseen: str) -> None:
        """Say that some holders could not be looked at."""
        self._holders = self._holders._replace(unseen=unseen)

    @property
    def maps(self) -> Mapping[int, RawMap]:
        """What is there, without a sweep."""
        return self._maps

    @property
    def links(self) -> Mapping[int, RawLink]:
        """What is there, without a sweep."""
        return self._links

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
        maps = {map_id: self._maps[map_id] for map_id in sorted(self._maps)}
        return RawSweep(maps, dict(self._links), self.subsystems)

    def program(self, prog_id: int) -> RawProgram | None:
        self.programs_read += 1
        return self._programs.get(prog_id)

    def programs(self) -> list[RawProgram]:
        return [self._programs[prog_id] for prog_id in sorted(self._programs)]

    def run_counts(self, prog_ids: Iterable[int]) -> dict[int, RunCount]:
        return {p: self._programs[p].runs for p in prog_ids if p in self._programs}

    def count_runs(self, on: bool) -> None:
        self.counting = on

    def code(self, prog_id: int) -> RawCode | None:
        if prog_id not in self._programs:
            return None
        return self._codes.get(prog_id, RawCode(b"", b"", withheld="not in this fake kernel"))

    def btf(self, btf_id: int) -> Btf | None:
        kernel = {VMLINUX_ID: _VMLINUX_BTF, SMC_ID: _SMC_BTF}
        return kernel.get(btf_id) or self._program_btfs.get(btf_id)

    def kernel_btfs(self) -> Sequence[KernelBtf]:
        return (
            KernelBtf("vmlinux", VMLINUX_ID, _VMLINUX_BTF),
            KernelBtf("smc", SMC_ID, _SMC_BTF),
        )

    def holders(self) -> RawHolders:
        return self._holders

    def conditions(self) -> RawConditions:
        return self.conditions_now._replace(subsystems=self.subsystems)

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


def _map_info(map_id: int, name: str, flags: int, type_: StructOpsType) -> bytes:
    """struct bpf_map_info, as `fake_btf` lays it out."""
    words = (_STRUCT_OPS_MAP, map_id, 4, type_.value_size, 1, flags)
    return struct.pack(
        "<6I16sIIQQIIIIQ",
        *words, name.encode()[:15], 0, type_.value_type_id, 0, 0, 9, 0, 0, type_.btf_id, 0,
    )  # fmt: skip


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
