"""The main screen: all maps, and every side of the selected one."""

from __future__ import annotations

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
from stops_tui.screens.map_sides import MapSides
from stops_tui.struct_ops.inventory import StructOpsMap
from stops_tui.widgets.event_strip import EventStrip, last_events
from stops_tui.widgets.keys import bindings
from stops_tui.widgets.line_table import LineTable
from stops_tui.widgets.map_order import MapOrder
from stops_tui.widgets.map_table import SORT_KEYS, MapTable

if TYPE_CHECKING:
    from textual.widgets import Input


class ExplorerScreen(StopsScreen):
    """Maps above, the selected map below; beside each other where the terminal is wide."""

    WHERE: ClassVar[Where] = "explorer"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("explorer"),
        Binding("escape", "back", "back", show=False, id="back"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._order = MapOrder()
        self._subtitle = ""
        self._awaited: int | None = None

    # Building

    def body(self) -> ComposeResult:
        """Map table, one side of the map, the last events."""
        with Vertical(id="panes"):
            with Vertical(id="map-pane"):
                yield MapTable(self.facts.config.columns, id="maps")
            yield MapSides(id="map-sides")
        yield EventStrip()

    def on_mount(self) -> None:
        """Follow what the app knows."""
        self._maps.border_title = "struct_ops maps"
        self._maps.focus()
        self.watch(self.app, "snapshot", self._show_maps)
        self.watch(self.app, "holders", self._show_maps, init=False)

    @property
    def _maps(self) -> MapTable:
        return self.query_one("#maps", MapTable)

    @property
    def _sides(self) -> MapSides:
        return self.query_one(MapSides)

    def _key(self, action_id: str) -> str:
        """The key of an action, as the screen writes it."""
        return key_text(action(action_id), self.facts.config.keys)

    # Showing

    def _show_maps(self) -> None:
        """Show the maps that pass the filter, sorted; then the selected one."""
        facts = self.facts
        if facts.snapshot is None:
            return
        table, order = self._maps, self._order
        maps = order.choose(facts.snapshot.maps.values(), facts.holders)
        table.empty = f"No map matches {order.text!r}.\n{self._key('back')} clears the filter."
        table.annotate_header({order.sort: order.arrow})
        table.show_maps(maps, facts.history.refcnts, facts.holders, facts.reasons)
        if self._awaited in facts.snapshot.maps:
            table.move_cursor(self._awaited)
            self._awaited = None
        self._show_title(order.words(len(maps), len(facts.snapshot.maps)))
        self._show_emptiness(not facts.snapshot.maps)
        self.query_one(EventStrip).events = last_events(facts.history.events)
        self._sides.show(self._selected)

    def _show_title(self, subtitle: str) -> None:
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

    def on_screen_suspend(self) -> None:
        """Another screen covers this one: nobody sees who holds the map."""
        self._sides.follow(False)

    def on_screen_resume(self) -> None:
        """It is seen again."""
        self._sides.follow(True)

    @on(LineTable.Highlighted, "#maps")
    def _select(self) -> None:
        map_ = self._selected
        self.facts.select_map(map_.id if map_ else None)
        self._sides.show(map_)

    # Going deeper, and back

    @on(LineTable.Chosen, "#maps")
    def _enter_map(self) -> None:
        self._sides.open_side.focus()

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

    async def action_members(self) -> None:
        """Show the members."""
        await self._sides.turn_to("members")

    async def action_value(self) -> None:
        """Show the value."""
        await self._sides.turn_to("value")

    async def action_holders(self) -> None:
        """Show who holds it."""
        await self._sides.turn_to("holders")

    async def action_map_events(self) -> None:
        """Show its events."""
        await self._sides.turn_to("map_events")

    async def action_links(self) -> None:
        """Show its links and pins."""
        await self._sides.turn_to("links")

    async def action_unset(self) -> None:
        """Show or hide the members that are not set."""
        await self._sides.toggle_unset()

    async def action_raw(self) -> None:
        """Show the value's bytes, or hide them."""
        await self._sides.toggle_raw()

    # Filter and sort

    async def action_filter(self) -> None:
        """Open the line to type a filter in."""
        from stops_tui.widgets.line_input import LineInput

        if not self.query("#filter"):
            line = LineInput(
                self._order.text, placeholder="name, type:tcp, state:inuse …", id="filter"
            )
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
        self._show_in(self._order._replace(text=text))

    def _show_in(self, order: MapOrder) -> None:
        if order != self._order:
            self._order = order
            self._show_maps()

    def action_sort(self) -> None:
        """Ask for the column to sort by."""
        from stops_tui.screens.choose import ChooseScreen, Option

        options = [
            Option(column.key, column.label, self._sort_note(column.key))
            for column in self._maps.columns
            if column.key in SORT_KEYS
        ]
        self.app.push_screen(ChooseScreen("Sort maps by", options, self._order.sort), self._sort_by)

    def _sort_note(self, key: str) -> str:
        order = self._order
        return f"now {order.arrow}; again turns it round" if key == order.sort else ""

    @on(LineTable.HeaderClicked, "#maps")
    def _click_header(self, message: LineTable.HeaderClicked) -> None:
        self._sort_by(message.column)

    def _sort_by(self, column: str | None) -> None:
        if column and column in SORT_KEYS:
            self._show_in(self._order.by(column))

    # Changing the kernel

    async def action_demo(self) -> None:
        """Leave for the demo kernel."""
        await self.app.run_action("app.demo")

    def action_register(self) -> None:
        """Open the wizard."""
        self.facts.register()

    def action_unregister(self) -> None:
        """Propose to end the registration of the map, or of the link at the cursor."""
        if kept := self._sides.kept:
            self._unregister(*kept[:2])
        elif map_ := self._selected:
            self._unregister("map", map_.id)

    def _unregister(self, kind: str, object_id: int) -> None:
        from stops_tui.screens.proposals import unregistering

        facts = self.facts
        ids = {f"{kind}_id": object_id}
        facts.propose(partial(unregistering, facts.kernel, facts.held, **ids))

    def action_remove_pin(self) -> None:
        """Propose to remove the pin at the cursor."""
        _, _, path = self._sides.kept or ("", 0, "")
        if path:
            from stops_tui.screens.proposals import unpinning

            self.facts.propose(partial(unpinning, self.facts.kernel, self.facts.held, path))
        else:
            words = f"Choose a pin among links and pins ({self._key('links')}) first."
            self.notify(words, severity="warning")

    def action_swap(self) -> None:
        """Propose to put the map into a link."""
        from stops_tui.screens.swapping import ask_for_link

        map_ = self._selected
        if map_ and self.facts.may_change():
            ask_for_link(self.app, self.facts, map_.id)

    def action_try_it(self) -> None:
        """Open the panel that makes traffic."""
        from stops_tui.screens.try_it import open_trial

        if map_ := self._selected:
            open_trial(self.app, self.facts, map_)

    # The clipboard

    def action_copy(self) -> None:
        """Ask what of the selected map, or of the member at the cursor, to copy."""
        from stops_tui.screens.copying import ask_what_to_copy

        if map_ := self._selected:
            ask_what_to_copy(self.app, self.facts, map_, self._sides.member)
