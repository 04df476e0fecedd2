"""Every reason to be refused that this kernel gives safely: its errno, its cause in words, and
that nothing is left. BPF_LINK_UPDATE is left out on purpose: of a TCP link it can stop the kernel.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from errno import (
    E2BIG,
    EACCES,
    EBADF,
    EBUSY,
    EEXIST,
    EINPROGRESS,
    EINVAL,
    ENOENT,
    EOPNOTSUPP,
    EPERM,
)
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import pytest

from stops_tui.bpf.errors import ENOTSUPP, BpfError, errno_name
from stops_tui.bpf.info import BPF_F_LINK
from stops_tui.bpf.insns import R0, exit_, mov
from stops_tui.bpf.smallest_btf import SMALLEST_BTF
from stops_tui.bpf.syscall import BPF_F_RDONLY, opened
from stops_tui.btf import Kind
from stops_tui.kernels.live.facts import CAP_BPF, CAP_PERFMON
from stops_tui.kernels.live.handles import LiveHandle
from stops_tui.kernels.live.kernel import LiveKernel
from stops_tui.kernels.live.writes import LiveWrites
from stops_tui.kernels.writes import Handle, NewMap, NewProgram
from tests.support.child import in_child, keep_capabilities
from tests.support.live import TCP, TCP_MANDATORY, Kit, LiveMap, available, open_bpf_fds
from tests.support.writes_contract import Bench

BPF_F_WRONLY = 1 << 4
"""A flag that struct_ops maps do not take."""


class Provoker:
    """What a row needs: a kit for calls that `Writes` cannot even express, and a bench for others.

    Attributes:
        name: Of what it makes.
    """

    def __init__(self, kit: Kit, kernel: LiveKernel, stack: ExitStack) -> None:
        self.kit = kit
        self.bpf = kit.bpf
        self.stack = stack
        self.name = kit.name("r")
        self._kernel = kernel

    @cached_property
    def bench(self) -> Bench:
        return self.stack.enter_context(closing(Bench(self._kernel, self.name)))

    def create(self, **other: Any) -> None:
        """BPF_MAP_CREATE of a good TCP map, but for `other`."""
        layout = self.kit.layout()
        btf_fd = self.stack.enter_context(opened(self.bpf.btf_load(SMALLEST_BTF)))
        good = {
            "value_size": layout.value_size,
            "value_type_id": layout.value_type_id,
            "btf_fd": btf_fd,
            "name": self.name,
        }
        self.stack.enter_context(opened(self.bpf.map_create(**{**good, **other})))

    def of_module(self, btf_fd: int) -> None:
        """BPF_MAP_CREATE of a type that a module's BTF has."""
        if self.kit.btf.find("bpf_struct_ops_common_value", Kind.STRUCT) is None:
            pytest.skip("this kernel has no struct_ops types in modules: they came with 6.9")
        self.create(value_type_btf_fd=btf_fd)

    def link_map(self) -> Handle:
        """A map for a link, in INIT."""
        self.kit.need_links()
        return self.bench.map(link=True)

    def vmlinux(self) -> int:
        return self.stack.enter_context(opened(self.bpf.btf_get_fd_by_id(1)))

    def program(self, member: str = "ssthresh", type_name: str = TCP) -> int:
        return self.stack.enter_context(self.kit.program(member, type_name))

    def ops(self, **asked: Any) -> LiveMap:
        return self.stack.enter_context(self.kit.tcp_map(**asked))

    def update(self, **data: bytes | int) -> None:
        """BPF_MAP_UPDATE_ELEM of a new TCP map, with other members than a good one's."""
        ops = self.ops(state="INIT")
        value = bytearray(ops.value)
        for member, content in data.items():
            at = self.kit.layout().data_offset + self.kit.layout().offsets[member]
            raw = content.to_bytes(8, sys.byteorder) if isinstance(content, int) else content
            value[at : at + len(raw)] = raw
        self.bpf.map_update_elem(ops.fd, bytes(value))

    def update_byte(self, at: int) -> None:
        """BPF_MAP_UPDATE_ELEM with one byte of the value set."""
        ops = self.ops(state="INIT")
        value = bytearray(ops.value)
        value[at] = 1
        self.bpf.map_update_elem(ops.fd, bytes(value))


