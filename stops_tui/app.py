"""The app: looks at the kernel at an interval, off the screen's thread, and holds what it saw."""

from __future__ import annotations

import gc
from asyncio import get_running_loop
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from inspect import iscoroutine
from os import environ
from pathlib import Path
from signal import SIGTERM
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeVar, cast

from rich.text import Text
from textual import events
from textual.app import SystemCommand
from textual.binding import BindingType
from textual.dom import DOMNode
from textual.message import Message
from textual.reactive import var
from textual.screen import Screen
from textual.timer import Timer

from stops_tui.actions import WITHOUT_KERNEL, Where, actions_of, actions_on, key_text
from stops_tui.background import Background
from stops_tui.bpf.errors import BpfError
from stops_tui.btf import BtfError
from stops_tui.changing import ChangingApp
from stops_tui.config import Config
from stops_tui.kernels.kernel import Kernel, KernelUnreadable, Obstacle, RawHolders, RunCount
from stops_tui.screens.explorer import ExplorerScreen
from stops_tui.struct_ops.events import History
from stops_tui.struct_ops.holders import MapHolders, by_map
from stops_tui.struct_ops.inventory import Inventory, Snapshot
from stops_tui.struct_ops.rates import Rate, Rates
from stops_tui.widgets.key_line import scoped
from stops_tui.widgets.keys import bindings

if TYPE_CHECKING:
    from stops_tui.screens.unreadable import UnreadableScreen
    from stops_tui.struct_ops.registration.plan import Plan

T = TypeVar("T")

TROUBLE = (BpfError, BtfError, KernelUnreadable, OSError)
"""What a kernel may answer with at any time: told on the screen, and tried again."""
INTERVALS = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
LATE = 2.0
"""Seconds a sweep may take before the screen says that what it shows is stale."""
PATIENCE = 0.15
"""Seconds that the first frame waits for the first sweep, to be painted once and not twice."""
HOLDERS_EVERY = 10.0
HOLDERS_APART = 1.0
"""Seconds between two walks over /proc, however fast a person moves from map to map."""


class Look(NamedTuple):
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


