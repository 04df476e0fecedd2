"""The fourth step: how it is registered, what holds it, and what the map is called."""

from __future__ import annotations

import posixpath
from collections.abc import Hashable

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.markup import escape
from textual.widgets import Checkbox, Input, Static

from stops_tui.bpf.info import NAME_LENGTH
from stops_tui.screens.register.draft import Draft
from stops_tui.screens.register.step import Step
from stops_tui.struct_ops.members import name_in_subsystem
from stops_tui.struct_ops.registration.life_checks import pin_problem
from stops_tui.struct_ops.registration.lifetime import lifetime
from stops_tui.struct_ops.registration.naming import name_problem
from stops_tui.struct_ops.subsystems import of_type
from stops_tui.struct_ops.text import printable
from stops_tui.widgets.line_input import LineInput
from stops_tui.widgets.line_table import Column, LineTable, Row, Span
from stops_tui.widgets.tick_box import TickBox

PLAIN, PINNED, HELD = "plain", "pinned", "held"
"""The ways to register anew; a number stands for the link to put it into."""

Way = str | int

BPFFS = "/sys/fs/bpf"
"""Where a bpffs is by custom."""


class LifetimeStep(Step):
    """The ways to live, the map's name, the pin; beneath, what survives this program's end."""

    HELP = """How the map is registered, and what keeps it registered. A plain map is registered by
writing its value: the kernel keeps it until it is unregistered. A link registers it for as long as
somebody holds the link: a pin in a bpffs, or an open file of this program. A link that is there can
be given the new map instead, without a moment in which neither is registered."""
    DEFAULT_CSS = """
    LifetimeStep {
        & > LineTable { height: auto; max-height: 50%; min-height: 5; }
        & > VerticalScroll { height: 1fr; padding: 1 2 0 2; scrollbar-size-vertical: 1; }
        & Horizontal { height: 1; }
        & .name { width: 12; }
        & Input { width: 40; background: $boost; padding: 0 1; }
        & Input:ansi { background: $ansi-background; }
        & .note { width: 1fr; padding: 0 0 0 2; color: $text-muted; }
        & .-wrong > .note { color: $text-error; }
        & TickBox { margin: 0 0 0 12; }
        & #survives { height: auto; margin: 1 0 0 0; }
    }
    """

    def __init__(self, draft: Draft, focus: str = "") -> None:
        super().__init__(draft, focus)
        self._way = _way_of(draft)

    def compose(self) -> ComposeResult:
        """Ways, name, pin, mount, and what that comes to."""
        columns = (
            Column("chosen", "", 1),
            Column("way", "", 26, least=20),
            Column("ends", "", 44, least=20, grow=True),
        )
        table = LineTable(columns, header=False, id="ways")
        table.add_class("box")
        table.border_title = "How it lives"
        yield table
        with VerticalScroll(can_focus=False):
            with Horizontal(id="map-name"):
                yield Static("map name", classes="name")
                yield LineInput(self.draft.plan.map_name, compact=True, id="name")
                yield Static(classes="note", markup=False)
            with Horizontal(id="pin"):
                yield Static("pin at", classes="name")
                yield LineInput(self.draft.plan.pin, compact=True, id="path")
                yield Static(classes="note", markup=False)
            yield TickBox("", bool(self.draft.plan.mount), id="mount")
            yield Static(id="survives", markup=False)

    def on_mount(self) -> None:
        """Show what is chosen."""
        self._show()
        self._table.move_cursor(self._way)

    @property
    def _table(self) -> LineTable:
        return self.query_one("#ways", LineTable)

    def begin(self) -> None:
        """At the ways."""
        self._table.focus()

    # Choosing

    @on(LineTable.Highlighted, "#ways")
    def _choose(self) -> None:
        key: Hashable = self._table.cursor_key
        if isinstance(key, Way) and key != self._way:
            self._way = key
            self._apply()

    @on(LineTable.Chosen, "#ways")
    def _go_on_from_ways(self) -> None:
        if self._way == PINNED:
            self.query_one("#path").focus()
        else:
            self.go_on()

    @on(Input.Changed, "#name")
    def _name_changed(self, message: Input.Changed) -> None:
        self.draft.change(map_name=message.value)
        self._apply()

    @on(Input.Changed, "#path")
    def _path_changed(self) -> None:
        self._apply()

    @on(Checkbox.Changed, "#mount")
    def _mount_changed(self) -> None:
        self._apply()

    @on(Input.Submitted)
    def _submitted(self, message: Input.Submitted) -> None:
        mount = self.query_one("#mount")
        if message.input.id == "path" and mount.display and not self.draft.plan.mount:
            mount.focus()
        else:
            self.to_buttons()

    def _apply(self) -> None:
        """Take all of it into the plan."""
        link = self._way if isinstance(self._way, int) else 0
        pin = self.query_one("#path", Input).value if self._way in (PLAIN, PINNED) else ""
        if self._way == PINNED and not pin:
            pin = self._default_pin
        self.draft.change(link=self._way in (PINNED, HELD), replace_link=link, pin=pin, mount="")
        folder = self._folder_to_mount()
        ticked = self.query_one("#mount", Checkbox).value
        self.draft.change(mount=folder if ticked else "")
        self._show()

    @property
    def _default_pin(self) -> str:
        mounted = self.draft.facts.conditions.bpffs
        folder = mounted[0].path if mounted else BPFFS
        return f"{folder}/{self.draft.complete.map_name.replace('.', '_')}"

    def _folder_to_mount(self) -> str:
        """Where a bpffs would have to be mounted for the pin; "" if one is there, or no pin is."""
        pin = self.draft.plan.pin
        inside = any(
            pin.startswith(bpffs.path.rstrip("/") + "/")
            for bpffs in self.draft.facts.conditions.bpffs
        )
        return "" if inside or not pin.startswith("/") else posixpath.dirname(pin)

    # Showing

    def _show(self) -> None:
        self._table.show_rows([_row(way, words, way == self._way) for way, words in self._ways()])
        self._show_name()
        self._show_pin()
        self.query_one("#survives", Static).update(_survives(self.draft))

    def _ways(self) -> list[tuple[Way, str]]:
        """What this type and kernel allow, and in a few words what ends each."""
        draft = self.draft
        known = of_type(draft.plan.type_name).registering
        links = known.link and draft.facts.links_supported
        ways: list[tuple[Way, str]] = []
        if known.plain:
            ways.append((PLAIN, "until unregistered; outlives this program"))
        if links:
            ways.append((PINNED, "until unpinned; outlives this program"))
            ways.append((HELD, "ends with this program or its terminal"))
        if links and known.update:
            ways += [(link, words) for link, words in _links(draft).items()]
        return ways

    def _show_name(self) -> None:
        line = self.query_one("#map-name")
        self.query_one("#name", Input).placeholder = self.draft.default_map_name
        name = self.draft.complete.map_name
        problem = name_problem(name)
        line.set_class(bool(problem), "-wrong")
        used = f"{len(name.encode(errors='replace'))}/{NAME_LENGTH} bytes"
        line.query_one(".note", Static).update(problem or used)

    def _show_pin(self) -> None:
        plan, line = self.draft.complete, self.query_one("#pin")
        folder = self._folder_to_mount()
        line.display = self._way in (PLAIN, PINNED)
        box = self.query_one("#mount", Checkbox)
        box.display = bool(line.display and folder)
        box.label = escape(f"mount a bpffs on {printable(folder, 40)} first: it stays mounted")
        default = self._default_pin if self._way == PINNED else "not pinned"
        self.query_one("#path", Input).placeholder = default
        problem = pin_problem(plan, self.draft.facts) if plan.pin else ""
        if problem and folder and not plan.mount:
            problem = "no bpffs is there yet"
        line.set_class(bool(problem), "-wrong")
        line.query_one(".note", Static).update(_short(problem))