def _absent_fd() -> int:
    """A file descriptor that is not open."""
    fd = os.open("/dev/null", os.O_RDONLY)
    os.close(fd)
    return 1_000 + fd


Row = tuple[str, int, str, Callable[[Provoker], object]]

MAP_CREATE: tuple[Row, ...] = (
    ("key size", EINVAL, "key is of 4 bytes", lambda p: p.create(key_size=8)),
    ("entries", EINVAL, "one entry", lambda p: p.create(max_entries=2)),
    ("value size", EINVAL, "size", lambda p: p.create(value_size=8)),
    ("size, told", EINVAL, "has a size of", lambda p: p.bench.map(value_size=192)),
    ("no value type", EINVAL, "no value type", lambda p: p.create(value_type_id=0)),
    ("flag", EINVAL, "flag", lambda p: p.create(flags=BPF_F_WRONLY)),
    ("name", EINVAL, "characters outside", lambda p: p.create(name="no good")),
    ("long name", EINVAL, "longer than 15 bytes", lambda p: p.create(name="x" * 16)),
    ("not registered", ENOTSUPP, "no struct_ops type", lambda p: p.create(value_type_id=1)),
    (
        "inner struct",
        ENOTSUPP,
        "no struct_ops type",
        lambda p: p.create(value_type_id=p.kit.layout().type_id),
    ),
    ("no BTF", EINVAL, "no BTF given", lambda p: p.create(btf_fd=0)),
    ("closed BTF", EBADF, "is not open", lambda p: p.create(btf_fd=_absent_fd())),
    ("no BTF fd", EINVAL, "no BTF given", lambda p: p.create(btf_fd=p.program())),
    ("kernel BTF", EACCES, "kernel's own BTF", lambda p: p.create(btf_fd=p.vmlinux())),
    ("vmlinux as module", EINVAL, "flag", lambda p: p.create(value_type_btf_fd=p.vmlinux())),
    ("closed module", EBADF, "is not open", lambda p: p.of_module(_absent_fd())),
    ("another map type", EINVAL, "flag", lambda p: p.create(map_type=2, flags=BPF_F_LINK)),
)

MAP_UPDATE: tuple[Row, ...] = (
    (
        "flags",
        EINVAL,
        "update flags",
        lambda p: p.bpf.map_update_elem((o := p.ops(state="INIT")).fd, o.value, flags=2),
    ),
    (
        "key",
        E2BIG,
        "key is not 0",
        lambda p: p.bpf.map_update_elem((o := p.ops(state="INIT")).fd, o.value, key=b"\1\0\0\0"),
    ),
    ("refcnt", EINVAL, "state, refcnt", lambda p: p.update_byte(0)),
    ("state", EINVAL, "state, refcnt", lambda p: p.update_byte(4)),
    ("padding", EINVAL, "padding", lambda p: p.update_byte(60)),
    ("registered", EBUSY, "past INIT", lambda p: p.ops().register()),
    ("ready", EBUSY, "past INIT", lambda p: p.ops(link=True).register()),
    ("to be freed", EBUSY, "past INIT", lambda p: p.ops(state="TOBEFREE").register()),
    ("closed program", EBADF, "not open", lambda p: p.update(ssthresh=_absent_fd())),
    ("no program", EINVAL, "no program", lambda p: p.update(ssthresh=p.vmlinux())),
    (
        "another member",
        EINVAL,
        "another struct or member",
        lambda p: p.update(ssthresh=p.program("undo_cwnd")),
    ),
    (
        "another struct",
        EINVAL,
        "another struct",
        lambda p: p.update(ssthresh=p.program("test_1", "bpf_dummy_ops")),
    ),
    ("key computed", EINVAL, "does not take", lambda p: p.update(key=b"\1")),
    ("list", EINVAL, "does not take", lambda p: p.update(list=b"\1")),
    ("mandatory", EINVAL, "mandatory", lambda p: p.update(cong_avoid=0)),
    (
        "mandatory, link",
        EINVAL,
        "mandatory",
        lambda p: p.ops(link=True, state="INIT", members=TCP_MANDATORY[:2]).register(),
    ),
    ("no name", EINVAL, "bad name", lambda p: p.update(name=bytes(16))),
    ("endless name", EINVAL, "bad name", lambda p: p.update(name=b"x" * 16)),
    ("name", EINVAL, "bad name", lambda p: p.update(name=b"a b\0")),
    ("flags of TCP", EINVAL, "flags", lambda p: p.update(flags=b"\xff\xff\xff\xff")),
    (
        "taken",
        EEXIST,
        "already has one of this name",
        lambda p: p.update(name=b"reno\0".ljust(16, b"\0")),
    ),
    ("owner", 0, "nothing was done", lambda p: p.update(owner=b"\1")),
)

