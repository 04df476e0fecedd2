"""What happens in the demo kernel by itself: five minutes worth watching, again and again.

A web server's traffic rises under a congestion control; it is swapped for a new version under load;
old connections drain, and the old version goes. A scheduler stalls and is ejected, while its link
looks attached; its owner ends, another takes over. A queueing discipline is detached while two
devices still use it. A mouse with a fixup on it is unplugged.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Final

from stops_tui.bpf.errors import BpfError
from stops_tui.kernels.demo.objects import DemoLink, DemoMap
from stops_tui.kernels.demo.world import World
from stops_tui.kernels.kernel import ObjectKind, RawFd
from stops_tui.kernels.users import RawNetns

ROUND: Final = 300.0
"""Seconds after which the story begins anew."""
MOUSE: Final = 3
WEB: Final = "web_dctcp"

DCTCP: Final = {
    name: f"dctcp_{name}"
    for name in ("init", "ssthresh", "in_ack_event", "cong_avoid", "cwnd_event", "undo_cwnd")
}
OLD: Final = {name: f"stops_{name}" for name in ("ssthresh", "cong_avoid", "undo_cwnd", "init")}
SCHEDULER: Final = {name: f"fifo_{name}" for name in ("init", "enqueue", "dispatch", "exit")}
FIFO: Final = {name: f"fifo_{name}" for name in ("enqueue", "dequeue", "init", "reset", "destroy")}
FIXUP: Final = {"hid_device_event": "fixup_event"}


class Story:
    """Tells itself to a world."""

    def __init__(self, world: World) -> None:
        """Set the scene, and let it begin."""
        self._world = world
        self._web, self._db = list(world.tcp.namespaces)[1:]
        self._version = 1
        self._load = 0
        self._scene()
        self._round()
        self._keep_load()

    # The scene

    def _scene(self) -> None:
        world = self._world
        self._web_map = self._make("tcp_congestion_ops", WEB, DCTCP, {"name": WEB, "flags": 2})
        self._web_link = world.create_link(self._web_map)
        world.pin("link", self._web_link.id, f"/sys/fs/bpf/{WEB}")
        old = self._make(
            "tcp_congestion_ops", "old_cc", OLD, {"name": "old_cc", "flags": 1}, link=False
        )
        for port in (41_822, 52_190):
            world.tcp.open("old_cc", self._db, f"10.3.0.7:{port}")
        world.delete_map(old)
        following = self._make("tcp_congestion_ops", "web_next", OLD, {"name": WEB, "flags": 2})
        self._hold(901, "bpftool", 3, "map", following.id)  # for who wants to swap it in
        self._fifo = self._make("Qdisc_ops", "demo_fifo", FIFO, {"id": "demo_fifo"})
        self._attach(self._fifo, 640, "netd", f"/sys/fs/bpf/{self._fifo.name}")
        web, db = (world.tcp.namespaces[inode] for inode in (self._web, self._db))
        for netns, device, handle in ((web, "eth0", "1:"), (db, "eth1", "8001:")):
            world.qdisc.add("demo_fifo", netns, device, handle)
        world.hid.plug(MOUSE, "Logitech USB Optical Mouse", "0003:046D:C077")
        mouse = self._make("hid_bpf_ops", "mouse_fixup", FIXUP, {"hid_id": MOUSE})
        self._attach(mouse, 512, "udev-hid-bpf", f"/sys/fs/bpf/{mouse.name}")
        self._new_scheduler("scx_fifo", 1377)

    def _make(
        self,
        type_name: str,
        name: str,
        programs: Mapping[str, str],
        data: Mapping[str, str | int],
        *,
        link: bool = True,
    ) -> DemoMap:
        """A map of programs of the cast; a plain one is registered, the other READY."""
        world = self._world
        of = next(t for t in world.types.values() if t.shape.type_name == type_name)
        made = world.create_map(name, of.value_type_id, of.size, link=link)
        places = {member: at for at, member in made.shape.functions.items()}
        slots = {
            places[member]: world.load_cast(type_name, function, member).raw.id
            for member, function in programs.items()
        }
        value = bytearray(of.size)
        for each in made.shape.data:
            if each.name in data:
                content = data[each.name]
                packed = (
                    content.encode()
                    if isinstance(content, str)
                    else struct.pack("<Q", content)[: each.size]
                )
                value[each.offset : each.offset + len(packed)] = packed
        world.update_map(made, bytes(value), slots)
        return made

    def _attach(self, map_: DemoMap, pid: int, comm: str, pin: str = "") -> DemoLink:
        """A link on a map, which a process has open, or a pin keeps."""
        link = self._world.create_link(map_)
        if pin:
            self._world.pin("link", link.id, pin)
        else:
            self._hold(pid, comm, 7, "link", link.id)
        return link

    def _hold(self, pid: int, comm: str, fd: int, kind: ObjectKind, object_id: int) -> None:
        self._world.objects.fds.append(RawFd(pid, comm, fd, kind, object_id))

    def _new_scheduler(self, name: str, pid: int) -> None:
        """Another scheduler, unless somebody else's runs."""
        if self._world.sched_ext.map_id:
            return
        made = self._make(
            "sched_ext_ops", name, SCHEDULER, {"name": name, "flags": 8, "timeout_ms": 5000}
        )
        self._attach(made, pid, name)

    # What happens

    def _round(self) -> None:
        """One round; seconds from its beginning."""
        for seconds, happen in (
            (4, partial(self._aim, 24)),
            (35, partial(self._aim, 60)),
            (70, self._swap),
            (110, partial(self._aim, 35)),
            (130, self._detach_qdisc),
            (165, self._remove_qdiscs),
            (175, self._stall),
            (205, partial(self._end_of, 1377)),
            (215, partial(self._new_scheduler, "scx_fifo", 1377)),
            (230, partial(self._world.hid.unplug, MOUSE)),
            (250, self._plug),
            (265, self._return_qdisc),
            (270, partial(self._aim, 8)),
            (ROUND, self._round),
        ):
            self._world.later(seconds, partial(_unless_refused, happen))

    def _aim(self, load: int) -> None:
        """So many connections are wanted from now on."""
        self._load = load

    def _keep_load(self) -> None:
        """Connections come and go, and old ones drain."""
        tcp, dice = self._world.tcp, self._world.dice
        wanted = max(1, round(self._load + dice.gauss(0, 2)))
        tcp.set_load(WEB, self._web, wanted)
        drained = [s for s in tcp.sockets if s.netns == self._web and self._is_old(s.map_id)]
        tcp.close(drained[: dice.randrange(1, 4)])
        self._world.later(1.0, self._keep_load)

    def _is_old(self, map_id: int) -> bool:
        found = self._world.objects.maps.get(map_id)
        return found is not None and found.name == WEB and self._web_link.map_id != map_id

    def _swap(self) -> None:
        """A new version takes the old one's place, without a moment in which neither is there."""
        if self._web_link.map_id != self._web_map.id:
            return  # somebody changed it: the story leaves it alone
        new = self._make("tcp_congestion_ops", WEB, DCTCP, {"name": WEB, "flags": 2})
        self._world.update_link(self._web_link, new, self._web_map.id)
        self._web_map = new

    def _stall(self) -> None:
        """The scheduler loses a task, and the watchdog ends it."""
        scheduler = self._world.sched_ext
        if scheduler.ops == "scx_fifo":
            scheduler.stall(scheduler.map_id, 5.312, "postgres[977]")

    def _end_of(self, pid: int) -> None:
        """A process ends, and with it what only it had open."""
        self._world.objects.drop_fds(pid)

    def _detach_qdisc(self) -> None:
        """Its pin goes, and its link; its instances go on."""
        self._world.objects.pins.pop("/sys/fs/bpf/demo_fifo", None)

    def _remove_qdiscs(self) -> None:
        for device in ("eth0", "eth1"):
            self._world.qdisc.remove(device)

    def _return_qdisc(self) -> None:
        if b"demo_fifo" in self._world.qdisc.registered:
            return
        again = self._make("Qdisc_ops", "demo_fifo", FIFO, {"id": "demo_fifo"})
        self._attach(again, 640, "netd", f"/sys/fs/bpf/{again.name}")
        for inode, device, handle in ((self._web, "eth0", "1:"), (self._db, "eth1", "8001:")):
            netns: RawNetns = self._world.tcp.namespaces[inode]
            self._world.qdisc.add("demo_fifo", netns, device, handle)

    def _plug(self) -> None:
        """The mouse comes back, as another device; udev puts a new fixup on it."""
        self._world.objects.pins.pop("/sys/fs/bpf/mouse_fixup", None)
        self._world.collect()
        self._world.hid.plug(MOUSE, "Logitech USB Optical Mouse", "0003:046D:C077")
        mouse = self._make("hid_bpf_ops", "mouse_fixup", FIXUP, {"hid_id": MOUSE})
        self._attach(mouse, 512, "udev-hid-bpf", f"/sys/fs/bpf/{mouse.name}")


def _unless_refused(happen: Callable[[], None]) -> None:
    """The story goes on when somebody else changed what it was about to change."""
    with suppress(BpfError):
        happen()
