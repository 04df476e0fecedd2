"""Queueing disciplines (net/sched/bpf_qdisc.c): their instances keep them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from errno import EEXIST, EINVAL

from stops_tui.kernels.demo.objects import DemoMap
from stops_tui.kernels.demo.rules.subsystem import FINE, NAME, Subsystem
from stops_tui.kernels.users import RawNetns, RawQdisc

IN_USE = ("noqueue", "fq_codel", "pfifo_fast")
CALLS = {"enqueue": 900.0, "dequeue": 1_100.0}
"""Calls a second for one instance."""


@dataclass(frozen=True)
class Instance:
    """One instance on a device, of the map whose struct it points to."""

    map_id: int
    kind: str
    netns: RawNetns
    device: str
    handle: str
    packets: float = 0.0


class Qdisc(Subsystem):
    """What is registered, by its id, and its instances."""

    MANDATORY = ("enqueue", "dequeue", "init", "reset", "destroy")

    def __init__(self) -> None:
        self.registered: dict[bytes, int] = {}
        self.instances: list[Instance] = []

    def validate(self, new: DemoMap) -> int:
        """bpf_qdisc_init_member(), bpf_qdisc_validate()."""
        if not new.is_terminated("id") or not NAME.fullmatch(new.text("id")):
            return EINVAL
        if new.data("priv_size"):
            return EINVAL
        return super().validate(new)

    def register(self, new: DemoMap) -> int:
        """register_qdisc(): one of an id."""
        if new.text("id") in self.registered or new.text("id").decode() in IN_USE:
            return EEXIST
        self.registered[new.text("id")] = new.id
        return FINE

    def unregister(self, old: DemoMap) -> None:
        """unregister_qdisc(): instances stay."""
        if self.registered.get(old.text("id")) == old.id:
            del self.registered[old.text("id")]

    def users(self, map_id: int) -> int:
        """Its instances."""
        return sum(found.map_id == map_id for found in self.instances)

    def rates(self, registered: Iterable[DemoMap]) -> dict[tuple[int, str], float]:
        """Those that have instances are called."""
        return {
            (map_id, member): self.users(map_id) * calls
            for map_id in {found.map_id for found in self.instances}
            for member, calls in CALLS.items()
        }

    def add(self, kind: str, netns: RawNetns, device: str, handle: str) -> None:
        """`tc qdisc add dev DEVICE root handle HANDLE KIND`."""
        found = Instance(self.registered[kind.encode()], kind, netns, device, handle)
        self.instances.append(found)

    def remove(self, device: str) -> None:
        """`tc qdisc del dev DEVICE root`."""
        self.instances = [found for found in self.instances if found.device != device]

    def advance(self, seconds: float) -> None:
        """Packets of so many seconds."""
        self.instances = [
            replace(found, packets=found.packets + CALLS["dequeue"] * 0.8 * seconds)
            for found in self.instances
        ]

    def seen(self, kinds: Iterable[str]) -> tuple[RawQdisc, ...]:
        """What RTM_GETQDISC tells."""
        wanted = set(kinds)
        return tuple(
            RawQdisc(
                found.kind,
                found.netns,
                found.device,
                found.handle,
                "root",
                packets=int(found.packets),
                backlog=1514 * (int(found.packets) % 3),
                qlen=int(found.packets) % 3,
            )
            for found in self.instances
            if found.kind in wanted
        )
