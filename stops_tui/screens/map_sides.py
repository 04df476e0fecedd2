"""The sides of one map, one at a time: members, value, holders, events, links and pins."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical

from stops_tui.actions import action
from stops_tui.config.keys import key_text
from stops_tui.screens.base import Facts, StopsScreen
from stops_tui.struct_ops.holders import MapHolders
from stops_tui.struct_ops.inventory import MemberValue, StructOpsMap
from stops_tui.widgets.detail import DetailTable
from stops_tui.widgets.detail_bar import DetailBar, tabs_of
from stops_tui.widgets.line_table import LineTable
from stops_tui.widgets.map_facts import MapFacts
from stops_tui.widgets.member_table import UNSET, MemberTable

if TYPE_CHECKING:
    from stops_tui.screens.account_watch import AccountWatch

SIDES = {
    "members": "Members",
    "value": "Value",
    "holders": "Holders",
    "map_events": "Events",
    "links": "Links & pins",
}
"""The tabs: the action that shows each, and its label."""


class MapSides(Vertical):
    """A bar of tabs, and the side that is open; the others are made when they are first seen."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 (Textual's name)
        super().__init__(id=id)
        self._map: StructOpsMap | None = None
        self._side = "members"
        self._watch: AccountWatch | None = None

    def compose(self) -> ComposeResult:
        """The bar, and the members."""
        keys = self._facts.config.keys
        yield DetailBar(tabs_of(SIDES, keys))
        yield MemberTable(key_text(action("unset"), keys), id="members")

    def on_mount(self) -> None:
        """Follow the rates of the map's programs."""
        self.watch(self.app, "rates", self._show, init=False)
        self.watch(self.app, "counting", self._show, init=False)

    @property
    def _facts(self) -> Facts:
        return cast("Facts", self.app)

    @property
    def _members(self) -> MemberTable:
        return self.query_one(MemberTable)

    @property
    def open_side(self) -> DetailTable:
        """The table that is seen."""
        return self.query_one(f"#{self._side}", DetailTable)

    # Showing

    def show(self, map_: StructOpsMap | None) -> None:
        """Show this map, or that there is none."""
        self._map = map_
        self._show()

    def _show(self) -> None:
        bar, map_ = self.query_one(DetailBar), self._map
        self.follow(self.screen.is_active)
        if map_ is None:
            bar.crumbs, bar.counts = "", {}
            self.open_side.forget()
            return
        facts = self._facts_of(map_)
        bar.crumbs = f"{map_.id} {map_.name}"
        bar.counts = {"map_events": len(facts.events)}
        self.open_side.see(facts)

    def _facts_of(self, map_: StructOpsMap) -> MapFacts:
        facts, watch = self._facts, self._watch
        seen = facts.raw_holders
        return MapFacts(
            map=map_,
            programs=facts.snapshot.programs if facts.snapshot else {},
            events=facts.history.events_of(map_.id),
            holders=facts.holders.get(map_.id, MapHolders()) if seen else None,
            unseen=seen.unseen if seen else (),
            rates=facts.rates if facts.counting else None,
            held=[link.id for link in facts.held],
            account=watch.account if watch else None,
            looking=bool(watch and watch.late),
            problem=watch.problem if watch else "",
        )

    def follow(self, seen: bool) -> None:
        """Look for the kernel's users of the map while somebody sees who holds it.

        Args:
            seen: Whether no other screen covers this one.
        """
        if self._watch:
            self._watch.follow(self._map if seen and self._side == "holders" else None)

    # Turning to another side

    async def turn_to(self, side: str) -> None:
        """Show another side; the focus goes along if it was on the one before."""
        before = self.open_side
        had_focus = before.has_focus
        self._side = side
        if not self.query(f"#{side}"):
            await self.mount(self._make(side))
        before.display = False
        self.open_side.display = True
        if had_focus:
            self.open_side.focus()
        self.query_one(DetailBar).active = side
        self._show()

    def _make(self, side: str) -> DetailTable:
        """The table of a side that was not looked at so far."""
        from stops_tui.screens.account_watch import AccountWatch
        from stops_tui.widgets.event_table import MapEvents
        from stops_tui.widgets.holders_table import HoldersTable
        from stops_tui.widgets.links_table import LinksTable
        from stops_tui.widgets.value_table import ValueTable

        makers: dict[str, type[ValueTable | HoldersTable | MapEvents | LinksTable]] = {
            "value": ValueTable,
            "holders": HoldersTable,
            "map_events": MapEvents,
            "links": LinksTable,
        }
        if side == "holders":
            self._watch = AccountWatch(cast("StopsScreen", self.screen), self._show)
        return makers[side](id=side)

    @on(DetailBar.Picked)
    async def _pick(self, message: DetailBar.Picked) -> None:
        await self.turn_to(message.action)

    async def toggle_unset(self) -> None:
        """Show or hide the members that are not set."""
        self._members.toggle_unset()
        await self.turn_to("members")

    async def toggle_raw(self) -> None:
        """Show the value's bytes, or hide them."""
        from stops_tui.widgets.value_table import ValueTable

        await self.turn_to("value")
        self.query_one(ValueTable).toggle_raw()

    # What is at the cursor

    @property
    def member(self) -> MemberValue | None:
        """The member at the cursor, while members are focused."""
        return self._member(self._members.cursor_key) if self._members.has_focus else None

    def _member(self, index: object) -> MemberValue | None:
        members = self._map.members if self._map else ()
        return next((value for value in members if value.member.index == index), None)

    @property
    def kept(self) -> tuple[str, int, str] | None:
        """What the cursor is on among links and pins, while they are focused: kind, id, path."""
        from stops_tui.widgets.links_table import LinksTable

        side = self.open_side
        return side.chosen if isinstance(side, LinksTable) and side.has_focus else None

    # Going deeper

    @on(LineTable.Chosen, "#members")
    async def _enter_member(self, message: LineTable.Chosen) -> None:
        if message.key == UNSET:
            await self.toggle_unset()
            return
        value = self._member(message.key)
        if value and value.prog_id:
            self._open_program(value)
        elif value and value.member.kind == "data":
            await self.turn_to("value")
        elif value and self._map:
            self._facts.register(map_id=self._map.id, member=value.member.name)

    def _open_program(self, value: MemberValue) -> None:
        from stops_tui.screens.program import ProgramScreen

        trail = f"{self.query_one(DetailBar).crumbs} › {value.member.name}"
        self.app.push_screen(ProgramScreen(value.prog_id, trail))

    @on(LineTable.Chosen, "#value")
    def _toggle_part(self, message: LineTable.Chosen) -> None:
        from stops_tui.widgets.value_table import ValueTable

        self.query_one(ValueTable).toggle(message.key)

    @on(LineTable.Chosen, "#holders")
    def _open_holder(self) -> None:
        """List the sockets at the cursor."""
        from stops_tui.screens.sockets import SocketsScreen
        from stops_tui.widgets.holders_table import HoldersTable

        account = self._watch.account if self._watch else None
        part = self.query_one(HoldersTable).chosen
        if account and part and part.place:
            self.app.push_screen(SocketsScreen(account, part.place))
