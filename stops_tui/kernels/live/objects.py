"""struct_ops maps, links and programs of the running kernel, by bpf(2).

Every kind is looked through alike (`Watched`): an id not seen before is opened once, to learn
whether the object is struct_ops; one that is not is never opened again; one that is is opened, read
and closed at every look, so that no look keeps anything alive beyond its end.
"""

from __future__ import annotations

import os
import struct
import sys
import time
from collections.abc import Callable, Collection
from errno import EACCES, ENOENT, EPERM
from typing import Generic, TypeVar

from stops_tui.bpf.errors import BpfError
from stops_tui.bpf.info import (
    LINK_TYPE_STRUCT_OPS,
    MAP_TYPE_STRUCT_OPS,
    PROG_TYPE_STRUCT_OPS,
    ProgInfo,
)
from stops_tui.bpf.syscall import BPF_F_RDONLY, Bpf, opened
from stops_tui.kernels.kernel import RawLink, RawMap, RawProgram, RunCount

Record = TypeVar("Record", RawMap, RawLink, RawProgram)

NextId = Callable[[Bpf, int], int | None]
Read = Callable[[Bpf, int, Record | None], Record | None]

_NEAR_THE_END = 1 << 30
"""Ids are given out in rising order up to INT_MAX; half-way there, a look begins to reckon with
their starting anew."""


class NewIds:
    """The ids of one kind of object that were not there at the look before.

    The kernel hands out ids in rising order and takes none back before INT_MAX are used up
    (idr_alloc_cyclic() in kernel/bpf/syscall.c), so that new ones are above all that were seen.
    """

    def __init__(self, next_id: NextId) -> None:
        self._next_id = next_id
        self._highest = 0
        self._seen: set[int] = set()

    def look(self, bpf: Bpf) -> list[int]:
        """Ids since the last look, rising; the first time, all."""
        if self._highest < _NEAR_THE_END:
            ids = self._above(bpf, self._highest)
        else:
            everything = set(self._above(bpf, 0))
            ids = sorted(everything - self._seen)
            self._seen = everything
        self._highest = max(self._highest, *ids, 0)
        return ids

    def _above(self, bpf: Bpf, after: int) -> list[int]:
        ids = []
        found = self._next_id(bpf, after)
        while found is not None:
            ids.append(found)
            found = self._next_id(bpf, found)
        return ids


class Watched(Generic[Record]):
    """All struct_ops objects of one kind, look by look. For one thread at a time.

    Args:
        next_id: The lowest id above another, of this kind.
        read: Opens an object by id and makes its record out of the one before, if there is one:
            the same if nothing changed. None for an object that is not struct_ops.
    """

    def __init__(self, next_id: NextId, read: Read[Record]) -> None:
        self._new = NewIds(next_id)
        self._next_id = next_id
        self._read: Read[Record] = read
        self._known: dict[int, Record] = {}
        self._unsure: list[int] = []

    def look(self, bpf: Bpf, resting: Collection[int] = ()) -> dict[int, Record]:
        """The objects that are there now, by id.

        One that cannot be read, for another reason than that it is gone, hides no other: what is
        known of it stays, or it is tried again at the next look.

        Args:
            bpf: This thread's.
            resting: The ids of known objects that are not read, if only they are still there.
        """
        candidates = [*self._known, *self._unsure, *self._new.look(bpf)]
        before: dict[int, Record] = self._known
        self._known = {}
        self._unsure = []
        for obj_id in candidates:
            known = before.get(obj_id)
            try:
                if known is not None and obj_id in resting:
                    record = known if self._next_id(bpf, obj_id - 1) == obj_id else None
                else:
                    record = self._read(bpf, obj_id, known)
            except BpfError as error:
                if error.errno == ENOENT:
                    continue
                record = known
                if known is None:
                    self._unsure.append(obj_id)
            if record is not None:
                self._known[obj_id] = record
        return self._known


def watched_maps() -> Watched[RawMap]:
    """All struct_ops maps; every look reads the values of those that do not rest."""
    return Watched(_next_map, _read_map)


def watched_links() -> Watched[RawLink]:
    """All struct_ops links; every look reads which map they hold."""
    return Watched(_next_link, _read_link)


def watched_programs() -> Watched[RawProgram]:
    """All struct_ops programs; every look reads their run statistics."""
    return Watched(_next_program, read_program)


