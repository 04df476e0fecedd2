"""Many sockets in many network namespaces, and how long it takes to count them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from stops_tui.kernels.live.kernel import LiveKernel
from stops_tui.struct_ops.inventory import Inventory
from stops_tui.struct_ops.members import name_in_subsystem
from tests.support.netns import netns_process

NAMESPACES = 10
SOCKETS = 10_000


@contextmanager
def sockets(name: str) -> Iterator[None]:
    """Connections whose both ends are under a congestion control, until the end of the block."""
    clients = SOCKETS // NAMESPACES // 2
    with ExitStack() as stack:
        for _ in range(NAMESPACES):
            stack.enter_context(netns_process(name, clients=clients, listening=True))
        yield


def seconds_to_count(name: str) -> float:
    """The first look of a process, when nothing is known or imported yet."""
    kernel = LiveKernel.open()
    maps = Inventory(kernel).sweep().maps.values()
    (map_id,) = (
        found.id
        for found in maps
        if found.type and name_in_subsystem(found.type, found.raw.value) == name and found.links
    )
    started = time.perf_counter()
    found = kernel.users.tcp({map_id: name})
    seconds = time.perf_counter() - started
    counted = sum(netns.sockets.get(map_id, 0) for netns in found.namespaces)
    if counted != SOCKETS + NAMESPACES:  # each listening socket is one, too
        raise SystemExit(f"{counted} sockets were counted")
    return seconds
