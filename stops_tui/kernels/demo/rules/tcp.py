"""Congestion controls (net/ipv4/tcp_cong.c, net/ipv4/bpf_tcp_ca.c) and the sockets under them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from errno import EEXIST, EINVAL
from random import Random

from stops_tui.kernels.demo.objects import DemoMap
from stops_tui.kernels.demo.rules.subsystem import FINE, NAME, Subsystem
from stops_tui.kernels.users import RawNetns

KERNEL_RESIDENT = ("reno", "cubic")
KNOWN_FLAGS = 0x1F
"""TCP_CONG_MASK: a value with any other bit is refused."""

CALLS = {"cong_avoid": 60.0, "in_ack_event": 80.0, "pkts_acked": 60.0, "cwnd_event": 0.8,
         "set_state": 0.4, "ssthresh": 0.2, "undo_cwnd": 0.02, "init": 0.1}  # fmt: skip
"""Calls a second for one socket under load."""


@dataclass
class DemoSocket:
    """A TCP socket under some map's congestion control."""

    inode: int
    map_id: int
    netns: int
    pid: int
    comm: str
    local: str
    remote: str
    state: str = "ESTABLISHED"


class Tcp(Subsystem):
    """What TCP has registered, and who uses it.

    Attributes:
        registered: The map of each registered name.
        sockets: Those under a map's congestion control.
        defaults: The map that is the default of a network namespace, by its inode.
        namespaces: By inode, this one first.
    """

    MANDATORY = ("ssthresh", "undo_cwnd")
    HAS_UPDATE = True

    def __init__(self, dice: Random) -> None:
        self.registered: dict[bytes, int] = {}
        self.sockets: list[DemoSocket] = []
        self.defaults: dict[int, int] = {}
        self.namespaces = {
            found.inode: found
            for found in (
                RawNetns(4026531840, "", 1, "systemd", ours=True),
                RawNetns(4026532301, "web", 812, "nginx"),
                RawNetns(4026532388, "db", 977, "postgres"),
            )
        }
        self._dice = dice
        self._last_inode = 31_000

    def validate(self, new: DemoMap) -> int:
        """bpf_tcp_ca_init_member(), tcp_validate_congestion_control()."""
        given = {name for name, _ in new.programs()}
        if not new.is_terminated("name") or not NAME.fullmatch(new.text("name")):
            return EINVAL
        if new.data("key") or new.data("flags") & ~KNOWN_FLAGS:
            return EINVAL
        if not given & {"cong_avoid", "cong_control"}:
            return EINVAL
        return super().validate(new)

    def register(self, new: DemoMap) -> int:
        """tcp_register_congestion_control(): one of a name."""
        name = new.text("name")
        if name in self.registered or name.decode() in KERNEL_RESIDENT:
            return EEXIST
        self.registered[name] = new.id
        return FINE

    def unregister(self, old: DemoMap) -> None:
        """tcp_unregister_congestion_control(): sockets keep what they have."""
        if self.registered.get(old.text("name")) == old.id:
            del self.registered[old.text("name")]

    def update(self, old: DemoMap, new: DemoMap) -> int:
        """tcp_update_congestion_control(): the same name only."""
        if old.text("name") != new.text("name"):
            return EINVAL
        self.registered[new.text("name")] = new.id
        return FINE

    def users(self, map_id: int) -> int:
        """Its sockets, and the namespaces whose default it is."""
        sockets = sum(found.map_id == map_id for found in self.sockets)
        return sockets + sum(found == map_id for found in self.defaults.values())

    def names(self) -> tuple[str, ...]:
        """What tcp_available_congestion_control says."""
        return (*KERNEL_RESIDENT, *(name.decode() for name in self.registered))

    def rates(self, registered: Iterable[DemoMap]) -> dict[tuple[int, str], float]:
        """More sockets, more calls; also those of a map that is not registered any more."""
        counts = Counter(found.map_id for found in self.sockets if found.state == "ESTABLISHED")
        return {
            (map_id, member): count * calls
            for map_id, count in counts.items()
            for member, calls in CALLS.items()
        }

    def open(self, name: str, netns: int, remote: str, state: str = "ESTABLISHED") -> DemoSocket:
        """A socket under a registered name, of the process that its namespace is known by.

        Raises:
            KeyError: No map is registered under the name.
        """
        self._last_inode += self._dice.randrange(1, 9)
        place = self.namespaces[netns]
        port = 443 if place.name == "web" else 5432
        sock = DemoSocket(
            self._last_inode,
            self.registered[name.encode()],
            netns,
            place.pid,
            place.comm,
            f"10.0.{netns % 7}.1:{port}",
            remote,
            state,
        )
        self.sockets.append(sock)
        return sock

    def set_load(self, name: str, netns: int, wanted: int, most: int = 3) -> None:
        """Come nearer to so many connections under a name; a few at a time, as clients do."""
        map_id = self.registered.get(name.encode(), 0)
        here = [s for s in self.sockets if s.map_id == map_id and s.netns == netns]
        step = min(most, abs(wanted - len(here)))
        if not map_id:
            return
        for _ in range(step if wanted > len(here) else 0):
            self.open(name, netns, f"198.51.100.{self._dice.randrange(1, 30)}:{self._port()}")
        if wanted < len(here):
            self.close(self._dice.sample(here, step))

    def close(self, sockets: Iterable[DemoSocket]) -> None:
        """These sockets are closed."""
        gone = {sock.inode for sock in sockets}
        self.sockets = [sock for sock in self.sockets if sock.inode not in gone]

    def _port(self) -> int:
        return self._dice.randrange(32768, 60999)
