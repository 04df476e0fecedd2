"""How struct_ops objects are told from others, and what a look does when one goes away."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from errno import EACCES, EMFILE, ENOENT, ENOMEM, EPERM

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stops_tui.bpf.errors import BpfError
from stops_tui.bpf.info import LinkInfo, MapInfo
from stops_tui.bpf.syscall import Bpf, opened
from stops_tui.kernels.kernel import RawLink, RawMap
from stops_tui.kernels.live.objects import NewIds, Watched, watched_links, watched_maps

HASH, STRUCT_OPS = 1, 26


class FakeBpf(Bpf):
    """Maps and links by id; `refuse` makes opening one fail, `before` runs as one is opened.

    `refuse_ids` is the errno with which map ids are refused, `unreadable` that of values by map id.
    """

    def __init__(self) -> None:
        self.maps: dict[int, tuple[int, bytes]] = {}
        self.links: dict[int, tuple[int, int]] = {}
        self.refuse: dict[int, int] = {}
        self.refuse_ids = 0
        self.unreadable: dict[int, int] = {}
        self.opened: list[int] = []
        self.held: dict[int, int] = {}
        self.before: Callable[[int], object] = lambda _: None

    def map_get_next_id(self, after: int) -> int | None:
        if self.refuse_ids:
            raise BpfError("BPF_MAP_GET_NEXT_ID", self.refuse_ids)
        return min((map_id for map_id in self.maps if map_id > after), default=None)

    def link_get_next_id(self, after: int) -> int | None:
        return min((link_id for link_id in self.links if link_id > after), default=None)

    def map_get_fd_by_id(self, map_id: int, flags: int = 0) -> int:
        return self._open("BPF_MAP_GET_FD_BY_ID", map_id, map_id in self.maps)

    def link_get_fd_by_id(self, link_id: int) -> int:
        return self._open("BPF_LINK_GET_FD_BY_ID", link_id, link_id in self.links)

    def _open(self, command: str, obj_id: int, there: bool) -> int:
        self.before(obj_id)
        self.opened.append(obj_id)
        there = obj_id in self.maps or obj_id in self.links
        if errno := 0 if there and obj_id not in self.refuse else self.refuse.get(obj_id, ENOENT):
            raise BpfError(command, errno)
        fd = os.open("/dev/null", os.O_RDONLY)
        self.held[fd] = obj_id
        return fd

    def obj_get_type_by_fd(self, fd: int) -> int:
        return self.maps[self.held[fd]][0]

    def map_get_info_by_fd(self, fd: int) -> MapInfo:
        kind, value = self.maps[self.held[fd]]
        raw = bytes(12) + len(value).to_bytes(4, "little") + bytes(72)
        return MapInfo(kind, self.held[fd], "cc", 0, len(value), 9, 1, raw)

    def link_get_info_by_fd(self, fd: int) -> LinkInfo:
        return LinkInfo(self.links[self.held[fd]][0], self.held[fd], self.links[self.held[fd]][1])

    def map_value_by_id(self, map_id: int, value_size: int) -> bytes:
        with opened(self.map_get_fd_by_id(map_id)) as fd:
            return self.map_lookup_elem(fd, value_size)

    def map_lookup_elem(self, fd: int, value_size: int, key: bytes = bytes(4)) -> bytes:
        if errno := self.unreadable.get(self.held[fd]):
            raise BpfError("BPF_MAP_LOOKUP_ELEM", errno)
        return self.maps[self.held[fd]][1][:value_size]


@pytest.fixture
def bpf() -> Iterator[FakeBpf]:
    fake = FakeBpf()
    yield fake
    for fd in fake.held:
        with pytest.raises(OSError):  # every fd was closed
            os.fstat(fd)


@pytest.fixture
def maps() -> Watched[RawMap]:
    return watched_maps()


def test_only_struct_ops_maps_and_each_other_map_opened_once(
    bpf: FakeBpf, maps: Watched[RawMap]
) -> None:
    bpf.maps = {3: (HASH, b"x"), 5: (STRUCT_OPS, b"five"), 8: (HASH, b"y")}
    assert list(maps.look(bpf)) == [5]
    assert bpf.opened == [3, 5, 8]
    bpf.opened.clear()
    bpf.maps[9] = (HASH, b"z")
    bpf.maps[10] = (STRUCT_OPS, b"ten.")
    assert list(maps.look(bpf)) == [5, 10]
    assert bpf.opened == [5, 9, 10]
    bpf.opened.clear()
    maps.look(bpf)
    assert bpf.opened == [5, 10]


def test_unchanged_records_are_the_same_objects(bpf: FakeBpf, maps: Watched[RawMap]) -> None:
    bpf.maps = {5: (STRUCT_OPS, b"five"), 6: (STRUCT_OPS, b"six.")}
    before = maps.look(bpf)
    bpf.maps[6] = (STRUCT_OPS, b"SIX.")
    after = maps.look(bpf)
    assert after[5] is before[5]
    assert (before[6].value, after[6].value) == (b"six.", b"SIX.")


def test_a_map_that_goes_away_between_its_id_and_its_fd(
    bpf: FakeBpf, maps: Watched[RawMap]
) -> None:
    bpf.maps = {5: (STRUCT_OPS, b"five"), 6: (STRUCT_OPS, b"six.")}
    bpf.before = lambda map_id: map_id == 5 and bpf.maps.pop(5, None)
    assert list(maps.look(bpf)) == [6]
    bpf.before = lambda map_id: map_id == 6 and bpf.maps.pop(6, None)
    assert maps.look(bpf) == {}


def test_a_map_that_may_not_be_opened_hides_no_other(bpf: FakeBpf, maps: Watched[RawMap]) -> None:
    bpf.maps = {5: (STRUCT_OPS, b"five"), 6: (STRUCT_OPS, b"six.")}
    bpf.refuse = {5: EPERM}
    assert list(maps.look(bpf)) == [6]
    bpf.refuse = {}
    assert sorted(maps.look(bpf)) == [5, 6]  # tried again


def test_what_is_known_of_a_map_stays_where_a_look_at_it_fails(
    bpf: FakeBpf, maps: Watched[RawMap]
) -> None:
    """Else its reference count would be told to be 0, and back."""
    bpf.maps = {5: (STRUCT_OPS, b"five"), 6: (STRUCT_OPS, b"six.")}
    known = maps.look(bpf)[6]
    bpf.maps = {5: (STRUCT_OPS, b"FIVE"), 6: (STRUCT_OPS, b"SIX.")}
    bpf.refuse = {6: EMFILE}
    found = maps.look(bpf)
    assert (found[5].value, found[6]) == (b"FIVE", known)
    bpf.refuse, bpf.unreadable = {}, {6: EPERM}
    assert maps.look(bpf)[6] is known
    bpf.unreadable = {}
    assert maps.look(bpf)[6].value == b"SIX."


def test_nothing_is_forgotten_where_ids_are_refused(bpf: FakeBpf, maps: Watched[RawMap]) -> None:
    bpf.maps = {5: (STRUCT_OPS, b"five"), 6: (STRUCT_OPS, b"six.")}
    bpf.refuse = {6: EMFILE}
    assert list(maps.look(bpf)) == [5]
    bpf.refuse_ids = EPERM
    with pytest.raises(BpfError):
        maps.look(bpf)
    bpf.refuse_ids, bpf.refuse = 0, {}
    assert sorted(maps.look(bpf)) == [5, 6]


@pytest.mark.parametrize("errno", [EPERM, EACCES])
def test_a_value_that_may_not_be_read(bpf: FakeBpf, maps: Watched[RawMap], errno: int) -> None:
    bpf.maps = {5: (STRUCT_OPS, b"five")}
    bpf.unreadable = {5: errno}
    assert maps.look(bpf)[5].value == b""
    bpf.unreadable = {}
    assert maps.look(bpf)[5].value == b"five"


def test_a_new_map_is_told_once_its_value_can_be_read(bpf: FakeBpf, maps: Watched[RawMap]) -> None:
    """Else it would be told to have changed from nothing."""
    bpf.maps = {5: (STRUCT_OPS, b"five")}
    bpf.unreadable = {5: ENOMEM}
    assert maps.look(bpf) == {}
    bpf.unreadable = {}
    assert maps.look(bpf)[5].value == b"five"


def test_links_are_read_again_and_others_are_not(bpf: FakeBpf) -> None:
    links = watched_links()
    bpf.links = {3: (2, 0), 4: (9, 70)}
    before = links.look(bpf)
    assert before == {4: RawLink(4, 70)}
    bpf.opened.clear()
    assert links.look(bpf)[4] is before[4]
    bpf.links[4] = (9, 0)
    assert links.look(bpf) == {4: RawLink(4, 0)}
    assert bpf.opened == [4, 4]
    bpf.refuse = {4: EPERM}
    assert links.look(bpf) == {4: RawLink(4, 0)}  # what is known stays


class Ids:
    """Ids as idr_alloc_cyclic() gives them out: rising, and from 1 again after the last."""

    LAST = (1 << 31) - 1

    def __init__(self, start: int) -> None:
        self.next = start
        self.used: set[int] = set()

    def make(self) -> int:
        while self.next in self.used or self.next > self.LAST:
            self.next = self.next + 1 if self.next < self.LAST else 1
        self.used.add(self.next)
        self.next += 1
        return self.next - 1

    def next_id(self, _: Bpf, after: int) -> int | None:
        return min((found for found in self.used if found > after), default=None)


@given(
    st.sampled_from([1, (1 << 30) - 3, Ids.LAST - 3]),
    st.lists(st.lists(st.sampled_from(["make", "free", "free newest"]), max_size=6), max_size=8),
)
def test_every_new_id_is_told_once(start: int, looks: list[list[str]]) -> None:
    ids = Ids(start)
    new, told = NewIds(ids.next_id), set[int]()
    for steps in looks:
        fresh = set()
        for step in steps:
            if step == "make":
                fresh.add(ids.make())
            elif ids.used:
                gone = min(ids.used) if step == "free" else max(ids.used)
                ids.used.remove(gone)
                fresh.discard(gone)
        found = new.look(FakeBpf())
        assert found == sorted(found)
        assert fresh <= set(found) <= ids.used  # half-way to the end, all are told once more
        told |= set(found)
    assert ids.used <= told