LABELS = {PLAIN: "plain map", PINNED: "link, pinned", HELD: "link, held by this program"}


def _row(way: Way, words: str, chosen: bool) -> Row:
    label = LABELS[way] if isinstance(way, str) else f"into link {way}"
    mark = Span("●", "accent") if chosen else Span("○", "dim")
    return Row(way, (mark, Span(label, "strong" if chosen else "plain"), words))


def _way_of(draft: Draft) -> Way:
    plan = draft.plan
    if plan.replace_link:
        return plan.replace_link
    if not plan.link:
        return PLAIN
    return PINNED if plan.pin else HELD


def _links(draft: Draft) -> dict[int, str]:
    """The links whose map may be replaced by one of this type, and what each runs."""
    snapshot, found = draft.facts.snapshot, {}
    for link in snapshot.links.values():
        map_ = snapshot.maps.get(link.map_id)
        if map_ and map_.type and map_.type_name == draft.plan.type_name:
            name = printable(name_in_subsystem(map_.type, map_.raw.value))
            found[link.id] = f'replaces map {map_.id} {printable(map_.name)}, "{name}"'
    return found


def _survives(draft: Draft) -> str:
    words = lifetime(draft.complete).words
    return f"{words[:1].upper()}{words[1:]}."


def _short(problem: str) -> str:
    """The problem without the path, which stands beside it."""
    return problem.partition(": ")[2] or problem
