"""Every struct_ops map, program and link of a kernel at one moment, decoded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from types import MappingProxyType

from stops_tui.btf import BtfError, Func
from stops_tui.btf.c import prototype
from stops_tui.kernels.kernel import (
    Kernel,
    KernelBtf,
    RawLink,
    RawMap,
    RawProgram,
    RawSubsystems,
    RawSweep,
)
from stops_tui.record import Record
from stops_tui.struct_ops.members import Decoder, MemberValue
from stops_tui.struct_ops.scalars import DecodeError
from stops_tui.struct_ops.status import (
    ATTACHED,
    EJECTED,
    NOT_ATTACHED,
    REGISTERED,
    UNKNOWN,
    holders_of,
    status_of,
)
from stops_tui.struct_ops.types import StructOpsType, type_of_value

__all__ = [
    "Inventory",
    "MemberValue",
    "Program",
    "Snapshot",
    "StructOpsMap",
    "serving",
]


class Program(Record):
    """A program behind some member, with what its own BTF adds.

    Attributes:
        raw: What bpf(2) says of it.
        name: The whole C function name where its BTF has one, else `raw.name`.
        prototype: Its C prototype by its BTF, `u32 dctcp_ssthresh(struct sock *sk)`; "" without.
    """

    raw: RawProgram
    name: str
    prototype: str = ""

    @property
    def id(self) -> int:
        """The program id."""
        return self.raw.id


class StructOpsMap(Record):
    """One struct_ops map, decoded.

    Attributes:
        raw: What bpf(2) says of it, the value's bytes included.
        type: Its type; None where its value type is unknown (the reason in `problem`).
        state: "INIT", "INUSE", "TOBEFREE" or "READY": what the kernel says; "?" where the value
            could not be decoded (the reason in `problem`).
        status: What that means together with links and subsystem (see `status.py`); "?" likewise.
        refcnt: The value's reference count: the subsystem's users, and 1 for a registration or
            link.
        holders: `refcnt` less registration and links; never negative, 0 in INIT.
        links: The ids of links attached to it, ascending.
        members: Every member's value, in the order of the struct.
        problem: Why it could not be decoded; "" if it could.
    """

    raw: RawMap
    type: StructOpsType | None
    state: str
    status: str
    refcnt: int
    holders: int
    links: tuple[int, ...]
    members: tuple[MemberValue, ...]
    problem: str = ""

    @property
    def id(self) -> int:
        """The map id."""
        return self.raw.id

    @property
    def name(self) -> str:
        """The map's name as given to BPF_MAP_CREATE."""
        return self.raw.name

    @property
    def type_name(self) -> str:
        """The struct it implements, "tcp_congestion_ops"; "?" where that is unknown."""
        return self.type.name if self.type else "?"


class Snapshot(Record):
    """All of it at one moment. A sweep that found no change returns the snapshot before it.

    Attributes:
        time: Seconds since the epoch of the sweep that found this.
        maps: By id, ascending.
        programs: Those behind members of `maps`, by id.
        links: All struct_ops links, detached ones too, by id.
    """

    time: float
    maps: Mapping[int, StructOpsMap] = MappingProxyType({})
    programs: Mapping[int, Program] = MappingProxyType({})
    links: Mapping[int, RawLink] = MappingProxyType({})


def serving(snapshot: Snapshot) -> dict[int, list[tuple[int, str]]]:
    """Program id → the (map id, member name) it serves, by map id and member."""
    served: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for map_ in snapshot.maps.values():
        for value in map_.members:
            if value.prog_id:
                served[value.prog_id].append((map_.id, value.member.name))
    return dict(served)


_READ_ALL = 10
"""Every so many sweeps all maps are read. One that is READY, without link and refcnt, takes no
other value; its refcnt moves only if a link came and went between two sweeps and left sockets, or
by a program that was associated with it."""


