"""The side of the app that looks at the kernel: at an interval, off the screen's thread."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from inspect import iscoroutine
from time import monotonic
from typing import Any, TypeVar

from textual.app import App
from textual.dom import DOMNode
from textual.message import Message
from textual.reactive import var
from textual.timer import Timer

from stops_tui.background import Background
from stops_tui.config import Config
from stops_tui.kernels.kernel import Kernel, RawHolders, RunCount
from stops_tui.kernels.trouble import TROUBLE
from stops_tui.record import Record
from stops_tui.struct_ops.events import History
from stops_tui.struct_ops.holders import MapHolders, by_map
from stops_tui.struct_ops.inventory import Inventory, Snapshot
from stops_tui.struct_ops.rates import Rate, Rates
from stops_tui.struct_ops.reasons import ejected, reasons
from stops_tui.struct_ops.status import EJECTED

T = TypeVar("T")

INTERVALS = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
LATE = 2.0
"""Seconds a sweep may take before the screen says that what it shows is stale."""
PATIENCE = 0.15
"""Seconds that the first frame waits for the first sweep, to be painted once and not twice."""
HOLDERS_EVERY = 10.0
HOLDERS_APART = 1.0
"""Seconds between two walks over /proc, however fast a person moves from map to map."""


class Look(Record):
    """What one sweep brought: the snapshot, and the run counts that were asked for."""

    snapshot: Snapshot
    time: float
    counts: Mapping[int, RunCount]


class Looked(Message):
    """A sweep ended."""

    def __init__(self, result: Look | Exception) -> None:
        super().__init__()
        self.result = result


class HoldersSeen(Message):
    """A look at pins and processes ended."""

    def __init__(self, result: RawHolders | Exception) -> None:
        super().__init__()
        self.result = result


class Found(Message):
    """A lookup ended: `done` wants its result, if `asker` is still there."""

    def __init__(self, asker: DOMNode, done: Callable[[Any], object], result: Any) -> None:
        super().__init__()
        self.asker = asker
        self.done = done
        self.result = result


class LookingApp(App[None]):
    """What `StopsApp` is, as far as it looks at the kernel: what it saw, and how fresh that is."""

    # Each `var`, not `reactive`: the screens repaint what differs, never all of it.
    snapshot: var[Snapshot | None] = var(None, always_update=True)
    holders: var[Mapping[int, MapHolders]] = var({})
    rates: var[Mapping[int, Rate]] = var({})
    counting: var[bool] = var(False)
    pulse: var[str] = var("starting")
    interval: var[float] = var(1.0)

    kernel: Kernel

    def __init__(self, config: Config, ansi_color: bool | None) -> None:
        super().__init__(ansi_color=ansi_color)
        self.config = config
        self.set_reactive(LookingApp.interval, config.interval)
        self.history = History()
        self.raw_holders: RawHolders | None = None
        self._selected: int | None = None
        self._rates = Rates()
        self._sweeps: Background[Look] = Background(lambda r: self.post_message(Looked(r)))
        self._walks: Background[RawHolders] = Background(
            lambda r: self.post_message(HoldersSeen(r))
        )
        self._next_sweep: Timer | None = None
        self._next_walk: Timer | None = None
        self._next_pulse: Timer | None = None
        self._last_walk = 0.0
        self._walk_again = False
        self._seen = 0.0
        self._again = False
        self._paused: float | None = None
        self._ejected: frozenset[int] = frozenset()
        self.reasons: Mapping[int, str] = {}
        self._trouble = ""

    # Looking at the kernel

    def on_mount(self) -> None:
        """Look up who holds the maps once the first frame is painted."""
        self.call_after_refresh(self._walk_soon)

    def take_kernel(self, kernel: Kernel, inventory: Inventory | None = None) -> None:
        """Look at this kernel from now on, by this inventory of it, if there is one."""
        self.kernel = kernel
        self._inventory = inventory or Inventory(kernel)

    def first_look(self) -> None:
        """Look for the first time, and wait for that a little: then it is in the first frame."""
        look = self._sweeps.wait_for(partial(self._look, ()), PATIENCE)
        if look is None:
            self._pulse_in(LATE)
        else:
            self._take_result(look)

    def look(self, holders: bool = True) -> None:
        """Look now, also while paused: something was changed."""
        self._again = not self._sweep()
        if holders:
            self._walk_again = True
            self._walk_soon()

    def _sweep(self) -> bool:
        """Start a look unless one is running, and watch that it ends."""
        wanted = self._programs_of_selected() if self.counting else ()
        started = self._sweeps.start(partial(self._look, wanted))
        if started:
            self._pulse_in(LATE)
        return started

    def _look(self, wanted: Iterable[int]) -> Look:
        snapshot = self._inventory.sweep()
        counts = self.kernel.run_counts(wanted) if wanted else {}
        return Look(snapshot, monotonic(), counts)

    def on_looked(self, message: Looked) -> None:
        """A sweep ended."""
        self._take_result(message.result)

    def _take_result(self, result: Look | Exception) -> None:
        """Take over what a sweep saw, and plan the next."""
        if self._next_sweep:
            self._next_sweep.stop()
        if self._again:
            self.look()
        elif self._paused is None:
            self._next_sweep = self.set_timer(self.interval, self._sweep)
        if isinstance(result, Exception):
            self._take_trouble(result)
        else:
            self._trouble = ""
            self._seen = monotonic()
            self._take(result)
            self._show_pulse()

    def _take(self, look: Look) -> None:
        if self.counting:
            self.rates = self._rates.take(look.time, look.counts)
        before, snapshot = self.snapshot, look.snapshot
        if snapshot is before:
            return
        self.history.add(snapshot)
        if before is None or _objects(before) != _objects(snapshot):
            self._spread_holders(snapshot)
            if self.screen_stack:  # else `on_mount` does, when there is something to see
                self._walk_soon()
        self._find_reasons(snapshot)
        self.snapshot = snapshot

    def _find_reasons(self, snapshot: Snapshot) -> None:
        """Look up, once each, why maps were ejected."""
        now = ejected(snapshot)
        new, self._ejected = now - self._ejected, now
        if new:
            job = partial(reasons, self.kernel, snapshot, new)
            self.lookup(self, job, self._take_reasons)

    def _take_reasons(self, found: Mapping[int, str]) -> None:
        """Tell of them: in the events, and beside the status."""
        for map_id, reason in found.items():
            self.history.explain(map_id, EJECTED, reason)
        kept = {m: why for m, why in self.reasons.items() if m in self._ejected}
        self.reasons = {**kept, **found}
        self.snapshot = self.snapshot

    def _take_trouble(self, error: Exception) -> None:
        """A kernel that refuses is told of; anything else is a bug and ends the program."""
        if not isinstance(error, TROUBLE):
            raise error
        self._trouble = f"cannot look: {error}"
        self._show_pulse()

    # Who holds the maps

    def select_map(self, map_id: int | None) -> None:
        """Another map is looked at: count its programs' runs, look up soon what holds it."""
        if map_id != self._selected:
            self._selected = map_id
            self._walk_soon()

    def _programs_of_selected(self) -> tuple[int, ...]:
        if self.snapshot is None or self._selected is None:
            return ()
        selected = self.snapshot.maps.get(self._selected)
        return tuple({m.prog_id for m in selected.members if m.prog_id}) if selected else ()

    def _walk_soon(self) -> None:
        self._walk_in(max(self._last_walk + HOLDERS_APART - monotonic(), 0.05))

    def _walk_in(self, seconds: float) -> None:
        if self._next_walk:
            self._next_walk.stop()
        self._next_walk = self.set_timer(seconds, self._walk)

    def _walk(self) -> None:
        """Look at pins and processes, if there is something they could hold; paused, if asked."""
        resting = self.paused and not self._walk_again
        if resting or self.snapshot is None or not any(_objects(self.snapshot)):
            return
        self._last_walk = monotonic()
        if self._walks.start(self.kernel.holders):
            self._walk_again = False
        else:
            self._walk_in(HOLDERS_APART)

    def on_holders_seen(self, message: HoldersSeen) -> None:
        """Take over who holds what, and plan the next look."""
        self._walk_in(HOLDERS_APART if self._walk_again else HOLDERS_EVERY)
        if isinstance(message.result, Exception):
            self._take_trouble(message.result)
            return
        unchanged, self.raw_holders = message.result is self.raw_holders, message.result
        if self.snapshot and not unchanged:
            self._spread_holders(self.snapshot)

    def _spread_holders(self, snapshot: Snapshot) -> None:
        if self.raw_holders is not None:
            self.holders = by_map(self.raw_holders, snapshot)

    # Lookups of screens

    def lookup(self, asker: DOMNode, job: Callable[[], T], done: Callable[[T], object]) -> None:
        """Run `job` off the screen's thread, then `done` with its result in the screen's.

        What `asker` wanted to know is nobody's any more if it has left the screen by then.
        """
        Background[T](lambda result: self.post_message(Found(asker, done, result))).start(job)

    async def on_found(self, message: Found) -> None:
        """Hand a lookup's result to who asked."""
        if not self.is_running:  # its screens are being taken apart
            return
        if not isinstance(message.result, Exception):
            if message.asker.is_attached and iscoroutine(taking := message.done(message.result)):
                await taking
        elif isinstance(message.result, TROUBLE):
            self.notify(str(message.result), severity="error", markup=False)
        else:
            raise message.result

    # How fresh it is

    @property
    def paused(self) -> bool:
        """Whether the kernel is not looked at for now."""
        return self._paused is not None

    def _pulse_in(self, seconds: float) -> None:
        if self._next_pulse:
            self._next_pulse.stop()
        self._next_pulse = self.set_timer(seconds, self._show_pulse)

    def _show_pulse(self) -> None:
        """Say how fresh the screen is; ticks only while it is not."""
        if self._next_pulse:
            self._next_pulse.stop()
        if self._paused is not None:
            minutes, seconds = divmod(int(monotonic() - self._paused), 60)
            self.pulse = f"paused {minutes:02}:{seconds:02}"
            self._pulse_in(1.0)
        elif self._sweeps.seconds >= LATE:
            self.pulse = f"stale {monotonic() - self._seen:.0f} s" if self._seen else "waiting"
            self._pulse_in(1.0)
        else:
            self.pulse = self._trouble or "live"

    def action_pause(self) -> None:
        """Stop looking, or go on at once."""
        if self._paused is None:
            self._paused = monotonic()
            if self._next_sweep:
                self._next_sweep.stop()
        else:
            self._paused = None
            self._sweep()
            self._walk_soon()
        self._show_pulse()

    def action_faster(self) -> None:
        """The next shorter interval."""
        self._change_interval(max((i for i in INTERVALS if i < self.interval), default=None))

    def action_slower(self) -> None:
        """The next longer interval."""
        self._change_interval(min((i for i in INTERVALS if i > self.interval), default=None))

    def _change_interval(self, seconds: float | None) -> None:
        if seconds is None:
            return
        self.interval = seconds
        if self._paused is None:
            self._sweep()

    def action_count_runs(self) -> None:
        """Switch run statistics on or off."""
        self.count_runs(not self.counting)

    def count_runs(self, on: bool) -> None:
        """Switch run statistics on or off."""
        self.lookup(self, partial(self.kernel.count_runs, on), lambda _: self._counts_runs(on))

    def _counts_runs(self, on: bool) -> None:
        self.counting = on
        self._rates = Rates()
        self.rates = {}


def _objects(snapshot: Snapshot) -> tuple[frozenset[int], frozenset[int]]:
    """The ids of all maps and links."""
    return frozenset(snapshot.maps), frozenset(snapshot.links)
