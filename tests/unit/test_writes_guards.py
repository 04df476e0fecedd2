"""Calls that wreck a kernel never reach one: seen on the syscall layer, never tried on a kernel."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from errno import EBADF, EINVAL, EPERM
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stops_tui.bpf import _cdefs
from stops_tui.bpf.errors import BpfError
from stops_tui.bpf.info import (
    BPF_F_LINK,
    LINK_TYPE_STRUCT_OPS,
    MAP_TYPE_STRUCT_OPS,
    PROG_TYPE_STRUCT_OPS,
)
from stops_tui.bpf.syscall import BPF_F_REPLACE, Bpf, Command
from stops_tui.btf import Btf, Kind
from stops_tui.kernels.live.handles import LiveHandle
from stops_tui.kernels.live.writes import LiveWrites
from stops_tui.kernels.writes import Call, HandleKind, ReadOnly, Refused
from tests.support import fake_btf

ffi: Any = _cdefs.ffi

MAP, NEW, LINK, PROG = 1001, 1002, 1003, 1004
"""File descriptors that this process does not have."""


class Seen:
    """A kernel that tells what it is asked of, and remembers every call but info.

    Attributes:
        infos: By file descriptor, struct bpf_*_info as fields; EBADF for any other.
        calls: Command and attributes.
        values: What each BPF_MAP_UPDATE_ELEM was given.
        errno: What every call fails with; 0: it succeeds.
        value: What is read of a map.
    """

    def __init__(self, infos: Mapping[int, Mapping[str, Any]]) -> None:
        self.infos = infos
        self.calls: list[tuple[Command, dict[str, int]]] = []
        self.values: list[bytes] = []
        self.errno = 0
        self.value = bytes(8)

    def __call__(self, number: int, command: int, attr: Any, size: int) -> int:
        if command == Command.BPF_OBJ_GET_INFO_BY_FD:
            return self._info(attr)
        if command == Command.BPF_MAP_LOOKUP_ELEM:
            ffi.memmove(ffi.cast("char *", attr.value), self.value, len(self.value))
            return 0
        names = [name for name, _ in ffi.typeof(attr[0]).fields]
        self.calls.append((Command(command), {name: getattr(attr, name) for name in names}))
        if command == Command.BPF_MAP_UPDATE_ELEM:
            self.values.append(bytes(ffi.buffer(ffi.cast("char *", attr.value), self._size)))
        ffi.errno = self.errno
        return -1 if self.errno else 0

    def _info(self, attr: Any) -> int:
        found = self.infos.get(attr.bpf_fd)
        if found is None:
            ffi.errno = EBADF
            return -1
        kind = {LINK: "link", PROG: "prog"}.get(attr.bpf_fd, "map")
        data = bytes(ffi.buffer(ffi.new(f"struct bpf_{kind}_info *", dict(found))))
        room = ffi.buffer(ffi.cast("char *", attr.info), attr.info_len)
        room[: len(data)] = data
        attr.info_len = len(data)
        return 0

    @property
    def _size(self) -> int:
        return int(self.infos[MAP]["value_size"])


def link_info(map_id: int, kind: int = LINK_TYPE_STRUCT_OPS) -> dict[str, int]:
    return {"type": kind, "id": 22, "map_id": map_id}


def map_info(map_id: int, **more: int) -> dict[str, int]:
    return {"type": MAP_TYPE_STRUCT_OPS, "id": map_id, **more}


def writes(seen: Seen, btf: Callable[[int], Btf | None] = lambda _: None) -> LiveWrites:
    bpf = Bpf()
    bpf._syscall = seen
    made = LiveWrites(lambda: bpf, btf)
    made.armed = True
    return made


def handle(kind: HandleKind, fd: int, object_id: int = 0) -> LiveHandle:
    return LiveHandle(kind, object_id, fd)


def update_link(seen: Seen) -> None:
    writes(seen).update_link(handle("link", LINK), handle("map", NEW), handle("map", MAP))


@given(held=st.integers(0, 5), new=st.integers(1, 5), old=st.integers(1, 5))
def test_a_link_never_gets_the_map_it_holds(held: int, new: int, old: int) -> None:
    seen = Seen({LINK: link_info(held), NEW: map_info(new), MAP: map_info(old)})
    if new in (held, old):
        with pytest.raises(Refused, match="holds map"):
            update_link(seen)
        assert seen.calls == []
    else:
        update_link(seen)
        # With old != new, the kernel's own check of the old map closes the race.
        fields = {"link_fd": LINK, "new_map_fd": NEW, "flags": BPF_F_REPLACE, "old_map_fd": MAP}
        assert seen.calls == [(Command.BPF_LINK_UPDATE, fields)]


@pytest.mark.parametrize("unreadable", [LINK, NEW, MAP])
def test_a_link_that_cannot_be_read_is_not_updated(unreadable: int) -> None:
    infos = {LINK: link_info(1), NEW: map_info(2), MAP: map_info(1)}
    del infos[unreadable]
    seen = Seen(infos)
    with pytest.raises(Refused, match="cannot be read: BPF_OBJ_GET_INFO_BY_FD: EBADF"):
        update_link(seen)
    assert seen.calls == []


def test_a_link_of_another_type_is_not_updated() -> None:
    seen = Seen({LINK: link_info(1, kind=6), NEW: map_info(2), MAP: map_info(1)})
    with pytest.raises(Refused, match="no struct_ops link"):
        update_link(seen)
    assert seen.calls == []


def test_ids_are_the_kernels_not_the_handles() -> None:
    seen = Seen({LINK: link_info(7), NEW: map_info(7), MAP: map_info(7)})
    with pytest.raises(Refused):
        writes(seen).update_link(
            handle("link", LINK, 1), handle("map", NEW, 2), handle("map", MAP, 3)
        )
    assert seen.calls == []


def test_what_the_kernel_says_of_an_update_is_told() -> None:
    told: list[Call] = []
    seen = Seen({LINK: link_info(1), NEW: map_info(2), MAP: map_info(1)})
    seen.errno = EPERM
    changing = writes(seen)
    changing.listen = told.append
    with pytest.raises(BpfError, match="no longer holds the map"):
        changing.update_link(handle("link", LINK, 22), handle("map", NEW, 2), handle("map", MAP, 1))
    assert dict(told[0].arguments) == {"link": 22, "new_map": 2, "old_map": 1}
    assert told[0].error == "EPERM: the link no longer holds the map it was expected to hold"


READY = bytes([0, 0, 0, 0, 3, 0, 0, 0])


@pytest.mark.parametrize(
    ("new", "value", "words"),
    [
        (map_info(2), READY, r"map 2 was made without BPF_F_LINK"),
        (map_info(2, map_flags=BPF_F_LINK), bytes(8), "map 2 is still in INIT"),
        (
            map_info(2, map_flags=BPF_F_LINK, btf_vmlinux_value_type_id=9),
            READY,
            "map 2 is of another type than map 1",
        ),
        (map_info(2, map_flags=BPF_F_LINK), READY, "another congestion control's name"),
    ],
)
def test_why_the_kernel_took_no_map_for_a_link(
    new: dict[str, int], value: bytes, words: str
) -> None:
    seen = Seen({LINK: link_info(1), NEW: {**new, "value_size": 8}, MAP: map_info(1)})
    seen.errno, seen.value = EINVAL, value
    with pytest.raises(BpfError, match=words):
        update_link(seen)


# BPF_MAP_UPDATE_ELEM


def io_uring() -> Btf:
    """struct io_uring_bpf_ops as Linux 7.1 has it, with a nested pointer and an array of them."""
    b, common = fake_btf.vmlinux()
    t = fake_btf.Types(b)
    nested = b.struct("nested", 16, [("count", t.u64, 0), ("next", b.ptr(0), 64)])
    t.struct_ops(
        "io_uring_bpf_ops",
        [
            ("loop_step", t.function(t.int, t.task), 8),
            ("ring_fd", t.u32, 4),
            ("other", t.function(0), 8),
            ("owner", b.ptr(b.fwd("module")), 8),
            ("nested", nested, 16),
            ("table", b.array(nested, 2), 32),
        ],
        common,
    )
    return b.btf()


BTF = io_uring()
DATA = fake_btf.DATA
LOOP_STEP, RING_FD, OTHER, OWNER, NESTED, TABLE = (DATA + at for at in (0, 8, 16, 24, 32, 48))
SIZE = 192


@pytest.fixture
def seen() -> Seen:
    value_type = BTF.find("bpf_struct_ops_io_uring_bpf_ops", Kind.STRUCT) or 0
    size = BTF.size_of(value_type)
    assert size == SIZE
    info = map_info(5, value_size=size, btf_vmlinux_value_type_id=value_type, btf_vmlinux_id=1)
    program = {"type": PROG_TYPE_STRUCT_OPS, "id": 24}
    return Seen({MAP: info, PROG: program})


def update(seen: Seen, value: bytes, *slots: int) -> None:
    changing = writes(seen, lambda btf_id: BTF if btf_id == 1 else None)
    programs = {at: handle("prog", PROG, 24) for at in slots}
    changing.update_map(handle("map", MAP, 5), value, programs)


def with_byte(at: int) -> bytes:
    value = bytearray(SIZE)
    value[at] = 1
    return bytes(value)


def test_programs_are_put_in_by_file_descriptor(seen: Seen) -> None:
    value = bytearray(SIZE)
    struct.pack_into("=I", value, RING_FD, 9)
    update(seen, bytes(value), LOOP_STEP, OTHER)
    struct.pack_into("=Q", value, LOOP_STEP, PROG)
    struct.pack_into("=Q", value, OTHER, PROG)
    assert seen.values == [bytes(value)]


def test_io_uring_without_loop_step_is_not_sent(seen: Seen) -> None:
    for slots in ((), (OTHER,)):
        with pytest.raises(Refused, match="io_uring_bpf_ops without loop_step"):
            update(seen, bytes(SIZE), *slots)
    assert seen.calls == []


@pytest.mark.parametrize(
    ("at", "name"),
    [
        *((OWNER + byte, "owner") for byte in range(8)),
        (NESTED + 8, "nested.next"),
        (TABLE + 8, r"table\[0\]"),
        (TABLE + 31, r"table\[1\]"),
    ],
)
def test_a_pointer_is_not_sent(seen: Seen, at: int, name: str) -> None:
    with pytest.raises(Refused, match=f"{name} is a pointer"):
        update(seen, with_byte(at), LOOP_STEP)
    assert seen.calls == []


@pytest.mark.parametrize("at", [0, 3, 4, 7, 8, DATA - 1])
def test_a_header_is_not_sent(seen: Seen, at: int) -> None:
    with pytest.raises(Refused, match="refcnt and state"):
        update(seen, with_byte(at), LOOP_STEP)
    assert seen.calls == []


@pytest.mark.parametrize("at", [LOOP_STEP, OTHER + 7])
def test_a_number_is_no_program(seen: Seen, at: int) -> None:
    with pytest.raises(Refused, match="given as a number"):
        update(seen, with_byte(at), LOOP_STEP)
    assert seen.calls == []


@pytest.mark.parametrize("at", [0, RING_FD, OWNER, LOOP_STEP + 4, SIZE - 4, SIZE, -8])
def test_a_program_only_goes_into_a_function_member(seen: Seen, at: int) -> None:
    with pytest.raises(Refused, match="no function member"):
        update(seen, bytes(SIZE), LOOP_STEP, at)
    assert seen.calls == []


@pytest.mark.parametrize("size", [0, 1, SIZE - 1, SIZE + 1])
def test_a_value_of_another_size_is_not_sent(seen: Seen, size: int) -> None:
    """The kernel would read what lies behind it in this process."""
    with pytest.raises(Refused, match=f"of {size} bytes"):
        update(seen, bytes(size))
    assert seen.calls == []


def test_a_value_of_an_unknown_type_is_not_sent(seen: Seen) -> None:
    with pytest.raises(Refused, match=r"cannot be read: .* gone"):
        writes(seen).update_map(handle("map", MAP), bytes(SIZE), {})
    assert seen.calls == []


def test_data_and_padding_are_for_the_kernel_to_judge(seen: Seen) -> None:
    update(seen, with_byte(RING_FD), LOOP_STEP)
    update(seen, with_byte(RING_FD + 4), LOOP_STEP)
    assert len(seen.calls) == 2


# Arming, telling, handles.


def test_read_only_sends_nothing(seen: Seen) -> None:
    changing = writes(seen, lambda _: BTF)
    changing.armed = False
    for call in (
        changing.load_btf,
        lambda: changing.update_map(handle("map", MAP), bytes(SIZE), {}),
        lambda: changing.delete_map(handle("map", MAP)),
        lambda: changing.create_link(handle("map", MAP)),
        lambda: changing.detach_link(handle("link", LINK)),
        lambda: changing.update_link(handle("link", LINK), handle("map", NEW), handle("map", MAP)),
    ):
        with pytest.raises(ReadOnly, match=r"read-only: .* was not sent"):
            call()
    assert seen.calls == []


def test_it_starts_read_only() -> None:
    assert not LiveWrites(Bpf, lambda _: None).armed


def test_a_listener_that_fails_does_not_undo_a_write(seen: Seen) -> None:
    changing = writes(seen)
    changing.listen = [].__getitem__  # type: ignore[assignment]
    changing.delete_map(handle("map", MAP))
    assert [command for command, _ in seen.calls] == [Command.BPF_MAP_DELETE_ELEM]


def test_a_handle_of_another_kind_is_not_sent(seen: Seen) -> None:
    with pytest.raises(TypeError, match="no map"):
        writes(seen).delete_map(handle("link", LINK, 22))
    assert seen.calls == []


@pytest.fixture
def fd() -> Iterator[int]:
    read, write = os.pipe()
    os.close(write)
    yield read


def test_a_handle_closes_its_file_descriptor_once(fd: int) -> None:
    ends: list[str] = []
    held = LiveHandle("map", 58, fd, lambda: ends.append("closed"))
    assert (held.kind, held.id, held.fd, repr(held)) == ("map", 58, fd, "<map 58>")
    held.close()
    again = os.open("/dev/null", os.O_RDONLY)
    assert again == fd  # the number went to somebody else
    held.close()
    os.close(again)
    assert ends == ["closed"]
    with pytest.raises(ValueError, match="the handle of map 58 is closed"):
        _ = held.fd


def test_file_descriptor_0_is_no_handle() -> None:
    with pytest.raises(ValueError, match="as none"):
        LiveHandle("prog", 21, 0)


def test_a_closed_handle_is_not_sent(seen: Seen, fd: int) -> None:
    with closing(LiveHandle("map", 58, fd)) as held:
        pass
    with pytest.raises(BpfError, match=r"BPF_MAP_DELETE_ELEM: EBADF .*map 58 is closed"):
        writes(seen).delete_map(held)
    assert seen.calls == []
