"""Why a scheduler was ejected: asked of the kernel's log once it is, never by a sweep."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from stops_tui.kernels.kernel import Kernel
from stops_tui.struct_ops.events import Event
from stops_tui.struct_ops.inventory import Snapshot
from stops_tui.struct_ops.status import EJECTED


def ejected(snapshot: Snapshot) -> frozenset[int]:
    """The maps that are registered or attached, and that their subsystem does not run."""
    return frozenset(map_.id for map_ in snapshot.maps.values() if map_.status == EJECTED)


def reasons(kernel: Kernel, snapshot: Snapshot, wanted: Collection[int]) -> dict[int, str]:
    """Why these maps were ejected, by id; those left out of which the log does not tell."""
    # Not at the top: most hosts never see a scheduler ejected.
    from stops_tui.struct_ops.account.asked import known
    from stops_tui.struct_ops.account.ejection import ejection

    log = kernel.users.sched_ext_log().lines
    maps = [snapshot.maps[map_id] for map_id in wanted if map_id in snapshot.maps]
    told = {map_.id: ejection(log, known(map_).name).reason for map_ in maps}
    return {map_id: reason for map_id, reason in told.items() if reason}


def explained(events: Sequence[Event], snapshot: Snapshot, kernel: Kernel) -> Sequence[Event]:
    """The events, those of schedulers that were ejected with the reason."""
    wanted = {e.map_id for e in events if (e.what, e.after) == ("status", EJECTED)}
    told = reasons(kernel, snapshot, wanted) if wanted else {}
    return [
        event._replace(reason=told.get(event.map_id, ""))
        if (event.what, event.after) == ("status", EJECTED)
        else event
        for event in events
    ]
