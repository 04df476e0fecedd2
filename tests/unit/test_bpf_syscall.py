"""bpf(2) of kernels that are not here: older, newer, and one that lies."""

from __future__ import annotations

import os
import sys
from errno import E2BIG, EAGAIN, EINVAL, ENOENT, ENOSPC
from types import SimpleNamespace
from typing import Any

import pytest

from stops_tui.bpf import _cdefs
from stops_tui.bpf.errors import BpfError
from stops_tui.bpf.syscall import Bpf, Command

ffi: Any = _cdefs.ffi


class InfoOf:
    """A kernel whose info struct is `data`: it fills in as much as both sides know.

    As bpf_check_uarg_tail_zero() in kernel/bpf/syscall.c does, it refuses what it does not know.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data

    def __call__(self, number: int, command: int, attr: Any, size: int) -> int:
        assert command == Command.BPF_OBJ_GET_INFO_BY_FD
        room = ffi.buffer(ffi.cast("char *", attr.info), attr.info_len)
        if any(room[len(self.data) :]):
            return failed(E2BIG)
        known = min(len(room), len(self.data))
        room[:known] = self.data[:known]
        attr.info_len = known
        return 0


def failed(errno: int) -> int:
    ffi.errno = errno
    return -1


def bpf_of(syscall: Any) -> Bpf:
    bpf = Bpf()
    bpf._syscall = syscall
    return bpf


def map_info(**fields: Any) -> bytes:
    return bytes(ffi.buffer(ffi.new("struct bpf_map_info *", fields)))


@pytest.mark.parametrize("size", [64, 80, 88, 104, 200])
def test_map_info_is_as_long_as_the_kernels(size: int) -> None:
    whole = map_info(type=26, id=7, name=b"cc", btf_vmlinux_value_type_id=9, btf_vmlinux_id=1)
    told = bpf_of(InfoOf((whole + b"\1" * 200)[:size])).map_get_info_by_fd(3)
    assert told.raw == (whole + b"\1" * 200)[:size]
    assert (told.type, told.id, told.name, told.value_type_id) == (26, 7, "cc", 9)
    assert told.btf_id == (1 if size >= 80 else 0)


def test_nothing_of_the_object_before_shows_in_a_shorter_info() -> None:
    bpf = bpf_of(InfoOf(map_info(btf_vmlinux_id=42)))
    assert bpf.map_get_info_by_fd(3).btf_id == 42
    bpf._syscall = InfoOf(map_info(btf_vmlinux_id=42)[:64])
    assert bpf.map_get_info_by_fd(3).btf_id == 0


def test_info_longer_than_any_room_is_cut() -> None:
    assert len(bpf_of(InfoOf(bytes(5000))).map_get_info_by_fd(3).raw) == 512


def test_program_info_of_an_old_kernel() -> None:
    info = ffi.new("struct bpf_prog_info *", {"type": 27, "id": 5, "run_cnt": 9, "btf_id": 3})
    told = bpf_of(InfoOf(bytes(ffi.buffer(info))[:104])).prog_get_info_by_fd(3, "func_info")
    assert (told.type, told.id, told.run_cnt, told.btf_id) == (27, 5, 0, 0)
    assert told.arrays == {"func_info": b""}


def test_btf_info_before_objects_had_names() -> None:
    info = ffi.new("struct bpf_btf_info *", {"btf_size": 100, "id": 4})
    told = bpf_of(InfoOf(bytes(ffi.buffer(info))[:16])).btf_get_info_by_fd(3)
    assert (told.id, told.size, told.name, told.kernel) == (4, 100, "", False)


def test_update_that_returns_1_did_nothing() -> None:
    with pytest.raises(BpfError, match="answered 1, not 0") as caught:
        bpf_of(lambda *_: 1).map_update_elem(3, bytes(8))
    assert caught.value.errno == 0
    assert caught.value.command == "BPF_MAP_UPDATE_ELEM"


def test_no_next_id() -> None:
    assert bpf_of(lambda *_: failed(ENOENT)).map_get_next_id(7) is None
    with pytest.raises(BpfError, match="BPF_MAP_GET_NEXT_ID: EINVAL"):
        bpf_of(lambda *_: failed(EINVAL)).map_get_next_id(7)


def test_interrupted_verification_is_tried_again() -> None:
    calls = []

    def interrupted(*call: Any) -> int:
        calls.append(call)
        return failed(EAGAIN) if len(calls) < 5 else 99

    assert bpf_of(interrupted).prog_load(bytes(16)) == 99
    assert len(calls) == 5


def test_interrupted_verification_ends() -> None:
    calls = []

    def interrupted(*call: Any) -> int:
        calls.append(call)
        return failed(EAGAIN)

    with pytest.raises(BpfError, match="EAGAIN"):
        bpf_of(interrupted).prog_load(bytes(16))
    assert len(calls) == 6  # the last one for the log


def test_log_that_does_not_fit_is_asked_for_again() -> None:
    sizes = []

    def verbose(number: int, command: int, attr: Any, size: int) -> int:
        if not attr.log_level:
            return failed(EINVAL)
        sizes.append(attr.log_size)
        text = b"x" * 99 + b"\nno"
        ffi.memmove(ffi.cast("char *", attr.log_buf), text, len(text))
        return failed(EINVAL if attr.log_size > 1 << 17 else ENOSPC)

    with pytest.raises(BpfError, match=r"EINVAL \(no\)"):
        bpf_of(verbose).prog_load(bytes(16))
    assert sizes == [1 << 16, 1 << 20]


def test_what_a_command_is_given() -> None:
    """The attributes of link_update, which no test may give to a kernel."""
    seen = []

    def taken(number: int, command: int, attr: Any, size: int) -> int:
        seen.append((command, attr.link_fd, attr.new_map_fd, attr.flags, attr.old_map_fd, size))
        return 0

    bpf_of(taken).link_update(5, 6)
    bpf_of(taken).link_update(5, 6, 7)
    assert seen == [(29, 5, 6, 0, 0, 16), (29, 5, 6, 4, 7, 16)]


def test_a_32_bit_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "maxsize", (1 << 31) - 1)
    with pytest.raises(BpfError, match="this Python is a 32-bit one"):
        Bpf()


def test_a_path_is_given_whole_or_not_at_all() -> None:
    bpf = bpf_of(lambda *_: pytest.fail("it was called"))
    for call in (lambda: bpf.obj_pin(3, "/a\0b"), lambda: bpf.obj_get("/a\0b")):
        with pytest.raises(BpfError, match="NUL"):
            call()


def test_a_key_beyond_the_room_for_it() -> None:
    with pytest.raises(ValueError, match="65 bytes"):
        bpf_of(lambda *_: pytest.fail("it was called")).map_lookup_elem(3, 4, bytes(65))


def test_unknown_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(machine="pdp11"))
    with pytest.raises(BpfError, match="pdp11"):
        Bpf()
