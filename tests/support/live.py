"""What live tests need from the running kernel: programs, struct_ops maps, links and sockets.

Everything is a context manager that undoes what it did, also when the test fails:

    with kit.tcp_map() as ops, kit.clients(ops.name, 3):
        assert ops.refcnt == 4
"""

from __future__ import annotations

import os
import secrets
import socket
import struct
import time
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from stops_tui.bpf.errors import BpfError
from stops_tui.bpf.info import BPF_F_LINK, MAP_TYPE_STRUCT_OPS
from stops_tui.bpf.insns import R0, Insn, encode, exit_, mov
from stops_tui.bpf.syscall import Bpf, opened
from stops_tui.btf import Btf, Composite, Kind
from tests.support.btf_builder import BtfBuilder
from tests.support.guest import PATIENCE

TCP = "tcp_congestion_ops"
TCP_MANDATORY = ("ssthresh", "undo_cwnd", "cong_avoid")
STATES = ("INIT", "INUSE", "TOBEFREE", "READY")
AVAILABLE = Path("/proc/sys/net/ipv4/tcp_available_congestion_control")

MAY_BE_DEFAULT = {"flags": (1).to_bytes(4, "little")}
"""TCP_CONG_NON_RESTRICTED: else a namespace that inherits a default never lets go of it."""

RETURN_0: tuple[Insn, ...] = (mov(R0, 0), exit_())


def available() -> set[str]:
    """The congestion controls that a socket may ask for."""
    return set(AVAILABLE.read_text().split())


def eventually(true: Callable[[], bool], seconds: float = 5) -> bool:
    """Whether it becomes true in time; the kernel frees some things a moment later."""
    end = time.monotonic() + seconds * PATIENCE
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def open_bpf_fds() -> list[str]:
    """The BPF objects that this process has open, as "5 anon_inode:bpf-map"."""
    found = []
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # the one that lists them is among them
            link = str(entry.readlink())
            if link.startswith(("anon_inode:bpf", "anon_inode:btf")):
                found.append(f"{entry.name} {link}")
    return sorted(found)


