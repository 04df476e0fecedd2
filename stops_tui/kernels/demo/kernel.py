"""The demo kernel: the protocol `Kernel`."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from random import Random
from threading import RLock

from stops_tui.btf import Btf
from stops_tui.kernels.demo.cast import Cast
from stops_tui.kernels.demo.story import Story
from stops_tui.kernels.demo.traffic import DemoTraffic
from stops_tui.kernels.demo.users import DemoUsers
from stops_tui.kernels.demo.world import World
from stops_tui.kernels.demo.writes import DemoWrites
from stops_tui.kernels.kernel import (
    Host,
    KernelBtf,
    RawCode,
    RawConditions,
    RawHolders,
    RawLink,
    RawMap,
    RawProgram,
    RawSubsystems,
    RawSweep,
    RunCount,
)
from stops_tui.kernels.writes import ReadOnly

CAPABILITIES = frozenset(
    {"CAP_BPF", "CAP_PERFMON", "CAP_SYS_ADMIN", "CAP_NET_ADMIN", "CAP_SYS_PTRACE"}
)


class DemoKernel:
    """A kernel with a life of its own, which nothing can harm. Safe for several threads.

    Attributes:
        writes: Changes it.
        users: Tells who in it holds a map.
        world: All of its state.
    """

    def __init__(
        self,
        seed: int = 1,
        speed: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
        epoch: float | None = None,
        *,
        story: bool = True,
    ) -> None:
        """At the story's beginning.

        Args:
            seed: The same seed, the same chances.
            speed: Its seconds in one of `clock`.
            clock: Seconds of a clock that never goes back.
            epoch: When it begins, in seconds since the epoch; None: now.
            story: Whether something happens by itself; else it is empty.
        """
        self.world = World(Cast(), Random(seed), time.time() if epoch is None else epoch)  # noqa: S311 (a game)
        self._lock = RLock()
        self._clock = clock
        self._began = clock()
        self._speed = speed
        self._seen = RawSweep({}, {}, RawSubsystems())
        self.writes = DemoWrites(self.world, self._lock, self._advance)
        self.users = DemoUsers(self.world, self._lock, self._advance)
        if story:
            Story(self.world)

    @property
    def host(self) -> Host:
        """Which kernel it claims to be."""
        return self.world.cast.host

    def now(self) -> float:
        """The time in it."""
        return self.world.epoch + (self._clock() - self._began) * self._speed

    def sweep(self, resting: Collection[int] = ()) -> RawSweep:
        """All maps and links; the same objects as before where nothing changed. None rests."""
        with self._lock:
            self._advance()
            objects = self.world.objects
            maps = {m.id: self._raw_map(m.id) for m in objects.maps.values()}
            links = {k.id: RawLink(k.id, k.map_id) for k in objects.links.values()}
            found = RawSweep(maps, links, self._subsystems() if maps else RawSubsystems())
            if found != self._seen:
                self._seen = found
            return self._seen

    def program(self, prog_id: int) -> RawProgram | None:
        """One program; None if it is gone."""
        with self._lock:
            found = self.world.objects.programs.get(prog_id)
            return found.raw._replace(runs=found.runs) if found else None

    def programs(self) -> list[RawProgram]:
        """All programs, by id."""
        with self._lock:
            self._advance()
            found = sorted(self.world.objects.programs.values(), key=lambda p: p.raw.id)
            return [program.raw._replace(runs=program.runs) for program in found]

    def run_counts(self, prog_ids: Iterable[int]) -> dict[int, RunCount]:
        """Run statistics of these programs."""
        with self._lock:
            self._advance()
            programs = self.world.objects.programs
            return {prog_id: programs[prog_id].runs for prog_id in prog_ids if prog_id in programs}

    def count_runs(self, on: bool) -> None:
        """Switch run statistics on or off."""
        with self._lock:
            self._advance()
            self.world.counting = on

    def code(self, prog_id: int) -> RawCode | None:
        """A program's code; None if it is gone."""
        with self._lock:
            found = self.world.objects.programs.get(prog_id)
            return found.code if found else None

    def btf(self, btf_id: int) -> Btf | None:
        """The kernel's BTF, or a program's."""
        vmlinux = self.world.cast.vmlinux
        return vmlinux.btf if btf_id == vmlinux.id else self.world.cast.program_btf(btf_id)

    def kernel_btfs(self) -> Sequence[KernelBtf]:
        """Its types, as far as they matter."""
        return (self.world.cast.vmlinux,)

    def holders(self) -> RawHolders:
        """Pins and open files, those of this program too."""
        with self._lock:
            self._advance()
            objects = self.world.objects
            pins = tuple(sorted(objects.pins.values(), key=lambda pin: pin.path))
            return RawHolders(pins, tuple(objects.fds))

    def conditions(self) -> RawConditions:
        """What decides whether something can be registered."""
        with self._lock:
            self._advance()
            return RawConditions(
                CAPABILITIES,
                self._subsystems(),
                self.world.tcp.names(),
                "cubic",
                tuple(self.world.bpffs),
            )

    def traffic(self, name: str, connections: int) -> DemoTraffic:
        """Connections under a congestion control; raises ReadOnly."""
        if not self.writes.armed:
            raise ReadOnly("read-only: no connection was opened")
        with self._lock:
            self._advance()
            return DemoTraffic(self.world, self._lock, self._advance, name, connections)

    def close(self) -> None:
        """Release run statistics."""
        self.count_runs(False)

    def _advance(self) -> None:
        """Let happen what is due."""
        self.world.advance((self._clock() - self._began) * self._speed)

    def _raw_map(self, map_id: int) -> RawMap:
        """The record of a map; the one before, if nothing of it changed."""
        raw = self.world.record(self.world.objects.maps[map_id])
        before = self._seen.maps.get(map_id)
        return before if before == raw else raw

    def _subsystems(self) -> RawSubsystems:
        scheduler = self.world.sched_ext
        return RawSubsystems(
            "enabled" if scheduler.map_id else "disabled",
            scheduler.ops or None,
            frozenset(self.world.hid.devices),
        )
