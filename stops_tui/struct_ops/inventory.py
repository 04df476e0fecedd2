"""Every struct_ops map, program and link of a kernel at one moment, decoded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stops_tui.kernels.kernel import RawLink, RawMap, RawProgram
from stops_tui.struct_ops.types import Member, StructOpsType


@dataclass(frozen=True, slots=True)
class MemberValue:
    """What one member of a map's value holds.

    Attributes:
        member: Which member.
        prog_id: The program behind a function member; 0 if it is not set, or is data.
        text: The value of a data member as a person reads it: `"bpf_dctcp"`, `NEEDS_ECN (0x2)`,
            `0`; control characters are escaped. "" for a function member.
        is_set: Whether it differs from all zeroes.
    """

    member: Member
    prog_id: int = 0
    text: str = ""
    is_set: bool = False


@dataclass(frozen=True, slots=True)
class Program:
    """A program behind some member, with what its own BTF adds.

    Attributes:
        raw: What bpf(2) says of it.
        name: The whole C function name where its BTF has one, else `raw.name`.
        prototype: Its C prototype by its BTF, `u32 dctcp_ssthresh(struct sock *sk)`; "" without.
    """

    raw: RawProgram
    name: str
    prototype: str = ""

    @property
    def id(self) -> int:
        """The program id."""
        return self.raw.id


@dataclass(frozen=True, slots=True)
class StructOpsMap:
    """One struct_ops map, decoded.

    Attributes:
        raw: What bpf(2) says of it, the value's bytes included.
        type: Its type; None where its value type could not be read (the reason in `problem`).
        state: "INIT", "INUSE", "TOBEFREE" or "READY": what the kernel says.
        status: What that means together with links and subsystem (see `status.py`).
        refcnt: The value's reference count: the subsystem's users, and 1 for a registration or
            link.
        holders: `refcnt` less registration and links; never negative, 0 in INIT.
        links: The ids of links attached to it, ascending.
        members: Every member's value, in the order of the struct.
        problem: Why it could not be decoded; "" if it could.
    """

    raw: RawMap
    type: StructOpsType | None
    state: str
    status: str
    refcnt: int
    holders: int
    links: tuple[int, ...]
    members: tuple[MemberValue, ...]
    problem: str = ""

    @property
    def id(self) -> int:
        """The map id."""
        return self.raw.id

    @property
    def name(self) -> str:
        """The map's name as given to BPF_MAP_CREATE."""
        return self.raw.name

    @property
    def type_name(self) -> str:
        """The struct it implements, "tcp_congestion_ops"; "?" where that is unknown."""
        return self.type.name if self.type else "?"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All of it at one moment. A sweep that found no change returns the snapshot before it.

    Attributes:
        time: Seconds since the epoch of the sweep that found this.
        maps: By id, ascending.
        programs: Those behind members of `maps`, by id.
        links: All struct_ops links, detached ones too, by id.
    """

    time: float
    maps: Mapping[int, StructOpsMap] = field(default_factory=dict)
    programs: Mapping[int, Program] = field(default_factory=dict)
    links: Mapping[int, RawLink] = field(default_factory=dict)
