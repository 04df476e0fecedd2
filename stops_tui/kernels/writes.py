"""The protocol by which a kernel is changed: one method a command, armed first.

`Kernel` only looks; what changes it goes through here, so that read-only is enforced below every
screen and every script. Objects that a caller keeps open are handles: no caller sees a file
descriptor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from stops_tui.bpf.insns import Insn

HandleKind = Literal["map", "prog", "link", "btf"]


class ReadOnly(Exception):  # noqa: N818 (a state, as KernelUnreadable is)
    """Writing is not armed: nothing was sent to the kernel."""


class Refused(Exception):  # noqa: N818 (the tool's own decision, not a failure)
    """A call that is known to wreck a kernel: it was not made.

    Attributes:
        command: "BPF_LINK_UPDATE".
        reason: Why not, in words.
    """

    def __init__(self, command: str, reason: str) -> None:
        self.command = command
        self.reason = reason
        super().__init__(f"{command} was not sent: {reason}")


class Handle(Protocol):
    """An object that is kept open, and so alive, until `close`."""

    @property
    def kind(self) -> HandleKind:
        """What it is."""

    @property
    def id(self) -> int:
        """The kernel's id of it."""

    def close(self) -> None:
        """Let it go. Idempotent. Closing the last handle of an unpinned link unregisters."""


@dataclass(frozen=True, slots=True)
class NewProgram:
    """A program to load (BPF_PROG_LOAD).

    Attributes:
        name: At most 15 characters of A-Za-z0-9_. .
        insns: Its instructions; kfunc calls carry BTF ids of the running kernel.
        type_id: `attach_btf_id`: struct X, not its value struct.
        member: `expected_attach_type`: the index of the member it implements.
        btf_id: The BTF object `type_id` belongs to; 0 or vmlinux's own id for vmlinux.
    """

    name: str
    insns: tuple[Insn, ...]
    type_id: int
    member: int
    btf_id: int = 0


@dataclass(frozen=True, slots=True)
class NewObject:
    """Programs of a BPF object file to load; libbpf does it (CO-RE, relocations, their maps).

    Attributes:
        path: Where the file is, for people.
        data: Its bytes, those that were inspected.
        programs: The programs wanted, by struct_ops variable and member: the program's name.
    """

    path: str
    data: bytes
    programs: Mapping[str, Mapping[str, str]]


class LoadedObject(Protocol):
    """An object that was loaded: programs, and the maps they use.

    Attributes:
        programs: By name; each is kept by the object, not by who uses it.
        messages: What libbpf said meanwhile, a line each; never printed.
    """

    @property
    def programs(self) -> Mapping[str, Handle]:
        """The programs that were wanted, by name."""

    @property
    def messages(self) -> tuple[str, ...]:
        """What libbpf said meanwhile."""

    def close(self) -> None:
        """Let all of it go. Idempotent."""


@dataclass(frozen=True, slots=True)
class NewMap:
    """A struct_ops map to create (BPF_MAP_CREATE).

    Attributes:
        name: At most 15 characters of A-Za-z0-9_. .
        value_type_id: struct bpf_struct_ops_X.
        value_size: Its bytes.
        link: Registered by a link (BPF_F_LINK), not by BPF_MAP_UPDATE_ELEM.
        btf_id: The BTF object `value_type_id` belongs to; 0 or vmlinux's own id for vmlinux.
    """

    name: str
    value_type_id: int
    value_size: int
    link: bool
    btf_id: int = 0


@dataclass(frozen=True, slots=True)
class Call:
    """One call that was meant to change the kernel, for the command log and the audit file.

    Attributes:
        time: Seconds since the epoch, when it returned.
        command: "BPF_MAP_UPDATE_ELEM", "mount", "unlink"; "close" of a link made here, whose last
            holder's end unregisters.
        arguments: By name, as a person reads them: objects by id, members by name.
        result: The id of the object it made; 0 where it made none.
        error: "" if it succeeded; else "EEXIST: the subsystem already has one of this name", or
            "not sent: …" where the tool refused.
    """

    time: float
    command: str
    arguments: Mapping[str, str | int]
    result: int
    error: str


class Writes(Protocol):
    """What changes a kernel. All but the `open_` methods raise ReadOnly unless armed.

    Methods raise BpfError where the kernel refuses, Refused where the tool does, OSError from
    mount(2) and unlink(2). No success is to be believed before it is seen: read again. Several
    threads may use it; one handle serves one at a time.
    """

    armed: bool
    """Whether the kernel may be changed. Off at the start."""

    listen: Callable[[Call], None] | None
    """Is told of every changing call after it returned, also of those that failed, in the thread
    that made it. What it raises is dropped: the call was made, whoever could be told of it."""

    def open_program(self, prog_id: int) -> Handle:
        """BPF_PROG_GET_FD_BY_ID."""

    def open_map(self, map_id: int) -> Handle:
        """BPF_MAP_GET_FD_BY_ID, writable."""

    def open_link(self, link_id: int) -> Handle:
        """BPF_LINK_GET_FD_BY_ID."""

    def open_pin(self, path: str) -> Handle:
        """BPF_OBJ_GET: whatever is pinned there."""

    def load_program(self, new: NewProgram) -> Handle:
        """BPF_PROG_LOAD; a refusal carries the verifier's log."""

    def load_btf(self) -> Handle:
        """BPF_BTF_LOAD of the smallest BTF there is: BPF_MAP_CREATE wants one, no kernel's own."""

    def create_map(self, new: NewMap, btf: Handle) -> Handle:
        """BPF_MAP_CREATE."""

    def update_map(self, target: Handle, value: bytes, programs: Mapping[int, Handle]) -> None:
        """BPF_MAP_UPDATE_ELEM, key 0: registers a plain map, makes a link map READY.

        Refused where a pointer that only the kernel may set, or the header, is not zero, where
        programs and function members do not fit together, and io_uring_bpf_ops without loop_step.

        Args:
            target: The map.
            value: The whole value struct; header and function members zero.
            programs: By byte offset in `value`: the program whose file descriptor goes there.
        """

    def delete_map(self, target: Handle) -> None:
        """BPF_MAP_DELETE_ELEM, key 0: unregisters a plain map."""

    def create_link(self, target: Handle) -> Handle:
        """BPF_LINK_CREATE: registers a READY map while the handle or a pin keeps the link."""

    def update_link(self, link: Handle, new: Handle, old: Handle) -> None:
        """BPF_LINK_UPDATE with BPF_F_REPLACE: put `new` where `old` is.

        Refused where the link holds `new` already, or what it holds cannot be read: a kernel may
        stop at that.
        """

    def detach_link(self, link: Handle) -> None:
        """BPF_LINK_DETACH: unregisters; the link stays, without a map."""

    def pin(self, target: Handle, path: str) -> None:
        """BPF_OBJ_PIN at a path in a bpffs whose folder exists."""

    def unpin(self, path: str, kind: HandleKind, object_id: int) -> None:
        """Remove a pin (unlink(2)); Refused unless this very object is pinned there.

        BpfError (of BPF_OBJ_GET) where nothing, or no BPF object, is at the path.
        """

    def mount_bpffs(self, path: str) -> None:
        """Mount a bpffs on an empty folder (mount(2)); it stays after this program's end.

        The folder is made if only it is missing. Refused where the mount would hide something.
        """
