"""Who holds the fake kernel's maps: what a test sets is what is answered."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from stops_tui.kernels.users import (
    RawHidDevice,
    RawLog,
    RawNetns,
    RawQdisc,
    RawQdiscs,
    RawSchedExt,
    RawSocket,
    RawTcpGroup,
    RawTcpNetns,
    RawTcpUsers,
)

HOST = RawNetns(4026531840, pid=1, comm="systemd")


class FakeUsers:
    """Keeps `Users`.

        kernel.users.add_sockets(58, 3, "nginx", 812, RawNetns(4026532000, "web"))
        kernel.users.add_default(58, HOST)

    Attributes:
        looks: How often anything was asked.
        by_name: Why sockets are known by name only.
        unseen: What could not be looked at: of TCP, and of qdiscs.
        default_qdisc: net.core.default_qdisc.
        qdisc_instances: All there are.
        sched_ext_now: What sched_ext says.
        log: What the kernel's log says of it.
        hid_devices: Those that are there, by id.
    """

    def __init__(self) -> None:
        self.looks = 0
        self.by_name = ""
        self.unseen: tuple[str, ...] = ()
        self.default_qdisc = "pfifo_fast"
        self.qdisc_instances: list[RawQdisc] = []
        self.sched_ext_now: RawSchedExt | None = None
        self.log: tuple[str, ...] = ()
        self.hid_devices: dict[int, RawHidDevice] = {}
        self._sockets: dict[tuple[int, int], list[RawSocket]] = {}
        self._defaults: set[tuple[int, int]] = set()
        self._namespaces: dict[int, RawNetns] = {}

    def add_sockets(
        self, map_id: int, number: int, comm: str = "", pid: int = 0, netns: RawNetns = HOST
    ) -> None:
        """Established connections of one process, each with a peer of its own."""
        self._namespaces[netns.inode] = netns
        sockets = self._sockets.setdefault((netns.inode, map_id), [])
        for nth in range(len(sockets), len(sockets) + number):
            local, remote = "192.0.2.1:443", f"198.51.100.{nth % 250 + 1}:{40_000 + nth}"
            sockets.append(
                RawSocket(
                    netns.inode, "ESTABLISHED", local, remote, 90_000 + nth, 10,
                    1_500 if nth else 38, 2_000 * nth, 300 * nth, pid, comm,
                )
            )  # fmt: skip

    def add_default(self, map_id: int, netns: RawNetns = HOST) -> None:
        """A namespace whose default it is."""
        self._namespaces[netns.inode] = netns
        self._defaults.add((netns.inode, map_id))

    def close_sockets(self, map_id: int) -> None:
        """All sockets of a map, in every namespace."""
        for key in [key for key in self._sockets if key[1] == map_id]:
            del self._sockets[key]

    def tcp(self, maps: Mapping[int, str]) -> RawTcpUsers:
        self.looks += 1
        found = []
        for inode, netns in sorted(self._namespaces.items()):
            numbers = {m: len(self._sockets.get((inode, m), ())) for m in maps}
            sockets = {map_id: number for map_id, number in numbers.items() if number}
            defaults = frozenset(m for m in maps if (inode, m) in self._defaults)
            if sockets or defaults:
                found.append(RawTcpNetns(netns, sockets, defaults))
        return RawTcpUsers(tuple(found), self.by_name, self.unseen)

    def tcp_groups(
        self, map_id: int, name: str, namespaces: Collection[int], most: int
    ) -> Mapping[int, tuple[RawTcpGroup, ...]]:
        self.looks += 1
        return {netns: self._groups(map_id, netns, most) for netns in namespaces}

    def _groups(self, map_id: int, netns: int, most: int) -> tuple[RawTcpGroup, ...]:
        groups: dict[tuple[int, str, str], int] = {}
        for socket in self._sockets.get((netns, map_id), ()):
            key = socket.pid, socket.comm, socket.remote.rpartition(":")[0]
            groups[key] = groups.get(key, 0) + 1
        ordered = sorted(groups.items(), key=lambda group: (-group[1], group[0]))
        return tuple(RawTcpGroup(number, *key) for key, number in ordered[:most])

    def tcp_sockets(self, map_id: int, name: str, netns: int, most: int) -> tuple[RawSocket, ...]:
        self.looks += 1
        return tuple(self._sockets.get((netns, map_id), ())[:most])

    def qdiscs(self, kinds: Collection[str]) -> RawQdiscs:
        self.looks += 1
        instances = tuple(qdisc for qdisc in self.qdisc_instances if qdisc.kind in kinds)
        return RawQdiscs(instances, self.default_qdisc, self.unseen)

    def sched_ext(self) -> RawSchedExt | None:
        self.looks += 1
        return self.sched_ext_now

    def sched_ext_log(self) -> RawLog:
        self.looks += 1
        return RawLog(self.log)

    def hid_device(self, hid_id: int) -> RawHidDevice | None:
        self.looks += 1
        return self.hid_devices.get(hid_id)