@dataclass(frozen=True)
class Layout:
    """Where the members of a struct_ops type are, by the running kernel's BTF."""

    type_id: int
    value_type_id: int
    value_size: int
    data_offset: int
    indexes: Mapping[str, int]
    offsets: Mapping[str, int]

    @classmethod
    def of(cls, btf: Btf, name: str) -> Layout:
        type_id = btf.find(name, Kind.STRUCT)
        value_type_id = btf.find(f"bpf_struct_ops_{name}", Kind.STRUCT)
        assert type_id and value_type_id, f"this kernel has no {name}"
        members, value = _composite(btf, type_id).members, _composite(btf, value_type_id)
        return cls(
            type_id,
            value_type_id,
            value.size,
            next(field.bit_offset // 8 for field in value.members if field.name == "data"),
            {field.name: index for index, field in enumerate(members)},
            {field.name: field.bit_offset // 8 for field in members},
        )

    def value(self, members: Mapping[str, int | bytes]) -> bytes:
        """A value to give to the kernel: program fds by function member, bytes by data member."""
        value = bytearray(self.value_size)
        for name, content in members.items():
            data = struct.pack("=Q", content) if isinstance(content, int) else content
            start = self.data_offset + self.offsets[name]
            value[start : start + len(data)] = data
        return bytes(value)


@dataclass
class LiveLink:
    """A link of ours. `fd` keeps it; closing it (`drop`) is the end of an unpinned link."""

    fd: int
    id: int

    def drop(self) -> None:
        """Close our file descriptor; once only."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)


@dataclass
class LiveMap:
    """A struct_ops map of ours.

    Attributes:
        fd: Our file descriptor; -1 after `drop`.
        id: The map id.
        name: Its name, and its congestion control's.
        value: What `register` writes.
        programs: Program ids by member.
    """

    bpf: Bpf
    fd: int
    id: int
    name: str
    value: bytes
    programs: dict[str, int] = field(default_factory=dict)

    @property
    def state(self) -> str:
        """The state in the value, without BPF_STRUCT_OPS_STATE_."""
        return STATES[self._header()[1]]

    @property
    def refcnt(self) -> int:
        """The reference count in the value."""
        return self._header()[0]

    def _header(self) -> tuple[int, int]:
        value = self.bpf.map_lookup_elem(self.fd, len(self.value))
        refcnt, state = struct.unpack_from("=II", value)
        return refcnt, state

    def register(self) -> None:
        """INIT → INUSE, or READY for a map with BPF_F_LINK."""
        self.bpf.map_update_elem(self.fd, self.value)

    def unregister(self) -> None:
        """INUSE → TOBEFREE."""
        self.bpf.map_delete_elem(self.fd)

    def drop(self) -> None:
        """Close our file descriptor; once only."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    @contextmanager
    def link(self) -> Iterator[LiveLink]:
        """A link on this map, until the end of the block."""
        fd = self.bpf.link_create(self.fd)
        link = LiveLink(fd, self.bpf.link_get_info_by_fd(fd).id)
        try:
            yield link
        finally:
            link.drop()


class Kit:
    """Makes things in the running kernel, and knows what it made.

    Attributes:
        links: Whether it has struct_ops links (BPF_F_LINK, since 6.4).
    """

    def __init__(self) -> None:
        self.bpf = Bpf()
        self.btf = Btf.parse(Path("/sys/kernel/btf/vmlinux").read_bytes())
        states = self.btf.type(self.btf.find("bpf_struct_ops_state", Kind.ENUM) or 0)
        self.links = any(value.name.endswith("READY") for value in getattr(states, "values", ()))
        self.token = secrets.token_hex(3)
        self.map_ids: set[int] = set()
        self._counter = count(1)
        self._layouts: dict[str, Layout] = {}

    def name(self, prefix: str = "t") -> str:
        """A name that nobody has; a prefix of up to 6 letters leaves room for 999 of them."""
        name = f"{prefix}{self.token}{next(self._counter)}"
        assert len(name) <= 15, name
        return name

    def need_links(self) -> None:
        """Skip the test on a kernel without struct_ops links."""
        if not self.links:
            pytest.skip("this kernel has no struct_ops links: they came with 6.4")

    def layout(self, struct_name: str = TCP) -> Layout:
        """Where the members of a struct_ops type are."""
        if struct_name not in self._layouts:
            self._layouts[struct_name] = Layout.of(self.btf, struct_name)
        return self._layouts[struct_name]

    @contextmanager
    def program(
        self,
        member: str = "ssthresh",
        struct_name: str = TCP,
        insns: tuple[Insn, ...] = RETURN_0,
        name: str | None = None,
        btf: bool = True,
    ) -> Iterator[int]:
        """The file descriptor of a loaded program for a member.

        Its function is called `name`, or stops_test_<member> (longer than bpf_prog_info has room
        for); without `btf` only the 15 characters in bpf_prog_info tell.
        """
        function = name or f"stops_test_{member}"
        layout = self.layout(struct_name)
        with ExitStack() as stack:
            btf_fd = stack.enter_context(opened(self.bpf.btf_load(_program_btf(function))))
            fd = self.bpf.prog_load(
                encode(insns),
                attach_btf_id=layout.type_id,
                expected_attach_type=layout.indexes[member],
                name=function[:15],
                btf_fd=btf_fd if btf else 0,
                func_info=struct.pack("=II", 0, _FUNC_TYPE_ID) if btf else b"",
            )
            stack.enter_context(opened(fd))
            yield fd

    @contextmanager
    def struct_ops_map(
        self,
        struct_name: str,
        members: Mapping[str, int | bytes],
        *,
        link: bool = False,
        name: str | None = None,
    ) -> Iterator[LiveMap]:
        """A map of any type in INIT; `members` as in `Layout.value`.

        The test is skipped where the kernel has not what `link` asks for.
        """
        if link:
            self.need_links()
        layout, name = self.layout(struct_name), name or self.name()
        with opened(self.bpf.btf_load(_program_btf("unused"))) as btf_fd:
            fd = self.bpf.map_create(
                value_size=layout.value_size,
                flags=BPF_F_LINK if link else 0,
                name=name,
                btf_fd=btf_fd,
                value_type_id=layout.value_type_id,
            )
        made = LiveMap(
            self.bpf, fd, self.bpf.map_get_info_by_fd(fd).id, name, layout.value(members)
        )
        self.map_ids.add(made.id)
        try:
            yield made
        finally:
            made.drop()
            self.free(made.id)

    @contextmanager
    def tcp_map(
        self,
        *,
        link: bool = False,
        state: str | None = None,
        name: str | None = None,
        members: tuple[str, ...] = TCP_MANDATORY,
        programs: Mapping[str, int] | None = None,
        data: Mapping[str, bytes] | None = None,
    ) -> Iterator[LiveMap]:
        """A tcp_congestion_ops map.

        Args:
            link: Make it with BPF_F_LINK.
            state: INIT, INUSE (without a link; the default), TOBEFREE, or READY (with a link; the
                default).
            name: Of the map and the congestion control; else a new one.
            members: The functions to implement.
            programs: Program fds by member, for those that are not to be loaded here.
            data: More data members.
        """
        name = name or self.name()
        state = state or ("READY" if link else "INUSE")
        fds = dict(programs or {})
        with ExitStack() as stack:
            for member in members:
                if member not in fds:
                    fds[member] = stack.enter_context(self.program(member))
            content: dict[str, int | bytes] = {**fds, "name": name.encode(), **(data or {})}
            made = stack.enter_context(self.struct_ops_map(TCP, content, link=link, name=name))
            made.programs = {
                member: self.bpf.prog_get_info_by_fd(fds[member]).id for member in members
            }
            if state != "INIT":
                made.register()
            if state == "TOBEFREE":
                made.unregister()
            yield made

    def free(self, map_id: int) -> None:
        """Unregister a map that is still registered; nothing if it is gone or is not."""
        with suppress(BpfError), opened(self.bpf.map_get_fd_by_id(map_id)) as fd:
            self.bpf.map_delete_elem(fd)

    def free_ours(self) -> None:
        """Unregister every map with a name of this kit in it, whichever process made it."""
        maps = set()
        map_id = self.bpf.map_get_next_id(0)
        while map_id is not None:
            with suppress(BpfError), opened(self.bpf.map_get_fd_by_id(map_id)) as fd:
                info = self.bpf.map_get_info_by_fd(fd)
                if info.type == MAP_TYPE_STRUCT_OPS:
                    value = self.bpf.map_lookup_elem(fd, info.value_size)
                    if self.token.encode() in value:
                        maps.add(map_id)
                        self.bpf.map_delete_elem(fd)  # refused where a link registers it
            map_id = self.bpf.map_get_next_id(map_id)
        self._detach(maps)
        self.map_ids.clear()

    def _detach(self, maps: Container[int]) -> None:
        link_id = self.bpf.link_get_next_id(0)
        while link_id is not None:
            with suppress(BpfError), opened(self.bpf.link_get_fd_by_id(link_id)) as fd:
                if self.bpf.link_get_info_by_fd(fd).map_id in maps:
                    self.bpf.link_detach(fd)
            link_id = self.bpf.link_get_next_id(link_id)

    def map_exists(self, map_id: int) -> bool:
        """Whether a map id is still in use."""
        try:
            os.close(self.bpf.map_get_fd_by_id(map_id))
        except BpfError:
            return False
        return True

    def left(self) -> list[str]:
        """What of ours is still in the kernel, in words."""
        maps = [f"map {map_id}" for map_id in sorted(self.map_ids) if self.map_exists(map_id)]
        return maps + [f"congestion control {name}" for name in available() if self.token in name]

    @contextmanager
    def listener(self, name: str | None = None) -> Iterator[socket.socket]:
        """A listening socket on loopback; its accepted children inherit `name`."""
        with closing(socket.socket()) as listening:
            if name:
                use(listening, name)
            listening.bind(("127.0.0.1", 0))
            listening.listen(128)
            yield listening

    @contextmanager
    def clients(
        self, name: str, number: int, listening_name: str | None = None
    ) -> Iterator[list[socket.socket]]:
        """Connected client sockets on loopback that use a congestion control: one holder each.

        With `listening_name`, the listener and each accepted child use that one.
        """
        with self.listener(listening_name) as listening, connected(listening, number, name) as made:
            yield made


def use(client: socket.socket, name: str) -> None:
    """Give a socket a congestion control."""
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, name.encode())


def reset_at_close(client: socket.socket) -> None:
    """Let closing it leave nothing behind: a socket in FIN_WAIT holds its map."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@contextmanager
def connected(server: socket.socket, number: int, name: str = "") -> Iterator[list[socket.socket]]:
    """Clients of a listening socket of this namespace; `name`: by this congestion control."""
    with ExitStack() as stack:
        clients = []
        for _ in range(number):
            client = stack.enter_context(closing(socket.socket()))
            reset_at_close(client)
            if name:
                use(client, name)
            client.connect(server.getsockname())
            stack.enter_context(closing(server.accept()[0]))
            clients.append(client)
        yield clients


_FUNC_TYPE_ID = 5


def _program_btf(function: str) -> bytes:
    """BTF of `unsigned int FUNCTION(unsigned long long *ctx)`, as clang makes it for BPF_PROG()."""
    btf = BtfBuilder("<" if struct.pack("=H", 1)[0] else ">")
    returns = btf.integer("unsigned int", 4)
    context = btf.ptr(btf.integer("unsigned long long", 8))
    proto = btf.func_proto(returns, [("ctx", context)])
    assert btf.func(function, proto) == _FUNC_TYPE_ID
    return btf.data()


def _composite(btf: Btf, type_id: int) -> Composite:
    found = btf.type(type_id)
    assert isinstance(found, Composite)
    return found