def _next_map(bpf: Bpf, after: int) -> int | None:
    return bpf.map_get_next_id(after)


def _next_link(bpf: Bpf, after: int) -> int | None:
    return bpf.link_get_next_id(after)


def _next_program(bpf: Bpf, after: int) -> int | None:
    return bpf.prog_get_next_id(after)


def _read_map(bpf: Bpf, map_id: int, known: RawMap | None) -> RawMap | None:
    if known is None:
        return _new_map(bpf, map_id)
    size = len(known.value) or _VALUE_SIZE.unpack_from(known.info, _VALUE_SIZE_AT)[0]
    value = bpf.map_value_by_id(map_id, size)
    return known if value == known.value else known._replace(value=value)


def _new_map(bpf: Bpf, map_id: int) -> RawMap | None:
    """A map; its value is b"" as long as it may not be read."""
    fd = bpf.map_get_fd_by_id(map_id, BPF_F_RDONLY)
    try:
        if bpf.obj_get_type_by_fd(fd) != MAP_TYPE_STRUCT_OPS:
            return None
        info = bpf.map_get_info_by_fd(fd)
        try:
            value = bpf.map_lookup_elem(fd, info.value_size)
        except BpfError as error:
            if error.errno not in (EPERM, EACCES):
                raise  # it passes: told as nothing, the value would seem to change
            value = b""
    finally:
        os.close(fd)
    return RawMap(info.id, info.name, info.flags, info.value_type_id, info.btf_id, info.raw, value)


_VALUE_SIZE, _VALUE_SIZE_AT = struct.Struct("=I"), 12  # `value_size` in struct bpf_map_info


def _read_link(bpf: Bpf, link_id: int, known: RawLink | None) -> RawLink | None:
    fd = bpf.link_get_fd_by_id(link_id)
    try:
        info = bpf.link_get_info_by_fd(fd)
    finally:
        os.close(fd)
    if info.type != LINK_TYPE_STRUCT_OPS:
        return None
    return known if known and known.map_id == info.map_id else RawLink(link_id, info.map_id)


def read_program(bpf: Bpf, prog_id: int, known: RawProgram | None = None) -> RawProgram | None:
    """A struct_ops program; None for any other. ENOENT: it is gone."""
    with opened(bpf.prog_get_fd_by_id(prog_id)) as fd:
        if known:
            runs = _runs(bpf.prog_get_info_by_fd(fd))
            return known if known.runs == runs else known._replace(runs=runs)
        if bpf.obj_get_type_by_fd(fd) != PROG_TYPE_STRUCT_OPS:
            return None
        return _program(bpf.prog_get_info_by_fd(fd, "map_ids", "func_info"))


def read_run_count(bpf: Bpf, prog_id: int) -> RunCount | None:
    """A program's run statistics; None if it is gone."""
    try:
        with opened(bpf.prog_get_fd_by_id(prog_id)) as fd:
            return _runs(bpf.prog_get_info_by_fd(fd))
    except BpfError as error:
        if error.errno == ENOENT:
            return None
        raise


def _runs(info: ProgInfo) -> RunCount:
    return RunCount(info.run_cnt, info.run_time_ns, info.recursion_misses)


def _program(info: ProgInfo) -> RawProgram:
    map_ids, first_func = info.arrays["map_ids"], info.arrays["func_info"][:8]
    return RawProgram(
        id=info.id,
        name=info.name,
        tag=info.tag.hex(),
        load_time=_BOOT + info.load_time / 1e9,
        uid=info.uid,
        xlated_size=info.xlated_len,
        jited_size=info.jited_len,
        verified_insns=info.verified_insns,
        map_ids=struct.unpack(f"={len(map_ids) // 4}I", map_ids),
        btf_id=info.btf_id,
        # struct bpf_func_info { __u32 insn_off; __u32 type_id; }
        func_type_id=int.from_bytes(first_func[4:], sys.byteorder),
        attach_btf_id=info.attach_btf_id,
        attach_btf_obj_id=info.attach_btf_obj_id,
        runs=_runs(info),
        gpl_compatible=info.gpl_compatible,
    )


_BOOT = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
"""When this host was booted, in seconds since the epoch; the kernel counts load times from it."""