LINK_CREATE: tuple[Row, ...] = (
    ("plain", EINVAL, "without BPF_F_LINK", lambda p: p.bpf.link_create(p.ops().fd)),
    (
        "plain, told",
        EINVAL,
        "was made without BPF_F_LINK",
        lambda p: p.bench.writes.create_link(p.bench.map()),
    ),
    (
        "INIT, told",
        EINVAL,
        "is still in INIT",
        lambda p: p.bench.writes.create_link(p.link_map()),
    ),
    ("a program", EINVAL, "no struct_ops map", lambda p: p.bpf.link_create(p.program())),
    ("closed", EBADF, "not open", lambda p: p.bpf.link_create(_absent_fd())),
    ("taken", EEXIST, "already has one", lambda p: p.bpf.link_create(_second(p).fd)),
)

MAP_DELETE: tuple[Row, ...] = (
    ("link", EOPNOTSUPP, "detach its link", lambda p: p.ops(link=True).unregister()),
    ("to be freed", EINPROGRESS, "TOBEFREE", lambda p: p.ops(state="TOBEFREE").unregister()),
    ("INIT", ENOENT, "INIT", lambda p: p.ops(state="INIT").unregister()),
    ("read-only", EPERM, "read-only", lambda p: p.bpf.map_delete_elem(_read_only(p))),
    (
        "update, read-only",
        EPERM,
        "read-only",
        lambda p: p.bpf.map_update_elem(_read_only(p), bytes(p.kit.layout().value_size)),
    ),
)

LINK_DETACH: tuple[Row, ...] = (
    ("closed", EBADF, "not open", lambda p: p.bpf.link_detach(_absent_fd())),
    ("a map", EINVAL, "no link", lambda p: p.bpf.link_detach(p.ops(state="INIT").fd)),
)


def _second(p: Provoker) -> LiveMap:
    """A READY map with the name of one that is registered."""
    return p.ops(link=True, name=p.ops().name)


def _read_only(p: Provoker) -> int:
    """A file descriptor of a registered map that may only read it."""
    return p.stack.enter_context(opened(p.bpf.map_get_fd_by_id(p.ops().id, BPF_F_RDONLY)))


ROWS = [
    pytest.param(errno, words, call, id=f"{command} {name}: {errno_name(errno) if errno else 1}")
    for command, rows in {
        "MAP_CREATE": MAP_CREATE,
        "MAP_UPDATE": MAP_UPDATE,
        "LINK_CREATE": LINK_CREATE,
        "MAP_DELETE": MAP_DELETE,
        "LINK_DETACH": LINK_DETACH,
    }.items()
    for name, errno, words, call in rows
]


@pytest.fixture(scope="module")
def kernel() -> LiveKernel:
    """One for all: its types are read once."""
    return LiveKernel.open()


@pytest.fixture
def provoker(kit: Kit, kernel: LiveKernel) -> Iterator[Provoker]:
    """Nothing is left but what a file descriptor or a registration keeps; `kit` sees to the latter.

    Nothing can be pinned here: these tests see no bpffs that is theirs to use.
    """
    before = open_bpf_fds()
    with ExitStack() as stack:
        yield Provoker(kit, kernel, stack)
    assert open_bpf_fds() == before