class StopsApp(ChangingApp):
    """The explorer of one kernel, or the page that says why it cannot be read.

    What screens may take from it is `screens.base.Facts`.
    """

    CSS_PATH = Path(__file__).with_name("app.tcss")
    TITLE = "stops"
    BINDINGS: ClassVar[list[BindingType]] = bindings("everywhere")

    # Each `var`, not `reactive`: the screens repaint what differs, never all of it.
    snapshot: var[Snapshot | None] = var(None, always_update=True)
    holders: var[Mapping[int, MapHolders]] = var({})
    rates: var[Mapping[int, Rate]] = var({})
    counting: var[bool] = var(False)
    pulse: var[str] = var("starting")
    interval: var[float] = var(1.0)

    def __init__(
        self,
        kernel: Kernel | KernelUnreadable,
        config: Config,
        reopen: Callable[[], Kernel] | None = None,
        armed: bool = False,
    ) -> None:
        """Read-only, unless armed.

        Args:
            kernel: What is looked at.
            config: The settings.
            reopen: Tries once more to open a kernel that could not be read.
            armed: Whether the kernel may be changed from the start.
        """
        # NO_COLOR: with the terminal's own colours Textual paints none, else it paints greys
        super().__init__(armed, ansi_color="NO_COLOR" in environ or None)
        self.config = config
        self._reopen = reopen
        self.set_reactive(StopsApp.interval, config.interval)
        self.unreadable = kernel if isinstance(kernel, KernelUnreadable) else None
        if not isinstance(kernel, KernelUnreadable):
            self.kernel = kernel
            self._inventory = Inventory(kernel)
        self.history = History()
        self.unfinished: Plan | None = None
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
        self._seen = 0.0
        self._again = False
        self._paused: float | None = None
        self._trouble = ""

    def get_default_screen(self) -> Screen[Any]:
        """The first screen, without a blank one before it."""
        if self.unreadable is None:
            return ExplorerScreen()
        from stops_tui.screens.unreadable import UnreadableScreen

        return UnreadableScreen(self.unreadable)

    def on_load(self) -> None:
        """Look for the first time, and wait for that a little: then it is in the first frame."""
        if self.unreadable is None:
            look = self._sweeps.wait_for(partial(self._look, ()), PATIENCE)
            if look is None:
                self._pulse_in(LATE)
            else:
                self._take_result(look)

    def on_mount(self) -> None:
        """Take on the settings; once the first frame is painted, what it did not need."""
        get_running_loop().add_signal_handler(SIGTERM, self.end_by_signal, SIGTERM)
        self._choose_theme()
        self.set_keymap(self.config.keys)
        for problem in self.config.problems:
            self.notify(str(problem), title="configuration", severity="warning", markup=False)
        self.call_after_refresh(_collect_garbage)
        if self.unreadable is None:
            self.call_after_refresh(self.take_writes)

    def on_unmount(self) -> None:
        """Release links and run statistics."""
        self.let_all_go()
        if self.unreadable is None:
            self.kernel.close()

    def _choose_theme(self) -> None:
        """The configured theme; on a terminal of 16 colours its own ones, unless one was chosen."""
        few = self.console.color_system == "standard" or self.no_color
        chosen = self.config.source("theme") != "default"
        self.theme = "ansi-dark" if few and not chosen else self.config.theme

    # Where there is no kernel to look at

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Without a kernel, what needs one cannot be done."""
        if self.unreadable and action in _NEEDS_KERNEL:
            return False
        return super().check_action(action, parameters)

    def retry(self) -> None:
        """Try again to open the kernel."""
        if self._reopen:
            self.lookup(self, partial(_open_again, self._reopen), self._take_kernel)

    def _take_kernel(self, kernel: Kernel | tuple[Obstacle, ...]) -> None:
        if self.unreadable is None:
            return  # a try before this one was answered first
        if isinstance(kernel, tuple):
            cast("UnreadableScreen", self.screen_stack[0]).show(kernel)
            self.notify("It still cannot be read.", severity="warning")
            return
        self.unreadable = None
        self.kernel = kernel
        self._inventory = Inventory(kernel)
        self.take_writes()
        self.add_mode("explorer", ExplorerScreen)
        self.switch_mode("explorer")
        self._sweep()

    # Looking at the kernel

    def look(self, holders: bool = True) -> None:
        """Look now, also while paused: something was changed."""
        self._again = not self._sweep()
        if holders:
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
            self._walk_soon()
        self.settle_held(snapshot)
        self.snapshot = snapshot

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
        """Look at pins and processes, if there is something they could hold."""
        if self._paused is not None or self.snapshot is None or not any(_objects(self.snapshot)):
            return
        self._last_walk = monotonic()
        if not self._walks.start(self.kernel.holders):
            self._walk_in(HOLDERS_APART)

    def on_holders_seen(self, message: HoldersSeen) -> None:
        """Take over who holds what, and plan the next look."""
        self._walk_in(HOLDERS_EVERY)
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
        if not isinstance(message.result, Exception):
            if message.asker.is_attached and iscoroutine(taking := message.done(message.result)):
                await taking
        elif isinstance(message.result, TROUBLE):
            self.notify(str(message.result), severity="error", markup=False)
        else:
            raise message.result

    # How fresh it is

    def _pulse_in(self, seconds: float) -> None:
        if self._next_pulse:
            self._next_pulse.stop()
        self._next_pulse = self.set_timer(seconds, self._show_pulse)

    def _show_pulse(self) -> None:
        """Say how fresh the screen is; ticks only while it is not."""
        if self._next_pulse:
            self._next_pulse.stop()
        late = monotonic() - self._sweeps.since if self._sweeps.since else 0.0
        if self._paused is not None:
            minutes, seconds = divmod(int(monotonic() - self._paused), 60)
            self.pulse = f"paused {minutes:02}:{seconds:02}"
            self._pulse_in(1.0)
        elif late >= LATE:
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
        if seconds is None or self.unreadable:
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

    # Screens and actions

    def on_key(self, event: events.Key) -> None:
        """Text for a line that got the focus only while it was on its way: keys come in bursts."""
        insert = getattr(self.focused, "insert_text_at_cursor", None)
        if insert and event.is_printable and event.character:
            event.prevent_default()
            insert(event.character)

    def action_types(self) -> None:
        """Open the types."""
        from stops_tui.screens.types import TypesScreen

        self._open(TypesScreen)

    def register(self, type_name: str = "", map_id: int = 0, member: str = "") -> None:
        """Open the wizard: from the start, with a type, or with what a map has."""
        from stops_tui.screens.register import RegisterScreen

        self._open(partial(RegisterScreen, type_name, map_id, member))

    def action_events(self) -> None:
        """Open the events."""
        from stops_tui.screens.events import EventsScreen

        self._open(EventsScreen)

    def action_help(self) -> None:
        """Explain the focused thing and the keys."""
        from stops_tui.screens.help import HelpScreen
        from stops_tui.widgets.key_help import focused_help

        about = focused_help(self.screen.focused or self.screen)
        self.push_screen(HelpScreen(about, actions_on(_where(self.screen)), self.config.keys))

    def _open(self, screen: Callable[[], Screen[Any]]) -> None:
        if self.unreadable is None and type(self.screen) is not screen:
            self.push_screen(screen())

    async def action_back(self) -> None:
        """Come back from a screen."""
        if len(self.screen_stack) > 1:
            self.pop_screen()

    def _explorer(self) -> ExplorerScreen:
        """Come back to the explorer from wherever."""
        while len(self.screen_stack) > 1:
            self.pop_screen()
        return cast("ExplorerScreen", self.screen)

    def show_map(self, map_id: int) -> None:
        """Come back to the explorer, the cursor on this map, as soon as it is seen there."""
        self._explorer().show_map(map_id)

    def action_show_map(self, map_id: int) -> None:
        """Come back to the explorer, the cursor on this map."""
        self.show_map(map_id)

    def action_try_map(self, map_id: int) -> None:
        """Come back to the explorer, the cursor on this map, and try it."""
        self.show_map(map_id)
        if self.snapshot and map_id in self.snapshot.maps:
            self._explorer().try_map(self.snapshot.maps[map_id])

    def show_maps_of(self, type_name: str) -> None:
        """Come back to the explorer, with only the maps of this type."""
        self._explorer().show_maps_of(type_name)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Every action that can be taken here, for the palette."""
        for action in actions_on(_where(screen)):
            if action.id not in ("command_palette", "back"):
                key = key_text(action, self.config.keys)
                title = f"{action.label[0].upper()}{action.label[1:]}  {key}"
                run = partial(screen.run_action, scoped(action))
                barred = action.writes and not self.armed
                help_ = f"Read-only: {self.arm_key} arms writing. " if barred else ""
                yield SystemCommand(title, help_ + action.help, run)
        yield SystemCommand("Theme", "Other colours, until the end.", self.action_change_theme)

    # When it fails

    def _fatal_error(self) -> None:
        """Leave with one line and a crash file, where Textual would print all local variables."""
        from stops_tui.crash import crash_line

        line = crash_line(self._exception or RuntimeError("unknown"))
        self.panic(Text(line, no_wrap=True, overflow="ignore"))


_NEEDS_KERNEL = frozenset(a.id for a in actions_of("everywhere")) - WITHOUT_KERNEL - {"back"}


def _collect_garbage() -> None:
    """Look for garbage from now on, but not among what the start made: that stays."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def _open_again(reopen: Callable[[], Kernel]) -> Kernel | tuple[Obstacle, ...]:
    """The kernel, or what still stands in the way."""
    try:
        return reopen()
    except KernelUnreadable as unreadable:
        return unreadable.obstacles


def _where(screen: Screen[Any]) -> Where:
    """Which actions a screen has besides those that all have."""
    return getattr(screen, "WHERE", "everywhere")


def _objects(snapshot: Snapshot) -> tuple[frozenset[int], frozenset[int]]:
    """The ids of all maps and links."""
    return frozenset(snapshot.maps), frozenset(snapshot.links)
