"""Who in the kernel holds a struct_ops map: sockets, qdiscs, devices. Asked for, never swept.

Each look costs netlink dumps in every network namespace, or a walk over /sys: it is made when a
person or a script wants the account of a map, not once a second.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import NamedTuple, Protocol


class RawNetns(NamedTuple):
    """A network namespace.

    Attributes:
        inode: The number in /proc/PID/ns/net, `net:[4026531840]`.
        name: Its name under /run/netns; "" if it has none.
        pid: A process in it; 0 if none can be seen.
        comm: That process's command.
    """

    inode: int
    name: str = ""
    pid: int = 0
    comm: str = ""


class RawTcpNetns(NamedTuple):
    """What one network namespace has under one congestion control's name.

    Attributes:
        netns: Which one.
        sockets: Those that inet_diag lists under the name.
        default: Whether net.ipv4.tcp_congestion_control of it is the name.
        by_map: Sockets by the id of the map whose struct they point to; None where they were not
            told apart. Map id 0: of none of the maps asked for.
        default_map: The map that its default points to; 0 if of none, None if not told apart.
    """

    netns: RawNetns
    sockets: int
    default: bool = False
    by_map: Mapping[int, int] | None = None
    default_map: int | None = None


class RawTcpUsers(NamedTuple):
    """Every namespace with a socket or a default under the name.

    Attributes:
        namespaces: By inode.
        ambiguous: Why sockets of maps of one name could not be told apart; "" if they could, or
            nobody asked.
        unseen: What could not be looked at, one line each, with the remedy.
    """

    namespaces: tuple[RawTcpNetns, ...] = ()
    ambiguous: str = ""
    unseen: tuple[str, ...] = ()


class RawSocket(NamedTuple):
    """One TCP socket, as inet_diag tells it.

    Attributes:
        netns: The inode of its network namespace.
        state: "ESTABLISHED", "LISTEN", … as in the kernel's enum, without TCP_.
        local: "127.0.0.1:8080" or "[::1]:8080".
        remote: The same of the peer; "" of one that has none.
        inode: Of the socket, as in /proc/PID/fd; 0 if nobody has it open any more.
        cwnd: Segments it may have in flight.
        rtt_us: Smoothed round trip time, in µs.
        bytes_acked: Sent, and acknowledged by the peer.
        bytes_received: What the peer sent.
        pid: The process that has it open; 0 if none can be seen.
        comm: That process's command.
        map_id: The map its struct belongs to; None where it was not told apart.
    """

    netns: int
    state: str
    local: str
    remote: str
    inode: int
    cwnd: int = 0
    rtt_us: int = 0
    bytes_acked: int = 0
    bytes_received: int = 0
    pid: int = 0
    comm: str = ""
    map_id: int | None = None


class RawQdisc(NamedTuple):
    """One instance of a queueing discipline.

    Attributes:
        netns: Where its device is.
        device: "eth0".
        handle: "1:", as tc prints it; "0:" of a device's default one.
        parent: "root", or the class it is under.
        packets: Sent so far.
        backlog: Bytes that wait in it.
        qlen: Packets that wait in it.
        drops: Packets it dropped.
    """

    netns: RawNetns
    device: str
    handle: str
    parent: str
    packets: int = 0
    backlog: int = 0
    qlen: int = 0
    drops: int = 0


class RawQdiscs(NamedTuple):
    """Every instance of one kind; `default`: net.core.default_qdisc names it."""

    instances: tuple[RawQdisc, ...] = ()
    default: bool = False
    unseen: tuple[str, ...] = ()


class RawSchedExt(NamedTuple):
    """What sched_ext says of itself, from /sys/kernel/sched_ext, /proc and the kernel's log.

    Attributes:
        state: "enabled", "disabled", "enabling", "disabling".
        ops: root/ops, the scheduler that runs; None: none does.
        switch_all: Whether every normal task is switched to it.
        nr_rejected: Tasks whose switch to SCHED_EXT was refused.
        enable_seq: How many schedulers were enabled since boot.
        events: root/events, by name.
        tasks: Tasks of the class now; None where /proc does not tell.
        log: Lines of the kernel's log that speak of sched_ext, the newest last.
        unseen: What could not be read.
    """

    state: str
    ops: str | None = None
    switch_all: bool = False
    nr_rejected: int = 0
    enable_seq: int = 0
    events: Mapping[str, int] = MappingProxyType({})
    tasks: int | None = None
    log: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()


class RawHidDevice(NamedTuple):
    """A HID device that is there: `0003:1234:5678.0001`, its name, bus and driver in words."""

    address: str
    name: str = ""
    bus: str = ""
    driver: str = ""


class Users(Protocol):
    """Looks for the kernel's own holders of a struct_ops map. Every method may block."""

    def tcp(self, name: str, tell_apart: Collection[int] = ()) -> RawTcpUsers:
        """Sockets and defaults under a congestion control, in every network namespace.

        Args:
            name: As the subsystem knows it.
            tell_apart: Maps of that name, by id: count the sockets of each by what they point to.
        """

    def tcp_sockets(
        self, name: str, netns: int, most: int, tell_apart: Collection[int] = ()
    ) -> tuple[RawSocket, ...]:
        """The first `most` sockets of one namespace under a name, with all that is known."""

    def qdiscs(self, kind: str) -> RawQdiscs:
        """Instances of a queueing discipline (TCA_KIND), in every network namespace."""

    def sched_ext(self) -> RawSchedExt | None:
        """What sched_ext says; None where the kernel has none."""

    def hid_device(self, hid_id: int) -> RawHidDevice | None:
        """The HID device of this id; None if it is gone."""