@pytest.mark.parametrize(("errno", "words", "call"), ROWS)
def test_refusal(
    provoker: Provoker, errno: int, words: str, call: Callable[[Provoker], object]
) -> None:
    with pytest.raises(BpfError) as caught:
        call(provoker)
    assert caught.value.errno == errno, caught.value
    assert words in caught.value.cause
    assert provoker.name not in available()


# Capabilities that are missing


def without(kit: Kit, folder: Path, *kept: int) -> dict[str, str]:
    """What each call says in a process that has only these capabilities."""
    layout, told = kit.layout(), dict[str, str]()
    writes = LiveWrites(lambda: kit.bpf, lambda _: None)
    writes.armed = True
    writes.listen = lambda call: told.update({call.command: call.error})
    program = NewProgram("x", (mov(R0, 0), exit_()), layout.type_id, 0)
    new = NewMap("x", layout.value_type_id, layout.value_size, link=False)

    def calls(ops: Handle, btf: Handle) -> dict[str, str]:
        keep_capabilities(*kept)
        for call in (
            lambda: writes.load_btf(),
            lambda: writes.load_program(program),
            lambda: writes.create_map(new, btf),
            lambda: writes.delete_map(ops),
            lambda: writes.mount_bpffs(str(folder)),
        ):
            with suppress(BpfError, OSError):
                call()
        for open_ in (writes.open_map, writes.open_program, writes.open_link):
            try:
                open_(1)
            except BpfError as error:
                told[error.command] = f"{error.errno_name}: {error.cause}"
        return told

    with kit.tcp_map(state="INIT") as ops:
        handles = LiveHandle("map", ops.id, ops.fd), LiveHandle("btf", 1, ops.fd)
        answer: dict[str, str] = in_child(lambda: calls(*handles))
    return answer


def test_without_any_capability(kit: Kit, tmp_path: Path) -> None:
    told = without(kit, tmp_path)
    words = "EPERM: CAP_BPF is needed (CAP_SYS_ADMIN does too)"
    assert told["BPF_BTF_LOAD"] == told["BPF_MAP_CREATE"] == words
    assert told["BPF_PROG_LOAD"].startswith("EPERM: CAP_BPF and CAP_PERFMON are needed")
    # A map's file descriptor is enough: the kernel asks for no capability.
    assert told["BPF_MAP_DELETE_ELEM"].startswith("ENOENT: ")
    assert told["mount"] == "EPERM: CAP_SYS_ADMIN is needed to mount"
    for command in ("BPF_MAP", "BPF_PROG", "BPF_LINK"):
        listing = "EPERM: CAP_SYS_ADMIN is needed to list BPF objects"
        assert told[f"{command}_GET_FD_BY_ID"] == listing


def test_with_cap_bpf_alone(kit: Kit, tmp_path: Path) -> None:
    told = without(kit, tmp_path, CAP_BPF)
    assert told["BPF_BTF_LOAD"] == ""
    assert told["BPF_PROG_LOAD"].startswith("EPERM: CAP_BPF and CAP_PERFMON are needed")
    assert told["BPF_MAP_CREATE"].startswith("EINVAL: ")  # for want of a BTF only


def test_with_what_registering_needs(kit: Kit, tmp_path: Path) -> None:
    told = without(kit, tmp_path, CAP_BPF, CAP_PERFMON)
    assert told["BPF_PROG_LOAD"] == ""


def test_no_file_descriptor_is_0(kit: Kit, kernel: LiveKernel) -> None:
    """The kernel takes a program's file descriptor 0 in a value as no program, without a word."""

    def made() -> list[int]:
        os.close(0)
        with closing(Bench(kernel, kit.name())) as bench:
            handles = bench.keep(kernel.writes.load_btf()), bench.map(), bench.program()
            assert not Path("/proc/self/fd/0").exists()
            return [cast("LiveHandle", handle).fd for handle in handles]

    assert min(in_child(made)) > 2
