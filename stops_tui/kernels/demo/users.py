"""Who in the demo kernel holds a map: the protocol `Users`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping
from threading import RLock

from stops_tui.kernels.demo.rules.tcp import DemoSocket
from stops_tui.kernels.demo.world import World
from stops_tui.kernels.users import (
    RawHidDevice,
    RawLog,
    RawQdiscs,
    RawSchedExt,
    RawSocket,
    RawTcpGroup,
    RawTcpNetns,
    RawTcpUsers,
)


class DemoUsers:
    """Keeps `Users`: everything can be seen."""

    def __init__(self, world: World, lock: RLock, advance: Callable[[], None]) -> None:
        """See `DemoWrites`."""
        self._world = world
        self._lock = lock
        self._advance = advance

    def tcp(self, maps: Mapping[int, str]) -> RawTcpUsers:
        """Sockets are told by the struct that they point to."""
        with self._lock:
            self._advance()
            tcp = self._world.tcp
            sockets: dict[int, Counter[int]] = defaultdict(Counter)
            for sock in tcp.sockets:
                if sock.map_id in maps:
                    sockets[sock.netns][sock.map_id] += 1
            found = (
                RawTcpNetns(
                    netns,
                    dict(sockets[inode]),
                    frozenset({tcp.defaults.get(inode, 0)} & maps.keys()),
                )
                for inode, netns in tcp.namespaces.items()
            )
            return RawTcpUsers(tuple(each for each in found if each.sockets or each.defaults))

    def tcp_groups(
        self, map_id: int, name: str, namespaces: Collection[int], most: int
    ) -> Mapping[int, tuple[RawTcpGroup, ...]]:
        """By process and peer, the largest first."""
        with self._lock:
            self._advance()
            groups: dict[int, Counter[tuple[int, str, str]]] = defaultdict(Counter)
            for sock in self._world.tcp.sockets:
                if sock.map_id == map_id and sock.netns in namespaces:
                    peer = sock.remote.rpartition(":")[0]
                    groups[sock.netns][sock.pid, sock.comm, peer] += 1
        return {
            inode: tuple(
                RawTcpGroup(count, pid, comm, peer)
                for (pid, comm, peer), count in found.most_common(most)
            )
            for inode, found in groups.items()
        }

    def tcp_sockets(self, map_id: int, name: str, netns: int, most: int) -> tuple[RawSocket, ...]:
        """Each with figures that fit one under load."""
        with self._lock:
            self._advance()
            found = [
                sock
                for sock in self._world.tcp.sockets
                if (sock.map_id, sock.netns) == (map_id, netns)
            ]
            return tuple(self._socket(sock) for sock in found[:most])

    def qdiscs(self, kinds: Collection[str]) -> RawQdiscs:
        """Instances in every namespace."""
        with self._lock:
            self._advance()
            return RawQdiscs(self._world.qdisc.seen(kinds), "fq_codel")

    def sched_ext(self) -> RawSchedExt | None:
        """What it says of itself."""
        with self._lock:
            self._advance()
            return self._world.sched_ext.says()

    def sched_ext_log(self) -> RawLog:
        """What its log says of schedulers that ended."""
        with self._lock:
            self._advance()
            return RawLog(tuple(self._world.sched_ext.log[-20:]))

    def hid_device(self, hid_id: int) -> RawHidDevice | None:
        """The device; None if it was unplugged."""
        with self._lock:
            self._advance()
            return self._world.hid.devices.get(hid_id)

    def _socket(self, sock: DemoSocket) -> RawSocket:
        age = self._world.time + sock.inode % 97
        return RawSocket(
            sock.netns,
            sock.state,
            sock.local,
            sock.remote,
            sock.inode,
            cwnd=10 + sock.inode % 53,
            rtt_us=900 + sock.inode * 37 % 8_000,
            bytes_acked=int(age * 48_000),
            bytes_received=int(age * 1_900),
            pid=sock.pid,
            comm=sock.comm,
        )
