"""What every screen has in common: the frame, the keys, and the app's facts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeVar, cast

from textual.app import ComposeResult
from textual.dom import DOMNode
from textual.screen import Screen
from textual.widget import Widget

from stops_tui.actions import Where
from stops_tui.config import Config
from stops_tui.kernels.kernel import Kernel, RawHolders
from stops_tui.struct_ops.events import History
from stops_tui.struct_ops.holders import MapHolders
from stops_tui.struct_ops.inventory import Snapshot
from stops_tui.struct_ops.rates import Rate
from stops_tui.widgets.key_line import KeyLine
from stops_tui.widgets.top_line import TopLine

if TYPE_CHECKING:
    from stops_tui.kernels.writes import Call, Handle
    from stops_tui.screens.propose import Proposal
    from stops_tui.struct_ops.registration.plan import Plan

T = TypeVar("T")


class Facts(Protocol):
    """What screens take from the app. Screens read it; only the app writes it, but `unfinished`.

    To follow one as it changes: `self.watch(self.app, "snapshot", self._show)`.

    Attributes:
        kernel: The kernel that is looked at. Its methods may block: call them by `lookup`.
        config: The settings.
        snapshot: The newest; None before the first sweep ended. The same object until something
            changed.
        history: Events and reference counts since the start.
        raw_holders: The last look at pins and processes; None before it.
        holders: The same by map id.
        reasons: Why maps were ejected, by map id, where the kernel's log tells.
        counting: Whether run statistics are on.
        rates: By program id, of the selected map's programs, while statistics are on.
        armed: Whether this app lets the kernel be changed (`kernel.writes.armed`).
        unfinished: The plan that was left in the wizard without registering it.
        held: The unpinned links made here, which live only while the app holds them.
        commands: What was sent to change the kernel since the start, the oldest first.
    """

    kernel: Kernel
    config: Config
    snapshot: Snapshot | None
    history: History
    raw_holders: RawHolders | None
    holders: Mapping[int, MapHolders]
    reasons: Mapping[int, str]
    counting: bool
    rates: Mapping[int, Rate]
    armed: bool
    held: tuple[Handle, ...]
    unfinished: Plan | None
    commands: Sequence[Call]

    @property
    def paused(self) -> bool:
        """Whether the kernel is not looked at for now."""

    @property
    def how_to_arm(self) -> str:
        """`W arms writing`; or why nothing does."""

    def lookup(self, asker: DOMNode, job: Callable[[], T], done: Callable[[T], object]) -> None:
        """Run `job` off the screen's thread, then `done` with its result in the screen's.

        What `asker` wanted to know is nobody's any more if it has left the screen by then.
        """

    def register(self, type_name: str = "", map_id: int = 0, member: str = "") -> None:
        """Open the wizard: from the start, with a type, or with what a map has."""

    def select_map(self, map_id: int | None) -> None:
        """Another map is looked at: count its programs' runs, look up soon what holds it."""

    def look(self, holders: bool = True) -> None:
        """Look at the kernel now, also while paused; at pins and processes, too."""

    def count_runs(self, on: bool) -> None:
        """Switch run statistics on or off."""

    def hold(self, link: Handle) -> None:
        """Keep an unpinned link, and so its registration, until it is let go or the app ends."""

    def change(self, job: Callable[[], T], done: Callable[[T], object]) -> None:
        """As `lookup`, for a job that changes the kernel: it is not left half done by quitting."""

    def propose(self, make: Callable[[], Proposal]) -> None:
        """Work out a change aside, and ask whether to do it; not while writing is not armed."""

    def may_change(self) -> bool:
        """Whether writing is armed; says how to arm it if not."""

    def retry(self) -> None:
        """Where the kernel cannot be read: try again."""

    def show_map(self, map_id: int) -> None:
        """Come back to the explorer, the cursor on this map, as soon as it is seen there."""

    def show_maps_of(self, type_name: str) -> None:
        """Come back to the explorer, with only the maps of this type."""


class StopsScreen(Screen[None]):
    """A screen between the line that says which kernel this is and the line of keys."""

    WHERE: ClassVar[Where] = "everywhere"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal"), (160, "-wide")]  # noqa: RUF012 (Textual declares it so)

    @property
    def facts(self) -> Facts:
        """What the app knows."""
        return cast("Facts", self.app)

    def compose(self) -> ComposeResult:
        """Frame the screen's own widgets."""
        yield TopLine(self.facts.kernel.host)
        yield from self._timeline()
        yield from self.body()
        yield KeyLine(self.WHERE, self.facts.config.keys)

    def _timeline(self) -> ComposeResult:
        """Of a recording, where one is in it."""
        if self.facts.kernel.host.source == "recording":
            from stops_tui.widgets.timeline import Timeline

            timeline = Timeline(self.facts.config.keys)
            yield timeline
            for name in ("played", "marks"):
                self.watch(self.app, name, _passed_on(timeline, name))

    def body(self) -> ComposeResult:
        """The screen's own widgets."""
        yield from ()

    def on_mount(self) -> None:
        """Follow the app's pulse, and what it may do."""
        top, keys = self.query_one(TopLine), self.query_one(KeyLine)
        for name in ("pulse", "interval", "counting", "armed", "taping"):
            self.watch(self.app, name, _passed_on(top, name))
        self.watch(self.app, "held", lambda held: setattr(top, "held", len(held)))
        self.watch(self.app, "armed", _passed_on(keys, "armed"))


def _passed_on(widget: Widget, name: str) -> Callable[[object], None]:
    """A watcher that sets an attribute; of `partial(setattr, …)` Textual must parse a signature."""
    return lambda value: setattr(widget, name, value)
