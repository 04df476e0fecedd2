"""The main screen: all maps, and every side of the selected one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.markup import escape

from stops_tui.actions import Where, action
from stops_tui.config.keys import key_text
from stops_tui.screens.base import StopsScreen
from stops_tui.struct_ops.holders import MapHolders
from stops_tui.struct_ops.inventory import MemberValue, Snapshot, StructOpsMap
from stops_tui.struct_ops.text import printable
from stops_tui.widgets.detail import DetailTable
from stops_tui.widgets.detail_bar import DetailBar, tabs_of
from stops_tui.widgets.event_strip import EventStrip, last_events
from stops_tui.widgets.keys import bindings
from stops_tui.widgets.line_table import LineTable
from stops_tui.widgets.map_facts import MapFacts
from stops_tui.widgets.map_filter import matcher
from stops_tui.widgets.map_table import SORT_KEYS, MapTable
from stops_tui.widgets.member_table import UNSET, MemberTable

if TYPE_CHECKING:
    from textual.widgets import Input

    from stops_tui.screens.account_watch import AccountWatch

SIDES = {
    "members": "Members",
    "value": "Value",
    "holders": "Holders",
    "map_events": "Events",
    "links": "Links & pins",
}
"""The tabs: the action that shows each, and its label."""
HIGHEST_FIRST = {"refcnt", "members"}


class ExplorerScreen(StopsScreen):
    """Maps above, the selected map below; beside each other where the terminal is wide."""

    WHERE: ClassVar[Where] = "explorer"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("explorer"),
        Binding("escape", "back", "back", show=False, id="back"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._side = "members"
        self._sort = "id"
        self._descending = False
        self._filter = ""
        self._subtitle = ""
        self._awaited: int | None = None
        self._watch: AccountWatch | None = None

    # Building

    def body(self) -> ComposeResult:
        """Map table, the bar between, one side of the map, the last events."""
        keys = self.facts.config.keys
        with Vertical(id="panes"):
            with Vertical(id="map-pane"):
                yield MapTable(self.facts.config.columns, id="maps")
            with Vertical(id="map-sides"):
                yield DetailBar(tabs_of(SIDES, keys))
                yield MemberTable(key_text(action("unset"), keys), id="members")
        yield EventStrip()

    def on_mount(self) -> None:
        """Follow what the app knows."""
        self._maps.border_title = "struct_ops maps"
        self._maps.focus()
        self.watch(self.app, "snapshot", self._show_maps)
        self.watch(self.app, "holders", self._show_maps, init=False)
        self.watch(self.app, "rates", self._show_side, init=False)
        self.watch(self.app, "counting", self._show_side, init=False)

    @property
    def _maps(self) -> MapTable:
        return self.query_one("#maps", MapTable)

    def _make_side(self, side: str) -> DetailTable:
        """The widget of a side that was not looked at so far."""
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
            self._watch = AccountWatch(self, self._show_side)
        return makers[side](id=side)

    # Showing

    def _show_maps(self) -> None:
        """Show the maps that pass the filter, sorted; then the selected one."""
        facts = self.facts
        if facts.snapshot is None:
            return
        maps = self._chosen_maps(facts.snapshot)
        table = self._maps
        table.empty = f"No map matches {self._filter!r}.\nEsc clears the filter."
        table.annotate_header({self._sort: self._arrow})
        table.show_maps(maps, facts.history.refcnts, facts.holders, facts.reasons)
        if self._awaited in facts.snapshot.maps:
            table.move_cursor(self._awaited)
            self._awaited = None
        self._show_title(len(maps), len(facts.snapshot.maps))
        self._show_emptiness(not facts.snapshot.maps)
        self.query_one(EventStrip).events = last_events(facts.history.events)
        self._show_side()

    def _chosen_maps(self, snapshot: Snapshot) -> list[StructOpsMap]:
        """Those that pass the filter, sorted."""
        maps = list(snapshot.maps.values())
        if self._filter:
            matches = matcher(self._filter)
            maps = [map_ for map_ in maps if matches(map_)]
        if self._descending or self._sort != "id":  # a snapshot is sorted by id
            key, holders = SORT_KEYS[self._sort], self.facts.holders
            maps.sort(key=lambda m: key(m, holders.get(m.id)), reverse=self._descending)
        return maps

    @property
    def _arrow(self) -> str:
        return "↓" if self._descending else "↑"

    def _show_title(self, shown: int, all_: int) -> None:
        parts = [f"{shown:,} of {all_:,}", f"sort: {self._sort} {self._arrow}"]
        if self._filter:
            parts.append(f"filter: {printable(self._filter)}")
        subtitle = " · ".join(parts)
        if subtitle != self._subtitle:
            self._subtitle = subtitle
            self._maps.border_subtitle = escape(subtitle)

    def _show_emptiness(self, empty: bool) -> None:
        """Say what struct_ops is while there is no map, in place of empty tables."""
        pages = self.query("EmptyHost")
        if empty and not pages:
            from stops_tui.widgets.empty_host import EmptyHost

            self.mount(EmptyHost(self.facts.config.keys), before="#panes")
        pages.set(display=empty)
        self.query_one("#panes").display = not empty

    @property
    def _selected(self) -> StructOpsMap | None:
        snapshot, key = self.facts.snapshot, self._maps.cursor_key
        return snapshot.maps.get(key) if snapshot and isinstance(key, int) else None

    def _show_side(self) -> None:
        """Show the chosen side of the selected map."""
        map_, bar = self._selected, self.query_one(DetailBar)
        side = self.query_one(f"#{self._side}", DetailTable)
        self._follow_holders(map_)
        if map_ is None:
            bar.crumbs, bar.counts = "", {}
            side.forget()
            return
        facts = self._facts_of(map_)
        bar.crumbs = f"{map_.id} {map_.name}"
        bar.counts = {"map_events": len(facts.events)}
        side.see(facts)

    def _facts_of(self, map_: StructOpsMap) -> MapFacts:
        facts, watch = self.facts, self._watch
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

    def _follow_holders(self, map_: StructOpsMap | None) -> None:
        """Look for the kernel's users of the map while who holds it is on the screen."""
        if self._watch:
            seen = self._side == "holders" and self.is_active
            self._watch.follow(map_ if seen else None)

    def on_screen_suspend(self) -> None:
        """Another screen covers this one: nobody sees who holds the map."""
        self._follow_holders(None)

    def on_screen_resume(self) -> None:
        """It is seen again."""
        self._follow_holders(self._selected)

    @on(LineTable.Highlighted, "#maps")
    def _select(self) -> None:
        map_ = self._selected
        self.facts.select_map(map_.id if map_ else None)
        self._show_side()

    # Going deeper, and back

    @on(LineTable.Chosen, "#maps")
    def _enter_map(self) -> None:
        self.query_one(f"#{self._side}", DetailTable).focus()

    @on(LineTable.Chosen, "#members")
    async def _enter_member(self, message: LineTable.Chosen) -> None:
        if message.key == UNSET:
            await self.action_unset()
            return
        value = self._member(message.key)
        if value and value.prog_id:
            self._open_program(value)
        elif value and value.member.kind == "data":
            await self._turn_to("value")
        elif value and self._selected:
            self.facts.register(map_id=self._selected.id, member=value.member.name)

    def _member(self, index: object) -> MemberValue | None:
        map_ = self._selected
        members: Sequence[MemberValue] = map_.members if map_ else ()
        return next((value for value in members if value.member.index == index), None)

    def _open_program(self, value: MemberValue) -> None:
        from stops_tui.screens.program import ProgramScreen

        trail = f"{self.query_one(DetailBar).crumbs} › {value.member.name}"
        self.app.push_screen(ProgramScreen(value.prog_id, trail))

    @on(LineTable.Chosen, "#value")
    def _toggle_part(self, message: LineTable.Chosen) -> None:
        from stops_tui.widgets.value_table import ValueTable

        self.query_one("#value", ValueTable).toggle(message.key)

    @on(LineTable.Chosen, "#holders")
    def _open_holder(self) -> None:
        """List the sockets at the cursor."""
        from stops_tui.screens.sockets import SocketsScreen
        from stops_tui.widgets.holders_table import HoldersTable

        account = self._watch.account if self._watch else None
        part = self.query_one("#holders", HoldersTable).chosen
        if account and part and part.place:
            self.app.push_screen(SocketsScreen(account, part.place))

    def action_open(self) -> None:
        """Open the row under the cursor of the focused table."""
        if isinstance(self.focused, LineTable):
            self.focused.action_choose()

    def action_back(self) -> None:
        """Leave the filter's line, or the side for the maps, or clear the filter."""
        if self.query("#filter"):
            self._close_filter()
            self._set_filter("")
        elif self.focused is not self._maps:
            self._maps.focus()
        else:
            self._set_filter("")

    def show_map(self, map_id: int) -> None:
        """Put the cursor on this map, as soon as it is there."""
        if map_id not in {row.key for row in self._maps.rows}:
            self._set_filter("")
            self._awaited = map_id
        self._maps.move_cursor(map_id)

    def show_maps_of(self, type_name: str) -> None:
        """Show only the maps of this type."""
        self._set_filter(f"type:{type_name}")
        self._maps.focus()

    # The sides

    async def _turn_to(self, side: str) -> None:
        """Show another side; the focus goes along if it was on the one before."""
        before = self.query_one(f"#{self._side}", DetailTable)
        had_focus = before.has_focus
        self._side = side
        if not self.query(f"#{side}"):
            await self.query_one("#map-sides").mount(self._make_side(side))
        after = self.query_one(f"#{side}", DetailTable)
        before.display = False
        after.display = True
        if had_focus:
            after.focus()
        self.query_one(DetailBar).active = side
        self._show_side()

    @on(DetailBar.Picked)
    async def _pick_side(self, message: DetailBar.Picked) -> None:
        await self._turn_to(message.action)

    async def action_members(self) -> None:
        """Show the members."""
        await self._turn_to("members")

    async def action_value(self) -> None:
        """Show the value."""
        await self._turn_to("value")

    async def action_holders(self) -> None:
        """Show who holds it."""
        await self._turn_to("holders")

    async def action_map_events(self) -> None:
        """Show its events."""
        await self._turn_to("map_events")

    async def action_links(self) -> None:
        """Show its links and pins."""
        await self._turn_to("links")

    async def action_unset(self) -> None:
        """Show or hide the members that are not set."""
        self.query_one(MemberTable).toggle_unset()
        await self._turn_to("members")

    async def action_raw(self) -> None:
        """Show the value's bytes, or hide them."""
        from stops_tui.widgets.value_table import ValueTable

        await self._turn_to("value")
        self.query_one("#value", ValueTable).toggle_raw()

    # Filter and sort

    async def action_filter(self) -> None:
        """Open the line to type a filter in."""
        from stops_tui.widgets.line_input import LineInput

        if not self.query("#filter"):
            line = LineInput(self._filter, placeholder="name, type:tcp, state:inuse …", id="filter")
            await self.query_one("#map-pane").mount(line)
        self.set_focus(self.query_one("#filter"))  # now: more keys may wait already

    def on_input_changed(self, message: Input.Changed) -> None:
        """Filter as one types."""
        self._set_filter(message.value)

    def on_input_submitted(self) -> None:
        """Keep the filter, go back to the maps."""
        self._close_filter()

    def _close_filter(self) -> None:
        self.query("#filter").remove()
        self._maps.focus()

    def _set_filter(self, text: str) -> None:
        if text != self._filter:
            self._filter = text
            self._show_maps()

    def action_sort(self) -> None:
        """Ask for the column to sort by."""
        from stops_tui.screens.choose import ChooseScreen, Option

        options = [
            Option(column.key, column.label, self._sort_note(column.key))
            for column in self._maps.columns
            if column.key in SORT_KEYS
        ]
        self.app.push_screen(ChooseScreen("Sort maps by", options, self._sort), self._sort_by)

    def _sort_note(self, key: str) -> str:
        return f"now {self._arrow}; again turns it round" if key == self._sort else ""

    @on(LineTable.HeaderClicked, "#maps")
    def _click_header(self, message: LineTable.HeaderClicked) -> None:
        self._sort_by(message.column)

    def _sort_by(self, column: str | None) -> None:
        """Sort by a column, numbers from the highest; the same column again turns it round."""
        if column is None or column not in SORT_KEYS:
            return
        turned = not self._descending if column == self._sort else column in HIGHEST_FIRST
        self._sort, self._descending = column, turned
        self._show_maps()

    # Changing the kernel

    async def action_demo(self) -> None:
        """Leave for the demo kernel."""
        await self.app.run_action("app.demo")

    def action_register(self) -> None:
        """Open the wizard."""
        self.facts.register()

    def action_unregister(self) -> None:
        """Propose to end the registration of the map, or of the link at the cursor."""
        kind, object_id, _ = self._object_at_cursor
        if object_id:
            from stops_tui.screens.proposals import unregistering

            facts = self.facts
            ids = {f"{kind}_id": object_id}
            facts.propose(partial(unregistering, facts.kernel, facts.held, **ids))

    def action_remove_pin(self) -> None:
        """Propose to remove the pin at the cursor."""
        _, _, path = self._object_at_cursor
        if path:
            from stops_tui.screens.proposals import unpinning

            self.facts.propose(partial(unpinning, self.facts.kernel, self.facts.held, path))
        else:
            key = key_text(action("links"), self.facts.config.keys)
            self.notify(f"Choose a pin among links and pins ({key}) first.", severity="warning")

    def action_swap(self) -> None:
        """Propose to put the map into a link."""
        from stops_tui.screens.swapping import ask_for_link

        map_ = self._selected
        if map_ and self.facts.may_change():
            ask_for_link(self.app, self.facts, map_.id)

    def action_try_it(self) -> None:
        """Open the panel that makes traffic."""
        if map_ := self._selected:
            self.try_map(map_)

    def try_map(self, map_: StructOpsMap) -> None:
        """Open the panel that makes traffic under this map, if it can."""
        from stops_tui.screens.try_it import TryScreen, why_not

        if not self.facts.may_change():
            return
        if problem := why_not(map_):
            self.notify(problem, severity="warning", markup=False)
            return
        self.app.push_screen(TryScreen(map_))

    @property
    def _object_at_cursor(self) -> tuple[str, int, str]:
        """Among links and pins the one at the cursor: kind, id, path; else the selected map."""
        from stops_tui.widgets.links_table import LinksTable

        map_ = self._selected
        if isinstance(table := self.focused, LinksTable) and table.chosen:
            return table.chosen
        return ("map", map_.id if map_ else 0, "")

    # The clipboard

    def action_copy(self) -> None:
        """Ask what of the selected map, or of the member at the cursor, to copy."""
        from stops_tui.screens.choose import ChooseScreen, Option

        map_ = self._selected
        if map_ is None:
            return
        copies = self._copies(map_)
        options = [
            Option(name, name, printable(" ".join(text.split()), 40))
            for name, text in copies.items()
        ]
        self.app.push_screen(ChooseScreen("Copy", options), partial(self._copy, copies))

    def _copies(self, map_: StructOpsMap) -> dict[str, str]:
        """What may be copied, by name."""
        import json

        from stops_tui.report.maps import as_object

        facts = self.facts
        snapshot = facts.snapshot or Snapshot(0)
        copies = {"map id": str(map_.id), "map name": map_.name}
        members = self.query_one(MemberTable)
        value = self._member(members.cursor_key) if members.has_focus else None
        if value and value.prog_id:
            program = snapshot.programs.get(value.prog_id)
            copies |= {"program id": str(value.prog_id)}
            copies |= {"program name": program.name} if program else {}
        holders = facts.holders.get(map_.id, MapHolders())
        copies["map as JSON"] = json.dumps(as_object(map_, snapshot, holders), indent=2)
        return copies

    def _copy(self, copies: dict[str, str], name: str | None) -> None:
        if name:
            self.app.copy_to_clipboard(copies[name])
            self.notify(f"Copied the {name}.", markup=False)
