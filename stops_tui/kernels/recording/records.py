"""The records of a recording, as they are in the file. Reading one trusts nothing in it.

Fields have the names and meanings of the raw records in `kernels.kernel`. Paths are bytes: they
need be no UTF-8. Whatever there may be many of is bounded.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

U32 = Annotated[int, Meta(ge=0, lt=1 << 32)]
U64 = Annotated[int, Meta(ge=0)]  # MessagePack has none beyond
TEXT_MOST = 4096
Text = Annotated[str, Meta(max_length=TEXT_MOST)]
Path = Annotated[bytes, Meta(max_length=4096)]
FEW = Meta(max_length=1 << 16)
"""Of entries of one kind in one record; more are spread over several, or left out."""


class Record(Struct, array_like=True, frozen=True):
    """An array in the file, its fields in order; those at the end may be missing or more."""


class Map(Record, frozen=True):
    """`RawMap`."""

    id: U32
    name: Text
    flags: U32
    value_type_id: U32
    btf_id: U32
    info: Annotated[bytes, FEW]
    value: Annotated[bytes, FEW]


class Link(Record, frozen=True):
    """`RawLink`."""

    id: U32
    map_id: U32


class Subsystems(Record, frozen=True):
    """`RawSubsystems`, with the lines of the kernel's log that say why schedulers ended."""

    sched_ext_state: Text | None
    sched_ext_ops: Text | None
    hid_ids: Annotated[list[U32], FEW] | None
    log: Annotated[list[Text], FEW] = []


class RunCount(Record, frozen=True):
    """`RunCount`, with the program it is of."""

    prog_id: U32
    run_cnt: U64
    run_time_ns: U64
    recursion_misses: U64


class Pin(Record, frozen=True):
    """`RawPin`."""

    path: Path
    kind: Literal["map", "prog", "link"]
    id: U32


class Fd(Record, frozen=True):
    """`RawFd`."""

    pid: U32
    comm: Text
    fd: U32
    kind: Literal["map", "prog", "link"]
    id: U32


class Bpffs(Record, frozen=True):
    """`RawBpffs`."""

    path: Path
    folders: Annotated[list[Path], FEW]


class Start(Record, frozen=True, tag=0):
    """How it began.

    Attributes:
        time: Seconds since the epoch.
        interval: Seconds between two looks.
        name, release, machine, user: `Host`.
        version: The version of the tool that recorded.
        redacted: Whether names, paths and code were left out (see `redact`).
    """

    time: Annotated[float, Meta(ge=0, le=1e11)]
    interval: Annotated[float, Meta(ge=0, le=1e6)]
    name: Text
    release: Text
    machine: Text
    user: Text
    version: Text
    redacted: bool


class KernelBtf(Record, frozen=True, tag=1):
    """`KernelBtf`: vmlinux first, then the modules that are split on it."""

    name: Text
    id: U32
    data: bytes


class ProgramBtf(Record, frozen=True, tag=2):
    """A program's BTF object; without data: it is not known."""

    id: U32
    data: bytes


class Program(Record, frozen=True, tag=3):
    """`RawProgram`, but its runs."""

    id: U32
    name: Text
    tag: Text
    load_time: Annotated[float, Meta(ge=-1e11, le=1e11)]
    uid: U32
    xlated_size: U32
    jited_size: U32
    verified_insns: U32
    map_ids: Annotated[list[U32], FEW]
    btf_id: U32
    func_type_id: U32
    attach_btf_id: U32
    attach_btf_obj_id: U32
    gpl_compatible: bool


class Code(Record, frozen=True, tag=4):
    """`RawCode` of a program."""

    prog_id: U32
    xlated: bytes
    jited: bytes
    jited_func_lens: Annotated[list[U32], FEW]
    jited_ksyms: Annotated[list[U64], FEW]
    func_info: Annotated[list[tuple[U32, U32]], FEW]
    line_info: Annotated[list[tuple[U32, U32, U32, U32]], FEW]
    jited_line_info: Annotated[list[U64], FEW]
    symbols: Annotated[dict[U64, Text], FEW]
    maps: Annotated[dict[U32, Text], FEW]
    helpers: Annotated[dict[U32, Text], FEW]
    call_base: U64
    withheld: Text


class Change(Record, frozen=True, tag=5):
    """What a look found that differs from the look before.

    Attributes:
        maps: Those that came or changed.
        links: Those that came or changed.
        subsystems: What they say now; None: as before.
        runs: Run statistics that moved.
        gone_maps, gone_links, gone_programs: The ids of what went.
    """

    maps: Annotated[list[Map], FEW]
    links: Annotated[list[Link], FEW]
    subsystems: Subsystems | None
    runs: Annotated[list[RunCount], FEW]
    gone_maps: Annotated[list[U32], FEW]
    gone_links: Annotated[list[U32], FEW]
    gone_programs: Annotated[list[U32], FEW]


class Holders(Record, frozen=True, tag=6):
    """`RawHolders`."""

    pins: Annotated[list[Pin], FEW]
    fds: Annotated[list[Fd], FEW]
    unseen: Annotated[list[Text], FEW]


class Conditions(Record, frozen=True, tag=7):
    """`RawConditions`, but its subsystems."""

    capabilities: Annotated[list[Text], FEW] | None
    congestion_controls: Annotated[list[Text], FEW] | None
    congestion_default: Text
    bpffs: Annotated[list[Bpffs], FEW]


class End(Record, frozen=True, tag=8):
    """Why nothing more was recorded, in words."""

    why: Text


Entry = Start | KernelBtf | ProgramBtf | Program | Code | Change | Holders | Conditions | End
"""What a payload is an array of."""