class Inventory:
    """Makes snapshots of one kernel; what did not change is not decoded again.

    Args:
        kernel: Where the facts come from.
        clock: Seconds since the epoch, for snapshots; the kernel's own where none is given.
        thorough: Whether every sweep reads every map, as one does by which a change is decided.
            Else some sweeps leave out those that only a link changes.
    """

    def __init__(
        self, kernel: Kernel, clock: Callable[[], float] | None = None, thorough: bool = False
    ) -> None:
        self._kernel = kernel
        self._clock = clock or kernel.now
        self._thorough = thorough
        self._raw = RawSweep({}, {}, RawSubsystems())
        self._snapshot: Snapshot | None = None
        self._resting: Collection[int] = ()
        self._sweeps = 0
        self._decoders: dict[tuple[int, int], Decoder] = {}

    def sweep(self) -> Snapshot:
        """The kernel's maps, programs and links now; the same object if nothing changed."""
        self._sweeps += 1
        rested = self._sweeps % _READ_ALL and not self._thorough
        raw = self._kernel.sweep(self._resting if rested else ())
        before = self._snapshot
        if before and raw == self._raw:  # records that did not change are the same objects: fast
            return before
        links = _links_by_map(raw.links.values())
        fresh = before is None or raw.subsystems != self._raw.subsystems
        known = {} if fresh or before is None else before.maps
        maps = {
            map_id: self._map(raw.maps[map_id], links[map_id], raw.subsystems, known.get(map_id))
            for map_id in sorted(raw.maps)
        }
        maps.update(self._outlived(maps.values()))
        if before and _same_members(maps, before.maps):
            programs = before.programs
        else:
            programs = self._behind(maps.values(), before.programs if before else {})
        links_by_id = dict(sorted(raw.links.items()))
        return self._remember(raw, Snapshot(self._clock(), maps, programs, links_by_id))

    def _remember(self, raw: RawSweep, snapshot: Snapshot) -> Snapshot:
        """What the next sweep goes on from."""
        self._raw, self._snapshot = raw, snapshot
        maps = snapshot.maps.values()
        self._resting = frozenset(map_.id for map_ in maps if map_.status == NOT_ATTACHED)
        return snapshot

    def programs(self) -> list[Program]:
        """All struct_ops programs of the kernel by id, those in no map too."""
        return [self._named(raw) for raw in self._kernel.programs()]

    def attached_struct(self, raw: RawProgram) -> str:
        """The struct a program implements a member of, "tcp_congestion_ops"; "?" if unknown."""
        kernel_btf = self._kernel_btf(raw.attach_btf_obj_id)
        try:
            return kernel_btf.btf.type(raw.attach_btf_id).name if kernel_btf else UNKNOWN
        except BtfError:
            return UNKNOWN

    def _map(
        self,
        raw: RawMap,
        links: tuple[int, ...],
        facts: RawSubsystems,
        known: StructOpsMap | None,
    ) -> StructOpsMap:
        if known and known.raw is raw and known.links == links:
            return known
        type_ = None
        try:
            decoder = self._decoder(raw)
            type_ = decoder.type
            refcnt, state = decoder.header(raw.value)
            members = decoder.members(raw.value)
        except DecodeError as error:
            return StructOpsMap(raw, type_, UNKNOWN, UNKNOWN, 0, 0, links, (), str(error))
        return StructOpsMap(
            raw,
            type_,
            state,
            status_of(state, refcnt, len(links), lambda: decoder.refusal(raw.value, facts)),
            refcnt,
            holders_of(state, refcnt, len(links)),
            links,
            members,
        )

    def _outlived(self, maps: Iterable[StructOpsMap]) -> Iterator[tuple[int, StructOpsMap]]:
        """Those, by id, in whose place another was registered since: they had been ejected by then.

        Only the subsystem's word may call the last one of a place so.
        """
        places: dict[int | str, list[StructOpsMap]] = defaultdict(list)
        for map_ in maps:
            if map_.status in (REGISTERED, ATTACHED):
                place = self._decoder(map_.raw).place(map_.raw.value)
                if place is not None:
                    places[place].append(map_)
        for there in places.values():
            runs = _newest(there)
            for map_ in there:
                if map_ is not runs:
                    yield map_.id, map_._replace(status=EJECTED)

    def _decoder(self, raw: RawMap) -> Decoder:
        key = raw.btf_id, raw.value_type_id
        if key not in self._decoders:
            kernel_btf = self._kernel_btf(raw.btf_id)
            if kernel_btf is None:
                raise DecodeError(f"its BTF object {raw.btf_id} cannot be read")
            type_ = type_of_value(kernel_btf, raw.value_type_id)
            if type_ is None:
                raise DecodeError(f"type {raw.value_type_id} of {kernel_btf.name} is no value type")
            self._decoders[key] = Decoder(type_)
        return self._decoders[key]

    def _kernel_btf(self, btf_id: int) -> KernelBtf | None:
        """The BTF of this id; vmlinux's where the kernel does not say (id 0)."""
        btfs = self._kernel.kernel_btfs()
        return next((each for each in btfs if btf_id in (0, each.id)), None)

    def _behind(
        self, maps: Iterable[StructOpsMap], known: Mapping[int, Program]
    ) -> dict[int, Program]:
        """The programs behind members; each is read once, as it never changes but in its runs."""
        programs = {}
        for prog_id in sorted({value.prog_id for map_ in maps for value in map_.members} - {0}):
            program = known.get(prog_id) or self._program(prog_id)
            if program:
                programs[prog_id] = program
        return programs

    def _program(self, prog_id: int) -> Program | None:
        raw = self._kernel.program(prog_id)
        return self._named(raw) if raw else None

    def _named(self, raw: RawProgram) -> Program:
        """The program with what its own BTF says of its function."""
        known = self._snapshot.programs.get(raw.id) if self._snapshot else None
        if known:
            return Program(raw, known.name, known.prototype)
        try:
            btf = self._kernel.btf(raw.btf_id) if raw.btf_id and raw.func_type_id else None
            func = btf.type(raw.func_type_id) if btf else None
            if btf and isinstance(func, Func):
                return Program(raw, func.name or raw.name, prototype(btf, func.id))
        except BtfError:
            pass
        return Program(raw, raw.name)


def _same_members(maps: Mapping[int, StructOpsMap], known: Mapping[int, StructOpsMap]) -> bool:
    """Whether these are the same maps, and every member holds what it held."""
    return maps.keys() == known.keys() and all(
        map_ is known[map_id] or map_.members == known[map_id].members
        for map_id, map_ in maps.items()
    )


def _newest(maps: Iterable[StructOpsMap]) -> StructOpsMap:
    """The one registered last: by id, as a map is registered as soon as it is made.

    Of linked maps only the one with the newest link: that link may be made long after its map.
    """
    by_link = sorted(maps, key=lambda map_: map_.links[-1:])
    told_by_id = [map_ for map_ in by_link if not map_.links or map_ is by_link[-1]]
    return max(told_by_id, key=lambda map_: map_.id)


def _links_by_map(links: Iterable[RawLink]) -> Mapping[int, tuple[int, ...]]:
    found: dict[int, tuple[int, ...]] = defaultdict(tuple)
    for link in sorted(links, key=lambda link: link.id):
        found[link.map_id] += (link.id,)
    return found
