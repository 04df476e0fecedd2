"""Connections to the fake kernel: each holds the map of its congestion control once."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from stops_tui.kernels.traffic import TrafficSeen
from stops_tui.struct_ops.inventory import Inventory
from stops_tui.struct_ops.members import name_in_subsystem

if TYPE_CHECKING:
    from tests.support.fake_kernel import FakeKernel


class FakeTraffic:
    """Keeps `Traffic`: all connections are open at once, and programs run with each look."""

    def __init__(self, kernel: FakeKernel, name: str, connections: int) -> None:
        self._kernel = kernel
        self._map_id = next(
            (
                found.id
                for found in Inventory(kernel).sweep().maps.values()
                if found.type and found.state in ("INUSE", "READY")
                if name_in_subsystem(found.type, found.raw.value) == name
            ),
            0,
        )
        problem = "" if self._map_id else "the kernel has no congestion control of this name"
        opened = connections if self._map_id else 0
        self._seen = TrafficSeen(open=opened, ended=not opened, problem=problem)
        self._hold(opened)

    @property
    def seen(self) -> TrafficSeen:
        if not self._seen.ended:
            self._seen = self._seen._replace(sent=self._seen.sent + (1 << 20), seconds=1.0)
            for program in self._kernel.programs():
                self._kernel.run(program.id, 100, 5_000)
        return self._seen

    def close(self) -> None:
        if not self._seen.ended:
            self._hold(-self._seen.open)
            self._seen = self._seen._replace(open=0, ended=True)

    def end(self, problem: str) -> None:
        """For tests: it ends by itself."""
        self.close()
        self._seen = self._seen._replace(problem=problem)

    def _hold(self, by: int) -> None:
        if by:
            value = self._kernel.sweep().maps[self._map_id].value
            (refcnt,) = struct.unpack_from("<I", value)
            self._kernel.set(self._map_id, refcnt=refcnt + by)
