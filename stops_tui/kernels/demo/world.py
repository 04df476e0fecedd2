"""The demo kernel's state, and how it goes on by itself."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from random import Random

from stops_tui.kernels.demo.calls import Calls
from stops_tui.kernels.demo.cast import Cast
from stops_tui.kernels.demo.objects import DemoProgram, Objects
from stops_tui.kernels.kernel import RawCode


class World(Calls):
    """What is there, and what happens by itself as time goes on.

    Attributes:
        time: Seconds since it began.
        epoch: When that was, in seconds since the epoch.
        counting: Whether run statistics are on.
    """

    def __init__(self, cast: Cast, dice: Random, epoch: float) -> None:
        super().__init__(cast.types, Objects(), dice, lambda: self.epoch + self.time, self.later)
        self.cast = cast
        self.dice = dice
        self.epoch = epoch
        self.time = 0.0
        self.counting = False
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()

    def later(self, seconds: float, happen: Callable[[], None]) -> None:
        """Something happens so many seconds from now."""
        heappush(self._due, (self.time + seconds, next(self._order), happen))

    def advance(self, time: float) -> None:
        """Let everything happen until a time."""
        while self._due and self._due[0][0] <= time:
            due, _, happen = heappop(self._due)
            self._pass(due - self.time)
            happen()
            self.collect()
        self._pass(time - self.time)

    def _pass(self, seconds: float) -> None:
        if seconds <= 0:
            return
        self.time += seconds
        self.sched_ext.advance(seconds)
        self.qdisc.advance(seconds)
        self._run_programs(seconds)

    def _run_programs(self, seconds: float) -> None:
        if not self.counting:
            return
        for subsystem in self.subsystems.values():
            for (map_id, member), calls in subsystem.rates(self.objects.maps.values()).items():
                found = self.objects.maps.get(map_id)
                prog_id = dict(found.programs()).get(member) if found else None
                if prog_id:
                    self._run(self.objects.programs[prog_id], calls * seconds)

    def _run(self, program: DemoProgram, calls: float) -> None:
        runs, times = program.runs, round(calls)
        took = round(times * (40 + 2 * program.raw.verified_insns) * self.dice.uniform(0.9, 1.1))
        program.runs = runs._replace(
            run_cnt=runs.run_cnt + times, run_time_ns=runs.run_time_ns + took
        )

    def load_cast(self, type_name: str, function: str, member: str) -> DemoProgram:
        """A program of the cast, loaded once more."""
        known = self.cast.programs[type_name, function]
        code = self.cast.code(known.id) or RawCode(b"", b"", withheld="not recorded")
        raw = known._replace(id=self.objects.next_id(), load_time=self.now())
        return self.objects.add_program(DemoProgram(raw, member, code, function))
