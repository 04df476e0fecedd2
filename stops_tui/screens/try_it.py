"""Trying a congestion control: connections over loopback, and what they do to its map."""

from __future__ import annotations

from typing import Any

from rich.text import Text
from textual import on
from textual.app import App, ComposeResult
from textual.containers import Horizontal, Vertical
from textual.markup import escape
from textual.timer import Timer
from textual.widgets import Input, Label, Static

from stops_tui.kernels.traffic import MOST_CONNECTIONS, MOST_SECONDS, Traffic, TrafficSeen
from stops_tui.screens.base import Facts
from stops_tui.screens.dialog import Dialog
from stops_tui.struct_ops.inventory import StructOpsMap
from stops_tui.struct_ops.members import name_in_subsystem
from stops_tui.struct_ops.text import count, printable
from stops_tui.widgets.button_line import ButtonLine, Do
from stops_tui.widgets.call_table import CallTable
from stops_tui.widgets.holders_table import account
from stops_tui.widgets.map_facts import MapFacts
from stops_tui.widgets.map_table import sparkline
from stops_tui.widgets.palette import palette

TRIED = "tcp_congestion_ops"
TICK = 0.5
CONNECTIONS = 10
"""What is offered first."""
MIB = 1 << 20


def why_not(map_: StructOpsMap) -> str:
    """Why this map cannot be tried; "" if it can."""
    if map_.type_name != TRIED:
        return f"Only a {TRIED} can be tried: connections are opened under it."
    if map_.status not in ("registered", "attached"):
        return f"Map {map_.id} is {map_.status}: only one that is registered can be tried."
    return ""


def open_trial(app: App[Any], facts: Facts, map_: StructOpsMap) -> None:
    """Open the panel that makes traffic under this map, if it can."""
    if not facts.may_change():
        return
    if problem := why_not(map_):
        app.notify(problem, severity="warning", markup=False)
    else:
        app.push_screen(TryScreen(map_))


class TryScreen(Dialog[None]):
    """How many connections; then what they do: reference count, calls, bytes."""

    DEFAULT_CSS = """
    TryScreen > .frame {
        width: 94%; max-width: 110; height: 22; max-height: 100%; padding: 1 1 0 1;
        & > Horizontal { height: 1; padding: 0 1; }
        & Input { width: 8; height: 1; border: none; padding: 0 1; background: $boost; }
        & Label { color: $text-muted; padding: 0 1 0 0; }
        & #limits { padding: 0 0 0 2; }
        & > Static { height: auto; padding: 0 1; margin: 1 0 0 0; }
        & > CallTable { height: 1fr; margin: 1 0 0 0; }
    }
    """

    def __init__(self, map_: StructOpsMap) -> None:
        """Args: map_: A registered tcp_congestion_ops."""
        super().__init__()
        self._map = map_
        self._control = name_in_subsystem(map_.type, map_.raw.value) if map_.type else ""
        self._traffic: Traffic | None = None
        self._ticks: Timer | None = None
        self._counts = False
        self._note = ""

    def compose(self) -> ComposeResult:
        """The number, what is seen, the members with their calls, the buttons."""
        with Vertical(classes="frame") as box:
            box.border_title = escape(f"Try map {self._map.id} {printable(self._map.name)}")
            with Horizontal():
                yield Label("Connections")
                yield Input(
                    str(CONNECTIONS), restrict="[0-9]*", max_length=4, compact=True, id="number"
                )
                limits = f"1 to {MOST_CONNECTIONS:,}, over loopback, {MOST_SECONDS:.0f} s at most"
                yield Label(limits, id="limits", markup=False)
            yield Static(id="seen", markup=False)
            yield CallTable(id="calls")
            yield ButtonLine()

    async def on_mount(self) -> None:
        """Ask how many."""
        await self._offer()
        self.query_one(Input).focus()
        for fact in ("snapshot", "rates", "counting"):
            self.watch(self.app, fact, self._show)

    async def _offer(self) -> None:
        running = self._traffic is not None
        go = Do("screen.stop", "Stop", True) if running else Do("screen.start", "Start", True)
        await self.query_one(ButtonLine).offer((go, Do("screen.leave", "Close")))

    # Traffic

    @on(Input.Submitted)
    async def action_start(self) -> None:
        """Open the connections, and count what the programs do."""
        number = int(self.query_one(Input).value or 0)
        if self._traffic or not 1 <= number <= MOST_CONNECTIONS:
            self._note = f"Give a number from 1 to {MOST_CONNECTIONS:,}."
            self._show()
            return
        self._note = ""
        facts = self.facts
        self._counts = not facts.counting
        if self._counts:
            facts.count_runs(True)
        self._traffic = facts.kernel.traffic(self._control, number)
        self._ticks = self.set_interval(TICK, self._tick)
        await self._offer()
        self.query_one(ButtonLine).focus_primary()

    def _tick(self) -> None:
        """Look what the connections do; they may have ended by themselves."""
        self.facts.look(holders=False)
        self._show()
        if self._traffic and self._traffic.seen.ended:
            self.call_later(self.action_stop)  # not here: it ends the timer that is running this

    async def action_stop(self) -> None:
        """Close the connections."""
        if self._traffic:
            self._note = self._traffic.seen.problem
        self._end()
        await self._offer()
        self.query_one(ButtonLine).focus_primary()
        self.facts.look(holders=False)

    def _end(self) -> None:
        """Leave nothing behind: no connection, no statistics that were off before."""
        if self._ticks:
            self._ticks.stop()
        if self._traffic:
            self._traffic.close()
            self._traffic = None
        if self._counts:
            self.facts.count_runs(False)
            self._counts = False

    def on_unmount(self) -> None:
        """However it is left, the connections are closed."""
        if self._traffic:
            self._traffic.close()

    def action_leave(self) -> None:
        """Close the connections, and leave."""
        self._end()
        super().action_leave()

    # Showing

    def _show(self) -> None:
        facts = self.facts
        map_ = facts.snapshot.maps.get(self._map.id) if facts.snapshot else None
        self._map = map_ or self._map
        seen = self._traffic.seen if self._traffic else None
        self.query_one("#seen", Static).update(self._seen_text(seen, gone=map_ is None))
        programs = facts.snapshot.programs if facts.snapshot else {}
        rates = facts.rates if facts.counting else None
        self.query_one(CallTable).see(MapFacts(self._map, programs, rates=rates))

    def _seen_text(self, seen: TrafficSeen | None, gone: bool) -> Text:
        """How far it is, and what the kernel says of the map."""
        styles = palette(self.app)
        text = Text()
        if seen:
            text.append(count(seen.open, "connection") + " open", styles["strong"])
            text.append(f", {seen.sent / MIB:,.1f} MiB sent, {seen.seconds:.0f} s")
        else:
            text.append(
                self._note or "No connection is open.", styles["warn" if self._note else "dim"]
            )
        history = sparkline(self.facts.history.refcnts(self._map.id))
        text.append("\nThe map is gone." if gone else f"\n{account(self._map)}  ")
        return text.append("" if gone else history, styles["accent"])
