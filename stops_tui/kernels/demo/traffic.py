"""Connections of the demo kernel under one congestion control: the protocol `Traffic`."""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock

from stops_tui.kernels.demo.world import World
from stops_tui.kernels.traffic import MOST_BYTES, MOST_CONNECTIONS, MOST_SECONDS, TrafficSeen

_BYTES = 2_500_000
"""Sent in a second over one connection."""


class DemoTraffic:
    """Keeps `Traffic`: sockets of this process, until a limit or `close`."""

    def __init__(
        self, world: World, lock: RLock, advance: Callable[[], None], name: str, connections: int
    ) -> None:
        """Open them at once.

        Args:
            world: Where.
            lock: Held while it is changed.
            advance: Lets time pass in it.
            name: The congestion control.
            connections: How many, at most MOST_CONNECTIONS.
        """
        self._world = world
        self._lock = lock
        self._advance = advance
        self._problem = ""
        self._ended = False
        self._began = world.time
        self._lasted = 0.0
        here = next(iter(world.tcp.namespaces))
        try:
            self._sockets = [
                world.tcp.open(name, here, f"127.0.0.1:{40_000 + number}")
                for number in range(min(connections, MOST_CONNECTIONS))
            ]
        except KeyError:
            self._sockets, self._ended = [], True
            self._problem = f"no congestion control {name} is registered"
        for sock in self._sockets:
            sock.pid, sock.comm = 4711, "stops-tui"

    @property
    def seen(self) -> TrafficSeen:
        """How far it is now."""
        with self._lock:
            self._advance()
            if not self._ended:
                self._lasted = self._world.time - self._began
            sent = min(int(self._lasted * _BYTES) * max(1, len(self._sockets)), MOST_BYTES)
            if self._lasted >= MOST_SECONDS or sent >= MOST_BYTES:
                self._end()
            open_ = 0 if self._ended else len(self._sockets)
            sent = 0 if self._problem else sent
            return TrafficSeen(open_, sent, self._lasted, self._ended, self._problem)

    def close(self) -> None:
        """Close all of them. Idempotent."""
        with self._lock:
            self._advance()
            self._end()

    def _end(self) -> None:
        if not self._ended:
            self._ended = True
            self._world.tcp.close(self._sockets)
            self._world.collect()
