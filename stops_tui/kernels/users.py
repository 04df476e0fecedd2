"""Who in the kernel holds a struct_ops map: sockets, qdiscs, devices. Asked for, never swept.

Each look costs netlink dumps in every network namespace, or a walk over /sys. For a congestion
control it loads BPF programs that only read (iterators, and a map to count in) and unloads them: no
object is changed by it, but an audit log and other tools see them come and go. So a look is made
when a person or a script wants the account of a map, not once a second.
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
        ours: Whether this process is in it.
    """

    inode: int
    name: str = ""
    pid: int = 0
    comm: str = ""
    ours: bool = False


class RawTcpNetns(NamedTuple):
    """What one network namespace has of the maps asked for.

    Attributes:
        netns: Which one.
        sockets: Sockets by map id; no entry where there is none.
        defaults: The maps that its net.ipv4.tcp_congestion_control is: one at most, or, where it
            is known by name only, every map of that name.
    """

    netns: RawNetns
    sockets: Mapping[int, int] = MappingProxyType({})
    defaults: frozenset[int] = frozenset()


class RawTcpUsers(NamedTuple):
    """Every namespace with a socket or a default of the maps asked for.

    Attributes:
        namespaces: This process's own first, then by name and inode.
        by_name: Why a socket's map is known by the name of its congestion control only, so that
            maps of one name each show the sockets of all; "" if each was told by the struct that
            it points to.
        unseen: What could not be looked at, one line each, with the remedy.
    """

    namespaces: tuple[RawTcpNetns, ...] = ()
    by_name: str = ""
    unseen: tuple[str, ...] = ()


class RawTcpGroup(NamedTuple):
    """Sockets of one process with one peer.

    Attributes:
        sockets: How many.
        pid: The process that has them open; 0 if none can be seen.
        comm: That process's command.
        peer: The peer's address, without port; "" of sockets that have none.
    """

    sockets: int
    pid: int = 0
    comm: str = ""
    peer: str = ""


class RawSocket(NamedTuple):
    """One TCP socket, as inet_diag tells it.

    Attributes:
        netns: The inode of its network namespace.
        state: "ESTABLISHED", "LISTEN", … as in the kernel's enum, without TCP_.
        local: "127.0.0.1:8080" or "[::1]:8080"; "" of one that is not bound.
        remote: The same of the peer; "" of one that has none.
        inode: Of the socket, as in /proc/PID/fd; 0 if nobody has it open any more.
        cwnd: Segments it may have in flight.
        rtt_us: Smoothed round trip time, in µs.
        bytes_acked: Sent, and acknowledged by the peer.
        bytes_received: What the peer sent.
        pid: The process that has it open; 0 if none can be seen.
        comm: That process's command.
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


class RawQdisc(NamedTuple):
    """One instance of a queueing discipline.

    Attributes:
        kind: Its TCA_KIND, "fq": the id of its Qdisc_ops.
        netns: Where its device is.
        device: "eth0".
        handle: "1:", as tc prints it; "0:" of a device's default one.
        parent: "root", or the class it is under.
        packets: Sent so far.
        backlog: Bytes that wait in it.
        qlen: Packets that wait in it.
        drops: Packets it dropped.
    """

    kind: str
    netns: RawNetns
    device: str
    handle: str
    parent: str
    packets: int = 0
    backlog: int = 0
    qlen: int = 0
    drops: int = 0


class RawQdiscs(NamedTuple):
    """Every instance of the kinds asked for.

    Attributes:
        instances: By namespace and device.
        default: net.core.default_qdisc, one for all namespaces; "" if it could not be read.
        unseen: What could not be looked at, one line each, with the remedy.
    """

    instances: tuple[RawQdisc, ...] = ()
    default: str = ""
    unseen: tuple[str, ...] = ()


class RawSchedExt(NamedTuple):
    """What sched_ext says of itself, from /sys/kernel/sched_ext and /proc.

    What is None was not looked at.

    Attributes:
        state: "enabled", "disabled", "enabling", "disabling".
        ops: root/ops, the scheduler that runs; None: none does.
        switch_all: Whether every normal task is switched to it.
        nr_rejected: Tasks whose switch to SCHED_EXT was refused.
        enable_seq: How many schedulers were enabled since boot.
        events: root/events, by name.
        tasks: Tasks of the class now; None where /proc does not tell.
        unseen: What could not be read.
    """

    state: str
    ops: str | None = None
    switch_all: bool | None = False
    nr_rejected: int | None = 0
    enable_seq: int | None = 0
    events: Mapping[str, int] = MappingProxyType({})
    tasks: int | None = None
    unseen: tuple[str, ...] = ()


class RawLog(NamedTuple):
    """Lines of the kernel's log that speak of one thing.

    Attributes:
        lines: The newest last.
        unseen: Why there may be more.
    """

    lines: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()


class RawHidDevice(NamedTuple):
    """A HID device that is there: `0003:1234:5678.0001`, its name, bus and driver in words."""

    address: str
    name: str = ""
    bus: str = ""
    driver: str = ""


class Users(Protocol):
    """Looks for the kernel's own holders of a struct_ops map. Every method may block."""

    def tcp(self, maps: Mapping[int, str]) -> RawTcpUsers:
        """Sockets and defaults of congestion controls, in every network namespace; counts only.

        Args:
            maps: By map id, the name that the subsystem knows it by. One look serves all.
        """

    def tcp_groups(
        self, map_id: int, name: str, namespaces: Collection[int], most: int
    ) -> Mapping[int, tuple[RawTcpGroup, ...]]:
        """A map's sockets in some namespaces, by process and peer.

        Args:
            map_id: The map.
            name: As the subsystem knows it.
            namespaces: Their inodes. One look serves all; one that is gone is left out.
            most: Groups of each namespace, the largest first.
        """

    def tcp_sockets(self, map_id: int, name: str, netns: int, most: int) -> tuple[RawSocket, ...]:
        """The first `most` sockets of a map in one namespace, with all that is known of each."""

    def qdiscs(self, kinds: Collection[str]) -> RawQdiscs:
        """Instances of queueing disciplines (TCA_KIND), in every network namespace."""

    def sched_ext(self) -> RawSchedExt | None:
        """What sched_ext says; None where the kernel has none. Counts the threads of the host."""

    def sched_ext_log(self) -> RawLog:
        """What the kernel's log says of sched_ext: why it ended schedulers."""

    def hid_device(self, hid_id: int) -> RawHidDevice | None:
        """The HID device of this id; None if it is gone."""
