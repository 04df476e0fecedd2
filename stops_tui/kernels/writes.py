"""The protocol by which a kernel is changed: one method a command, armed first.

`Kernel` only looks; what changes it goes through here, so that read-only is enforced below every
screen and every script. Objects that a caller keeps open are handles: no caller sees a file
descriptor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
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

    A program is loaded for the member it implements, which libbpf takes from a struct_ops variable
    of the object. Of each variable only the members here are set, whatever the file has there.

    Attributes:
        path: Where the file is, for people.
        data: Its bytes, those that were inspected.
        programs: The programs wanted, by struct_ops variable and member: the program's name. One
            program is at one member; a member of a variable takes one program.
    """

    path: str
    data: bytes = field(repr=False)
    programs: Mapping[str, Mapping[str, str]]


class LoadedObject(Protocol):
    """The programs of an object that were loaded; each keeps the maps it uses."""

    @property
    def programs(self) -> Mapping[str, Handle]:
        """Those that were wanted, by name; closed by `close`."""

    @property
    def messages(self) -> tuple[str, ...]:
        """What was left out of what the object asks, and what libbpf said; a line each."""

    def close(self) -> None:
        """Let all of it go: what is in no map is unloaded. Idempotent."""


@dataclass(frozen=True, slots=True)
class Libbpf:
    """The library that loads objects.

    Attributes:
        path: The file, or the name it is known by: "libbpf.so.1".
        version: As it says itself, "1.4"; "" if it was not found.
        level: The newest version whose functions it has: what it is able to.
        problem: Why nothing can be loaded by it, and what to install; "" if it can.
    """

    path: str
    version: str = ""
    level: tuple[int, int] = (0, 0)
    problem: str = ""

    def __str__(self) -> str:
        return f"libbpf {self.version}".rstrip()


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

    def libbpf(self) -> Libbpf:
        """The library that `load_object` takes; looked for at each call, nothing is changed."""

    def load_object(self, new: NewObject) -> LoadedObject:
        """Load programs of an object file by libbpf; all of them, or none.

        `listen` is told of one call for the whole (bpf_object__load), after one for each program
        that stays loaded (BPF_PROG_LOAD).

        Raises:
            BpfError: BPF_PROG_LOAD where the verifier refuses a program, which `program` names,
                with its log; else bpf_object__open or bpf_object__load, with libbpf's messages as
                the log. There is nothing of the object in the kernel then.
        """

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
