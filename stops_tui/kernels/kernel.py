"""The protocol every kernel speaks, and the raw records it hands up.

Three kernels keep it: the running one (`kernels.live`), a simulated one and a recorded one.
Records are frozen and hold plain data: whoever has one needs no file descriptor to read it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, Protocol

from stops_tui.btf import Btf
from stops_tui.record import Record

if TYPE_CHECKING:
    from stops_tui.kernels.traffic import Traffic
    from stops_tui.kernels.users import Users
    from stops_tui.kernels.writes import Writes

ObjectKind = Literal["map", "prog", "link"]


class Host(Record):
    """Which kernel this is, in the words of the header: `vm · Linux 6.18.44 · root`.

    Attributes:
        name: The node name (uname -n).
        release: The kernel release (uname -r).
        machine: The architecture (uname -m), which names the JITed code's instruction set.
        user: The login name behind the effective uid.
        source: "live", "demo" or "recording".
    """

    name: str
    release: str
    machine: str
    user: str
    source: Literal["live", "demo", "recording"] = "live"


class RawMap(Record):
    """One BPF_MAP_TYPE_STRUCT_OPS map as bpf(2) tells it.

    Attributes:
        id: The map id.
        name: At most 15 bytes, as given to BPF_MAP_CREATE.
        flags: `map_flags`; BPF_F_LINK (1 << 13) marks a map that a link registers.
        value_type_id: `btf_vmlinux_value_type_id`: the struct bpf_struct_ops_X of `value`.
        btf_id: `btf_vmlinux_id`: the BTF object `value_type_id` is looked up in; 0 on kernels
            that do not say (before 6.9), meaning vmlinux.
        info: The whole `struct bpf_map_info`, as long as this kernel's (bpftool prints all of it).
        value: The value at key 0, function pointers as program ids; b"" if it could not be read.
    """

    id: int
    name: str
    flags: int
    value_type_id: int
    btf_id: int
    info: bytes
    value: bytes


class RawLink(Record):
    """One link of type BPF_LINK_TYPE_STRUCT_OPS; `map_id` is 0 once it is detached."""

    id: int
    map_id: int


class RawSweep(Record):
    """What one look at the kernel found. A map or link that went away meanwhile is left out."""

    maps: Mapping[int, RawMap]
    links: Mapping[int, RawLink]
    subsystems: RawSubsystems


class RawSubsystems(Record):
    """What subsystems say themselves, read from /sys only while a struct_ops map exists.

    Attributes:
        sched_ext_state: /sys/kernel/sched_ext/state ("enabled", "disabled", …); None: no sched_ext.
        sched_ext_ops: /sys/kernel/sched_ext/root/ops, the scheduler that runs; None: none does.
        hid_ids: The hex ids of /sys/bus/hid/devices (BUS:VID:PID.ID); None: no HID bus.
    """

    sched_ext_state: str | None = None
    sched_ext_ops: str | None = None
    hid_ids: frozenset[int] | None = None


class RunCount(Record):
    """How often a program ran and for how long, in ns; moves only while statistics are on."""

    run_cnt: int = 0
    run_time_ns: int = 0
    recursion_misses: int = 0


class RawProgram(Record):
    """One BPF_PROG_TYPE_STRUCT_OPS program as bpf(2) tells it (struct bpf_prog_info).

    Attributes:
        id: The program id.
        name: `name`, at most 15 bytes: cut off where the C function's name is longer.
        tag: 16 hex digits over the instructions.
        load_time: Seconds since the epoch.
        uid: `created_by_uid`.
        xlated_size: Bytes of translated instructions.
        jited_size: Bytes of JITed code.
        verified_insns: Instructions the verifier walked; 0 where the kernel does not say.
        map_ids: The maps its instructions use.
        btf_id: The program's own BTF object; 0: none.
        func_type_id: The BTF_KIND_FUNC of its first function in that BTF; 0: none.
        attach_btf_id: The struct it implements a member of (struct X, not the value struct).
        attach_btf_obj_id: The BTF object that id belongs to; 0 where the kernel does not say.
        runs: Run statistics at the time of reading.
        gpl_compatible: What the kernel made of the license.
    """

    id: int
    name: str
    tag: str
    load_time: float
    uid: int
    xlated_size: int
    jited_size: int
    verified_insns: int
    map_ids: tuple[int, ...]
    btf_id: int
    func_type_id: int
    attach_btf_id: int
    attach_btf_obj_id: int
    runs: RunCount
    gpl_compatible: bool = True


class RawCode(Record):
    """A program's code and all that is needed to print it without a kernel.

    Attributes:
        xlated: Translated instructions, 8 bytes each; b"" if the kernel withholds them.
        jited: JITed code of all functions, one after the other; b"" if withheld.
        jited_func_lens: Bytes of each function in `jited`.
        jited_ksyms: The kernel address of each function; 0 if withheld.
        func_info: (insn_off, type_id) of each function; offsets in instructions.
        line_info: (insn_off, file_name_off, line_off, line_col) as in struct bpf_line_info.
        jited_line_info: The JITed address of each line_info record.
        symbols: Kernel address → symbol name, for helpers and kfuncs that `xlated` calls, and
            for subprograms.
        maps: Map id → name, for the maps loaded by ldimm64.
        helpers: Helper id → name (enum bpf_func_id), those the kernel's BTF knows.
        call_base: The address of __bpf_call_base, which calls in `xlated` count from; 0 if unknown.
        withheld: Why instructions or call targets are missing, in words; "" if they are not.
    """

    xlated: bytes
    jited: bytes
    jited_func_lens: tuple[int, ...] = ()
    jited_ksyms: tuple[int, ...] = ()
    func_info: tuple[tuple[int, int], ...] = ()
    line_info: tuple[tuple[int, int, int, int], ...] = ()
    jited_line_info: tuple[int, ...] = ()
    symbols: Mapping[int, str] = MappingProxyType({})
    maps: Mapping[int, str] = MappingProxyType({})
    helpers: Mapping[int, str] = MappingProxyType({})
    call_base: int = 0
    withheld: str = ""


class RawPin(Record):
    """A path in a bpffs and the object it keeps alive."""

    path: str
    kind: ObjectKind
    id: int


class RawFd(Record):
    """A file descriptor of some process and the object it keeps alive."""

    pid: int
    comm: str
    fd: int
    kind: ObjectKind
    id: int


class RawHolders(Record):
    """Who keeps BPF objects alive from user space; `unseen` says what could not be looked at."""

    pins: tuple[RawPin, ...] = ()
    fds: tuple[RawFd, ...] = ()
    unseen: tuple[str, ...] = ()


class RawBpffs(Record):
    """One mounted bpffs: where objects can be pinned.

    Attributes:
        path: Where it is mounted.
        folders: Every folder in it by its whole path, `path` too.
    """

    path: str
    folders: frozenset[str]


class RawConditions(Record):
    """What decides, apart from BPF objects, whether something can be registered.

    Attributes:
        capabilities: Those this process has in effect, "CAP_BPF"; None where /proc does not tell.
        subsystems: What subsystems say, whether or not a struct_ops map exists.
        congestion_controls: The names in tcp_available_congestion_control; None: cannot be read.
        congestion_default: tcp_congestion_control of this network namespace; "" if unknown.
        bpffs: Every bpffs mounted here.
        rings: This process's file descriptors of io_uring rings; None where /proc does not tell.
    """

    capabilities: frozenset[str] | None = None
    subsystems: RawSubsystems = RawSubsystems()
    congestion_controls: tuple[str, ...] | None = None
    congestion_default: str = ""
    bpffs: tuple[RawBpffs, ...] = ()
    rings: frozenset[int] | None = None


class KernelBtf(Record):
    """One BTF of the kernel itself: vmlinux or a module.

    Attributes:
        name: "vmlinux" or the module's name.
        id: The BTF object id, as in `btf_vmlinux_id`; 0 if unknown.
        btf: Its types; a module's is split on vmlinux.
    """

    name: str
    id: int
    btf: Btf


class Obstacle(Record):
    """One thing that stands between the tool and this kernel.

    Attributes:
        what: What is missing, one line: "CAP_SYS_ADMIN is missing".
        hides: What cannot be seen without it.
        remedy: The exact command or step that mends it; "" if nothing does.
        exit_code: What a script ends with: 3 permission, 4 unsupported kernel.
    """

    what: str
    hides: str
    remedy: str
    exit_code: Literal[3, 4]


class KernelUnreadable(Exception):  # noqa: N818 (a state of the world, shown as a page)
    """This kernel cannot be read; `obstacles` says why and what mends it, the gravest first."""

    def __init__(self, obstacles: Sequence[Obstacle]) -> None:
        self.obstacles = tuple(obstacles)
        super().__init__("; ".join(obstacle.what for obstacle in obstacles))


class Kernel(Protocol):
    """A kernel with struct_ops, real or not. Methods may block; none keeps an object alive.

    An object that goes away between two calls is normal: it is left out, or None.
    """

    @property
    def host(self) -> Host:
        """Which kernel this is."""

    @property
    def writes(self) -> Writes:
        """What changes this kernel. The same object each time."""

    @property
    def users(self) -> Users:
        """Who in the kernel holds a map. The same object each time."""

    def now(self) -> float:
        """Seconds since the epoch of what a look shows: the past, of a recording."""

    def sweep(self, resting: Collection[int] = ()) -> RawSweep:
        """All struct_ops maps and links with their values, cheap enough for once a second.

        Records that did not change since the last sweep are the same objects as before; so is
        the sweep, if nothing changed.

        Args:
            resting: The ids of maps whose value need not be read: it is enough that they are still
                there, unless a link is on one.
        """

    def program(self, prog_id: int) -> RawProgram | None:
        """One struct_ops program; None if it is gone."""

    def programs(self) -> list[RawProgram]:
        """All struct_ops programs of the kernel, by id."""

    def run_counts(self, prog_ids: Iterable[int]) -> dict[int, RunCount]:
        """Run statistics of these programs; those gone are left out."""

    def count_runs(self, on: bool) -> None:
        """Switch run statistics on (BPF_ENABLE_STATS) or release them. Idempotent."""

    def code(self, prog_id: int) -> RawCode | None:
        """A program's translated and JITed code; None if it is gone."""

    def btf(self, btf_id: int) -> Btf | None:
        """The BTF object of this id (a program's, a module's or vmlinux's); None if gone.

        A BTF once read may be kept: its bytes never change and hold nothing alive.
        """

    def kernel_btfs(self) -> Sequence[KernelBtf]:
        """First vmlinux, then every module that has BTF; each may be read as it is reached."""

    def holders(self) -> RawHolders:
        """Pins and open file descriptors; costs a walk over /proc, so not part of a sweep."""

    def conditions(self) -> RawConditions:
        """What else decides whether something can be registered; some small reads."""

    def traffic(self, name: str, connections: int) -> Traffic:
        """Open TCP connections over loopback under a congestion control, and send over them.

        Args:
            name: The congestion control, as the subsystem knows it.
            connections: How many; at most MOST_CONNECTIONS.

        Raises:
            ReadOnly: Writing is not armed: connections hold the map.
        """

    def close(self) -> None:
        """Release what is held: run statistics. Idempotent."""
