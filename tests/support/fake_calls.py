"""The calls of the fake kernel: the demo's, on objects that a test put in as it likes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Set
from random import Random

from stops_tui.kernels.demo.calls import Calls
from stops_tui.kernels.demo.objects import INUSE, DemoLink, DemoMap, Key, Objects
from stops_tui.kernels.demo.rules.subsystem import NAME
from stops_tui.kernels.demo.types import DemoType
from stops_tui.kernels.kernel import ObjectKind

TCP, SCX = "tcp_congestion_ops", "sched_ext_ops"
_SOMEBODY = -1
"""The map of a scheduler that is of none here."""


class FakeObjects(Objects):
    """Objects; those that a test put in stay until a call takes away what held them.

    Attributes:
        placed: Those.
    """

    def __init__(self) -> None:
        super().__init__(last_id=200)
        self.placed: set[Key] = set()

    def is_held(self, kind: ObjectKind, object_id: int) -> bool:
        return (kind, object_id) in self.placed or super().is_held(kind, object_id)


class FakeCalls(Calls):
    """Calls on maps whose refcnt is as a test says, and moves with each call from there."""

    objects: FakeObjects

    def __init__(self, types: Mapping[int, DemoType], now: Callable[[], float]) -> None:
        super().__init__(types, FakeObjects(), Random(1), now, lambda seconds, happen: None)
        self._unnamed: Counter[int] = Counter()

    def refcnt(self, map_: DemoMap) -> int:
        return super().refcnt(map_) + self._unnamed[map_.id]

    def set_refcnt(self, map_: DemoMap, wanted: int) -> None:
        """Let so many hold a map, whoever they are: this is the refcnt that it shows now."""
        self._unnamed[map_.id] += wanted - self.refcnt(map_)

    def keep_name(self, map_: DemoMap) -> None:
        """Let a congestion control that is INUSE or in a link have its name, if it can be one."""
        if map_.shape.type_name != TCP:
            return
        names, there = self.tcp.registered, map_.id in self.objects.maps
        has_name = there and (map_.state == INUSE or self._is_linked(map_))
        name = map_.text("name") if has_name and NAME.fullmatch(map_.text("name")) else b""
        for other in [each for each, map_id in names.items() if map_id == map_.id]:
            if other != name:
                del names[other]
        if name:
            names[name] = map_.id

    def put_in_link(self, link_id: int, map_id: int) -> None:
        """Let a link hold a map, or none, 0; the refcnts that maps show stay."""
        link = self.objects.links.setdefault(link_id, DemoLink(link_id, 0))
        found = [self.objects.maps.get(each) for each in (link.map_id, map_id)]
        shown = [(map_, self.refcnt(map_)) for map_ in found if map_]
        link.map_id = map_id
        for map_, refcnt in shown:
            self.set_refcnt(map_, refcnt)
            self.keep_name(map_)

    def run_scheduler(self, name: str) -> None:
        """Let the scheduler of this name run, whether or not it is of a map here; "": none."""
        maps = (m for m in self.objects.maps.values() if m.shape.type_name == SCX)
        found = (m.id for m in maps if m.text("name") == name.encode() and self._is_linked(m))
        self.sched_ext.ops = name
        self.sched_ext.map_id = next(found, _SOMEBODY) if name else 0

    def plug(self, hid_ids: Set[int]) -> None:
        """Let these HID devices be there, and no others."""
        for hid_id in self.hid.devices.keys() - hid_ids:
            self.hid.unplug(hid_id)
        for hid_id in hid_ids - self.hid.devices.keys():
            self.hid.plug(hid_id, "a device", "0003:0001:0002")

    def _is_linked(self, map_: DemoMap) -> bool:
        return self.objects.links_on(map_.id) > 0

    # What a call takes away

    def delete_map(self, target: DemoMap) -> None:
        super().delete_map(target)
        self.objects.placed.discard(("map", target.id))

    def update_link(self, link: DemoLink, new: DemoMap, old_id: int) -> None:
        super().update_link(link, new, old_id)
        self.objects.placed.discard(("map", old_id))

    def detach_link(self, link: DemoLink) -> None:
        self.objects.placed -= {("link", link.id), ("map", link.map_id)}
        super().detach_link(link)

    def unpin(self, path: str) -> None:
        pin = self.objects.pins[path]
        self.objects.placed.discard((pin.kind, pin.id))
        super().unpin(path)
