"""bpf(2), one method a command. Source: kernel/bpf/syscall.c, kernel/bpf/bpf_struct_ops.c."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from errno import E2BIG, EAGAIN, EINVAL, ENOENT, ENOSPC, ENOSYS
from typing import Any, NoReturn

from stops_tui.bpf import _cdefs
from stops_tui.bpf.errors import BpfError
from stops_tui.bpf.info import (
    MAP_TYPE_STRUCT_OPS,
    NAME_LENGTH,
    PROG_ARRAYS,
    PROG_TYPE_STRUCT_OPS,
    BtfInfo,
    LinkInfo,
    MapInfo,
    ProgArray,
    ProgInfo,
)

ffi: Any = _cdefs.ffi
"""C data has no static types."""

BPF_F_NO_PREALLOC = 1 << 0
BPF_F_RDONLY = 1 << 3
BPF_F_VTYPE_BTF_OBJ_FD = 1 << 15
BPF_F_REPLACE = 1 << 2
BPF_TRACE_ITER = 28
BPF_STRUCT_OPS = 44

KEY_0 = bytes(4)
"""The only key of a struct_ops map."""

_NUMBERS = {
    "x86_64": 321,
    "aarch64": 280,
    "riscv64": 280,
    "loongarch64": 280,
    "s390x": 351,
    "ppc64": 361,
    "ppc64le": 361,
}
"""__NR_bpf by `uname -m`, 64-bit architectures only (arch/*/kernel/syscalls/syscall.tbl)."""

_INFO_SIZE = 512
"""Room for any info struct: the kernel fills as much as it knows and says how much that was."""

_KEY_SIZE = 64
"""Bytes of the longest key that is looked up."""

_FIRST_LOG, _LAST_LOG = 1 << 16, 1 << 24
"""Bytes of verifier log asked for, first and at most."""

_PROG_LOAD_TRIES = 5
"""As libbpf's: a signal sends the verifier back with EAGAIN."""


class Command(IntEnum):
    """enum bpf_cmd, as far as it is used."""

    BPF_MAP_CREATE = 0
    BPF_MAP_LOOKUP_ELEM = 1
    BPF_MAP_UPDATE_ELEM = 2
    BPF_MAP_DELETE_ELEM = 3
    BPF_PROG_LOAD = 5
    BPF_OBJ_PIN = 6
    BPF_OBJ_GET = 7
    BPF_PROG_GET_NEXT_ID = 11
    BPF_MAP_GET_NEXT_ID = 12
    BPF_PROG_GET_FD_BY_ID = 13
    BPF_MAP_GET_FD_BY_ID = 14
    BPF_OBJ_GET_INFO_BY_FD = 15
    BPF_BTF_LOAD = 18
    BPF_BTF_GET_FD_BY_ID = 19
    BPF_BTF_GET_NEXT_ID = 23
    BPF_LINK_CREATE = 28
    BPF_LINK_UPDATE = 29
    BPF_LINK_GET_FD_BY_ID = 30
    BPF_LINK_GET_NEXT_ID = 31
    BPF_ENABLE_STATS = 32
    BPF_ITER_CREATE = 33
    BPF_LINK_DETACH = 34


@contextmanager
def opened(fd: int) -> Iterator[int]:
    """The file descriptor, closed at the end of the block."""
    try:
        yield fd
    finally:
        os.close(fd)


class Bpf:
    """The bpf(2) system call.

    Every method raises `BpfError`. File descriptors returned are the caller's to close (they are
    close-on-exec). One instance serves one thread at a time: its buffers are used again by the
    next call, so that a sweep over thousands of objects allocates nothing.
    """

    def __init__(self) -> None:
        machine = os.uname().machine
        self._number = _NUMBERS.get(machine)
        if self._number is None:
            raise BpfError("bpf(2)", ENOSYS, f"its number on {machine} is not known")
        if sys.maxsize < 1 << 32:  # its calls have other numbers, and its structs other offsets
            raise BpfError("bpf(2)", ENOSYS, f"this Python is a 32-bit one on {machine}")
        self._syscall = ffi.dlopen(None).syscall
        self._id = ffi.new("struct attr_get_id *")
        self._get_info = ffi.new("struct attr_get_info *")
        self._info = ffi.new("char[]", _INFO_SIZE)
        self._get_info.info = _address(self._info)
        self._infos = {
            kind: ffi.cast(f"struct bpf_{kind}_info *", self._info)
            for kind in ("map", "prog", "link", "btf")
        }
        self._elem = ffi.new("struct attr_elem *")
        self._key = ffi.new("char[]", _KEY_SIZE)
        self._value = ffi.new("char[]", 4096)
        self._value_size = 4096
        self._elem.key = _address(self._key)
        self._elem.value = _address(self._value)

    # ids and file descriptors

    def map_get_next_id(self, after: int) -> int | None:
        """The lowest map id above `after`; None if there is none."""
        return self._next_id(Command.BPF_MAP_GET_NEXT_ID, after)

    def prog_get_next_id(self, after: int) -> int | None:
        """The lowest program id above `after`; None if there is none."""
        return self._next_id(Command.BPF_PROG_GET_NEXT_ID, after)

    def link_get_next_id(self, after: int) -> int | None:
        """The lowest link id above `after`; None if there is none."""
        return self._next_id(Command.BPF_LINK_GET_NEXT_ID, after)

    def btf_get_next_id(self, after: int) -> int | None:
        """The lowest BTF id above `after`; None if there is none."""
        return self._next_id(Command.BPF_BTF_GET_NEXT_ID, after)

    def map_get_fd_by_id(self, map_id: int, flags: int = 0) -> int:
        """Open a map; `flags` may be BPF_F_RDONLY. ENOENT: it is gone."""
        return self._get_fd(Command.BPF_MAP_GET_FD_BY_ID, map_id, 12, flags)

    def prog_get_fd_by_id(self, prog_id: int) -> int:
        """Open a program. ENOENT: it is gone."""
        return self._get_fd(Command.BPF_PROG_GET_FD_BY_ID, prog_id)

    def link_get_fd_by_id(self, link_id: int) -> int:
        """Open a link. ENOENT: it is gone; EAGAIN: it is still being made."""
        return self._get_fd(Command.BPF_LINK_GET_FD_BY_ID, link_id)

    def btf_get_fd_by_id(self, btf_id: int) -> int:
        """Open a BTF object. ENOENT: it is gone."""
        return self._get_fd(Command.BPF_BTF_GET_FD_BY_ID, btf_id)

    # info

    def obj_get_type_by_fd(self, fd: int) -> int:
        """The type of a map, program or link, with which its info starts; nothing else is copied.

        For telling thousands of objects apart: a third of the cost of the whole info.
        """
        self._fill_info(fd, 4)
        kind: int = self._infos["map"].type
        return kind

    def map_get_info_by_fd(self, fd: int) -> MapInfo:
        """What the kernel says of a map."""
        size = self._read_info(fd)
        info = self._infos["map"]
        return MapInfo(  # of thousands at a start: in the order of its fields
            info.type,
            info.id,
            _text(info.name),
            info.map_flags,
            info.value_size,
            info.btf_vmlinux_value_type_id,
            info.btf_vmlinux_id,
            bytes(ffi.buffer(self._info, size)),
        )

    def prog_get_info_by_fd(self, fd: int, *arrays: ProgArray) -> ProgInfo:
        """What the kernel says of a program, and those of its arrays that are asked for."""
        self._read_info(fd)
        info = self._infos["prog"]
        sizes = {name: _record_size(info, name) for name in arrays}
        counts = {name: getattr(info, PROG_ARRAYS[name][0]) for name in arrays}
        buffers = {name: ffi.new("char[]", counts[name] * sizes[name]) for name in arrays}
        if any(counts.values()):
            self._clear_info()
            for name in filter(counts.get, arrays):
                _ask(info, name, counts[name], sizes[name], buffers[name])
            self._fill_info(fd)
        return ProgInfo(
            type=info.type,
            id=info.id,
            name=_text(info.name),
            tag=bytes(info.tag),
            load_time=info.load_time,
            uid=info.created_by_uid,
            gpl_compatible=bool(info.gpl_compatible),
            xlated_len=info.xlated_prog_len,
            jited_len=info.jited_prog_len,
            btf_id=info.btf_id,
            attach_btf_id=info.attach_btf_id,
            attach_btf_obj_id=info.attach_btf_obj_id,
            verified_insns=info.verified_insns,
            run_cnt=info.run_cnt,
            run_time_ns=info.run_time_ns,
            recursion_misses=info.recursion_misses,
            record_sizes=sizes,
            # The kernel takes back the address of an array it withholds.
            arrays={
                name: bytes(ffi.buffer(buffer)) if getattr(info, name) else b""
                for name, buffer in buffers.items()
            },
        )

    def link_get_info_by_fd(self, fd: int) -> LinkInfo:
        """What the kernel says of a link."""
        self._read_info(fd)
        info = self._infos["link"]
        return LinkInfo(info.type, info.id, info.map_id)

    def btf_get_info_by_fd(self, fd: int) -> BtfInfo:
        """What the kernel says of a BTF object."""
        info = self._infos["btf"]
        name = ffi.new("char[]", 64)
        self._clear_info()
        info.name, info.name_len = _address(name), len(name)
        try:
            self._fill_info(fd)
        except BpfError as error:
            if error.errno != E2BIG:
                raise
            self._read_info(fd)  # before 5.11 a BTF object has no name
        return BtfInfo(info.id, info.btf_size, _text(name), bool(info.kernel_btf))

    def btf_get_data_by_fd(self, fd: int) -> bytes:
        """The BTF itself, header included; a module's is split on vmlinux."""
        self._read_info(fd)
        info = self._infos["btf"]
        size = info.btf_size
        data = ffi.new("char[]", size)
        self._clear_info()
        info.btf, info.btf_size = _address(data), size
        self._fill_info(fd)
        return bytes(ffi.buffer(data))

    # maps

    def map_create(
        self,
        *,
        map_type: int = MAP_TYPE_STRUCT_OPS,
        key_size: int = 4,
        value_size: int,
        max_entries: int = 1,
        flags: int = 0,
        name: str = "",
        btf_fd: int = 0,
        value_type_id: int = 0,
        value_type_btf_fd: int | None = None,
    ) -> int:
        """Make a map; return its file descriptor.

        A struct_ops map wants the size and BTF id of the value struct bpf_struct_ops_X
        (`value_type_id`) and, though nothing is taken from it, a `btf_fd` that is not the kernel's.
        BPF_F_LINK in `flags` makes a map that a link registers. `value_type_btf_fd` is the BTF of
        the module that defines the type; None: vmlinux does.
        """
        if value_type_btf_fd is not None:
            flags |= BPF_F_VTYPE_BTF_OBJ_FD
        attr = ffi.new(
            "struct attr_map_create *",
            {
                "map_type": map_type,
                "key_size": key_size,
                "value_size": value_size,
                "max_entries": max_entries,
                "map_flags": flags,
                "map_name": _name(Command.BPF_MAP_CREATE, name),
                "btf_fd": btf_fd,
                "btf_vmlinux_value_type_id": value_type_id,
                "value_type_btf_obj_fd": value_type_btf_fd or 0,
            },
        )
        return self._fd(Command.BPF_MAP_CREATE, attr)

    def map_lookup_elem(self, fd: int, value_size: int, key: bytes = KEY_0) -> bytes:
        """The value at `key`. ENOENT: no such key.

        A struct_ops map in INIT reads as zeroes; else function members hold program ids (u64).
        """
        attr = self._elem
        if value_size > self._value_size:
            self._value = ffi.new("char[]", value_size)
            self._value_size = value_size
            attr.value = _address(self._value)
        attr.map_fd = fd
        if len(key) > _KEY_SIZE:
            raise ValueError(f"a key of {len(key)} bytes: there is room for {_KEY_SIZE}")
        ffi.memmove(self._key, key, len(key))
        if self._syscall(self._number, Command.BPF_MAP_LOOKUP_ELEM, attr, 32):
            _fail(Command.BPF_MAP_LOOKUP_ELEM)
        value: bytes = ffi.unpack(self._value, value_size)
        return value

    def map_value_by_id(self, map_id: int, value_size: int) -> bytes:
        """The value at key 0 of a map, which is opened for nothing else. ENOENT: it is gone.

        What opening it, `map_lookup_elem` and closing it do, in one step: a sweep has thousands.
        """
        fd = self._get_fd(Command.BPF_MAP_GET_FD_BY_ID, map_id, 12, BPF_F_RDONLY)
        try:
            return self.map_lookup_elem(fd, value_size)
        finally:
            os.close(fd)

    def map_update_elem(self, fd: int, value: bytes, key: bytes = KEY_0, flags: int = 0) -> None:
        """Set the value at `key`: for a struct_ops map, register it (BPF_F_LINK: make it READY).

        Function members hold program file descriptors (u64). Only a return of exactly 0 is
        success: the kernel answers 1, registering nothing, where a module pointer is set.
        """
        key_at, value_at = ffi.from_buffer(key), ffi.from_buffer(value)
        attr = ffi.new("struct attr_elem *", [fd, 0, _address(key_at), _address(value_at), flags])
        self._zero(Command.BPF_MAP_UPDATE_ELEM, attr)

    def map_delete_elem(self, fd: int, key: bytes = KEY_0) -> None:
        """Delete `key`: for a struct_ops map without BPF_F_LINK, unregister it."""
        key_at = ffi.from_buffer(key)
        attr = ffi.new("struct attr_elem *", [fd, 0, _address(key_at), 0, 0])
        self._zero(Command.BPF_MAP_DELETE_ELEM, attr)

    # programs and BTF

    def prog_load(
        self,
        insns: bytes,
        *,
        prog_type: int = PROG_TYPE_STRUCT_OPS,
        attach_btf_id: int = 0,
        expected_attach_type: int = 0,
        attach_btf_fd: int = 0,
        name: str = "",
        license: str = "GPL",  # noqa: A002 (the attribute's name)
        flags: int = 0,
        btf_fd: int = 0,
        func_info: bytes = b"",
        line_info: bytes = b"",
    ) -> int:
        """Load a program; return its file descriptor. A refusal carries the verifier's log.

        For struct_ops, `attach_btf_id` is the id of struct X and `expected_attach_type` the index
        of the member; `attach_btf_fd` the BTF of the module that defines X, 0 for vmlinux.
        `func_info` holds struct bpf_func_info (8 bytes each), `line_info` struct bpf_line_info
        (16 bytes each), both by `btf_fd`.
        """
        license_at = ffi.new("char[]", license.encode())
        insns_at, funcs_at, lines_at = map(ffi.from_buffer, (insns, func_info, line_info))
        attr = ffi.new(
            "struct attr_prog_load *",
            {
                "prog_type": prog_type,
                "insn_cnt": len(insns) // 8,
                "insns": _address(insns_at),
                "license": _address(license_at),
                "prog_flags": flags,
                "prog_name": _name(Command.BPF_PROG_LOAD, name),
                "expected_attach_type": expected_attach_type,
                "prog_btf_fd": btf_fd,
                "func_info_rec_size": 8 if func_info else 0,
                "func_info": _address(funcs_at) if func_info else 0,
                "func_info_cnt": len(func_info) // 8,
                "line_info_rec_size": 16 if line_info else 0,
                "line_info": _address(lines_at) if line_info else 0,
                "line_info_cnt": len(line_info) // 16,
                "attach_btf_id": attach_btf_id,
                "attach_btf_obj_fd": attach_btf_fd,
            },
        )
        for _ in range(_PROG_LOAD_TRIES):
            fd = self._call(Command.BPF_PROG_LOAD, attr)
            if fd >= 0 or ffi.errno != EAGAIN:
                break
        return _usable(fd) if fd >= 0 else self._with_log(Command.BPF_PROG_LOAD, attr, "log")

    def btf_load(self, data: bytes) -> int:
        """Load a BTF; return its file descriptor. A refusal carries the kernel's log."""
        data_at = ffi.from_buffer(data)
        fields = {"btf": _address(data_at), "btf_size": len(data)}
        attr = ffi.new("struct attr_btf_load *", fields)
        fd = self._call(Command.BPF_BTF_LOAD, attr)
        return _usable(fd) if fd >= 0 else self._with_log(Command.BPF_BTF_LOAD, attr, "btf_log")

    # links

    def link_create(self, map_fd: int) -> int:
        """Register a READY map; return the link's file descriptor. Closing the last one undoes it.

        The kernel gives a link even for a sched_ext scheduler that it then refuses.
        """
        attr = ffi.new("struct attr_link_create *", [map_fd, 0, BPF_STRUCT_OPS, 0])
        return self._fd(Command.BPF_LINK_CREATE, attr)

    def iter_link_create(self, prog_fd: int) -> int:
        """Attach an iterator's program to what it walks over; nothing runs before `iter_create`."""
        attr = ffi.new("struct attr_link_create *", [prog_fd, 0, BPF_TRACE_ITER, 0])
        return self._fd(Command.BPF_LINK_CREATE, attr)

    def iter_create(self, link_fd: int) -> int:
        """A file whose reading runs the program on each object, and gives what that writes.

        An iterator over sockets sees those of the network namespace that the calling thread is in.
        """
        return self._fd(Command.BPF_ITER_CREATE, ffi.new("struct attr_iter_create *", [link_fd, 0]))

    def link_update(self, link_fd: int, new_map_fd: int, old_map_fd: int | None = None) -> None:
        """Put another READY map of the same type in a link's place; `old_map_fd` must be its map.

        Never give a TCP link the map that it already holds: kernels up to 7.2 corrupt the list of
        congestion controls, or stop (net/ipv4/tcp_cong.c, tcp_update_congestion_control). The
        callers of this method see to that.
        """
        flags = 0 if old_map_fd is None else BPF_F_REPLACE
        fields = [link_fd, new_map_fd, flags, old_map_fd or 0]
        self._zero(Command.BPF_LINK_UPDATE, ffi.new("struct attr_link_update *", fields))

    def link_detach(self, link_fd: int) -> None:
        """Unregister what a link registered; the link stays, without a map. May be repeated."""
        self._zero(Command.BPF_LINK_DETACH, ffi.new("struct attr_link_detach *", [link_fd]))

    # pins, statistics

    def obj_pin(self, fd: int, path: str) -> None:
        """Pin a map, program or link at a path in a bpffs."""
        path_at = _path(Command.BPF_OBJ_PIN, path)
        self._zero(Command.BPF_OBJ_PIN, ffi.new("struct attr_obj *", [_address(path_at), fd, 0]))

    def obj_get(self, path: str, flags: int = 0) -> int:
        """Open what is pinned at a path; BPF_F_RDONLY in `flags` only suits a map."""
        path_at = _path(Command.BPF_OBJ_GET, path)
        return self._fd(
            Command.BPF_OBJ_GET, ffi.new("struct attr_obj *", [_address(path_at), 0, flags])
        )

    def enable_stats(self) -> int:
        """Count the runs of all programs (BPF_STATS_RUN_TIME) until the fd returned is closed."""
        return self._fd(Command.BPF_ENABLE_STATS, ffi.new("struct attr_enable_stats *"))

    # how

    def _next_id(self, command: Command, after: int) -> int | None:
        attr = self._id
        attr.id = after
        if self._syscall(self._number, command, attr, 8) == 0:
            next_id: int = attr.next_id
            return next_id
        if ffi.errno == ENOENT:
            return None
        return _fail(command)

    def _get_fd(self, command: Command, obj_id: int, size: int = 4, flags: int = 0) -> int:
        attr = self._id
        attr.id = obj_id
        attr.next_id = 0
        attr.open_flags = flags
        fd: int = self._syscall(self._number, command, attr, size)
        if fd < 0:
            _fail(command)
        return fd or _usable(fd)

    def _read_info(self, fd: int) -> int:
        """Fill the info buffer, asking for no arrays; return how much of it the kernel knows."""
        self._clear_info()
        return self._fill_info(fd)

    def _clear_info(self) -> None:
        # Addresses and counts are input to the kernel; and a tail that is not zero is E2BIG.
        ffi.memmove(self._info, _ZEROES, _INFO_SIZE)

    def _fill_info(self, fd: int, room: int = _INFO_SIZE) -> int:
        attr = self._get_info
        attr.bpf_fd = fd
        attr.info_len = room
        if self._syscall(self._number, Command.BPF_OBJ_GET_INFO_BY_FD, attr, 16):
            _fail(Command.BPF_OBJ_GET_INFO_BY_FD)
        size: int = attr.info_len
        return size

    def _call(self, command: Command, attr: Any) -> int:
        result: int = self._syscall(self._number, command, attr, ffi.sizeof(attr[0]))
        return result

    def _fd(self, command: Command, attr: Any) -> int:
        fd = self._call(command, attr)
        return _usable(fd) if fd >= 0 else _fail(command)

    def _zero(self, command: Command, attr: Any) -> None:
        result = self._call(command, attr)
        if result < 0:
            _fail(command)
        if result > 0:
            raise BpfError(
                command.name, 0, f"the kernel answered {result}, not 0: nothing was done"
            )

    def _with_log(self, command: Command, attr: Any, prefix: str) -> int:
        """Try again with a log of growing size, and raise what it says."""
        errno, size, log = ffi.errno, _FIRST_LOG, ""
        while size <= _LAST_LOG:
            buffer = ffi.new("char[]", size)
            setattr(attr, f"{prefix}_level", 1)
            setattr(attr, f"{prefix}_size", size)
            setattr(attr, f"{prefix}_buf", _address(buffer))
            fd = self._call(command, attr)
            if fd >= 0:
                return _usable(fd)
            log = _text(buffer)
            if ffi.errno != ENOSPC:
                errno = ffi.errno
                break
            size *= 16
        raise BpfError(command.name, errno, log=log)


_ZEROES = bytes(_INFO_SIZE)


def _fail(command: Command) -> NoReturn:
    raise BpfError(command.name, ffi.errno)


def _usable(fd: int) -> int:
    """The file descriptor; never 0, which the kernel takes as none given.

    0 is the first to come where standard input is closed.
    """
    if fd:
        return fd
    try:
        return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)
    finally:
        os.close(fd)


def _name(command: Command, name: str) -> bytes:
    """A name as an attribute: 16 bytes, which the kernel wants to end in a NUL."""
    encoded = name.encode(errors="surrogateescape")
    if len(encoded) > NAME_LENGTH:
        raise BpfError(command.name, EINVAL, f"the name is longer than {NAME_LENGTH} bytes")
    return encoded


def _path(command: Command, path: str) -> Any:
    """A path as C takes it: whole, or not at all."""
    encoded = os.fsencode(path)
    if b"\0" in encoded:
        raise BpfError(command.name, EINVAL, "a path cannot hold a NUL character")
    return ffi.new("char[]", encoded)


def _address(cdata: Any) -> int:
    return int(ffi.cast("uintptr_t", cdata))


def _text(chars: Any) -> str:
    return str(ffi.string(chars), "utf-8", "backslashreplace")


def _record_size(info: Any, name: ProgArray) -> int:
    size = PROG_ARRAYS[name][1]
    return size if isinstance(size, int) else int(getattr(info, size))


def _ask(info: Any, name: ProgArray, count: int, size: int, buffer: Any) -> None:
    count_field, size_field = PROG_ARRAYS[name]
    setattr(info, count_field, count)
    setattr(info, name, _address(buffer))
    if isinstance(size_field, str):
        setattr(info, size_field, size)
