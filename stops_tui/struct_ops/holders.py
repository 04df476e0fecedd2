"""Who keeps a map alive from user space: pins and processes, of the map and of its links."""

from __future__ import annotations

from collections import defaultdict

from stops_tui.kernels.kernel import ObjectKind, RawFd, RawHolders, RawPin
from stops_tui.record import Record
from stops_tui.struct_ops.inventory import Snapshot


class Process(Record):
    """A process that has a file descriptor of a map or of a link on it."""

    pid: int
    comm: str


class MapHolders(Record):
    """What keeps one map alive from user space.

    Attributes:
        pins: Its own pins and those of links on it, by path.
        fds: The same for file descriptors, by pid and fd.
    """

    pins: tuple[RawPin, ...] = ()
    fds: tuple[RawFd, ...] = ()

    @property
    def processes(self) -> tuple[Process, ...]:
        """Each process once, by pid, however many file descriptors it has."""
        return tuple(
            Process(pid, comm) for pid, comm in {fd.pid: fd.comm for fd in self.fds}.items()
        )


def by_map(holders: RawHolders, snapshot: Snapshot) -> dict[int, MapHolders]:
    """The holders of every map of the snapshot that has any, by map id."""
    pins: dict[int, list[RawPin]] = defaultdict(list)
    fds: dict[int, list[RawFd]] = defaultdict(list)
    for pin in holders.pins:
        pins[_kept(pin.kind, pin.id, snapshot)].append(pin)
    for fd in holders.fds:
        fds[_kept(fd.kind, fd.id, snapshot)].append(fd)
    return {
        map_id: MapHolders(
            tuple(sorted(pins[map_id], key=lambda pin: pin.path)),
            tuple(sorted(fds[map_id], key=lambda fd: (fd.pid, fd.fd))),
        )
        for map_id in sorted((pins.keys() | fds.keys()) & snapshot.maps.keys())
    }


def _kept(kind: ObjectKind, object_id: int, snapshot: Snapshot) -> int:
    """The id of the map that an object keeps alive: itself, or the one its link is on; or 0."""
    if kind == "link" and object_id in snapshot.links:
        return snapshot.links[object_id].map_id
    return object_id if kind == "map" else 0
