"""What is in a BPF object file, beside what this kernel has; from here it is registered."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import ContentSwitcher, Static

from stops_tui.actions import Where
from stops_tui.bpf.object_file import ObjectFile
from stops_tui.screens.base import StopsScreen
from stops_tui.screens.object.examine import Examined, examine
from stops_tui.screens.register.draft import Draft
from stops_tui.struct_ops.objects import Comparison, MemberPair
from stops_tui.struct_ops.registration.plan import InObject, ProgramSource
from stops_tui.struct_ops.text import printable
from stops_tui.widgets.button_line import ButtonLine, Do
from stops_tui.widgets.detail_bar import DetailBar, tabs_of
from stops_tui.widgets.keys import bindings
from stops_tui.widgets.line_table import LineTable
from stops_tui.widgets.object_facts import (
    file_text,
    fit_of,
    lacks,
    lacks_text,
    problem_of,
    size_text,
)
from stops_tui.widgets.object_members import ObjectMembers
from stops_tui.widgets.object_parts import ObjectMaps, ObjectPrograms
from stops_tui.widgets.object_table import ObjectTable
from stops_tui.widgets.palette import palette

SIDES = {
    "object_members": "Members",
    "object_programs": "Programs",
    "object_maps": "Other maps",
    "object_needs": "Needs",
}
"""The tabs: the action that shows each, and its label."""

BUTTONS = (
    Do("app.open_object", "Another file"),
    Do("screen.register_object", "Review and register", primary=True),
)


class ObjectScreen(StopsScreen):
    """The file, its struct_ops maps, and beneath them one side of it."""

    WHERE: ClassVar[Where] = "object"
    HELP = """A BPF object file. Nothing of it is in the kernel before it is registered."""
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("object"),
        Binding("escape", "back", "back", show=False, id="back"),
    ]
    DEFAULT_CSS = """
    ObjectScreen {
        & > #about { height: 2; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
        & > ObjectTable {
            height: auto; min-height: 4; max-height: 40%; scrollbar-size-horizontal: 0;
        }
        &.-none > ObjectTable { min-height: 5; }
        & > ContentSwitcher { height: 1fr; }
        & > ContentSwitcher > * { height: 1fr; }
        & #object_needs { padding: 0 2; scrollbar-size-vertical: 1; }
        & > #said { height: auto; max-height: 3; padding: 0 2; color: $text-muted; }
        & > #said.-wrong { color: $text-warning; }
    }
    """

    def __init__(self, file: ObjectFile) -> None:
        super().__init__()
        self._file = file
        self._found: Examined | None = None
        self._chosen: set[str] = set()
        self.set_class(not file.struct_ops, "-none")

    # Building

    def body(self) -> ComposeResult:
        """The file in two lines, its struct_ops maps, the sides, the buttons."""
        yield Static(id="about", markup=False)
        maps = ObjectTable(id="maps")
        maps.add_class("box")
        maps.border_title = "struct_ops maps in the object"
        yield maps
        yield DetailBar(tabs_of(SIDES, self.facts.config.keys))
        with ContentSwitcher(initial="object_members", classes="box"):
            yield ObjectMembers(empty="Looking at the kernel…", id="object_members")
            yield ObjectPrograms(id="object_programs")
            yield ObjectMaps(id="object_maps")
            with VerticalScroll(id="object_needs"):
                yield Static("Looking at the kernel…", markup=False)
        yield Static(id="said", markup=False)
        yield ButtonLine()

    def on_mount(self) -> None:
        """Show the file; compare it with the kernel aside."""
        self.query_one("#about", Static).update(file_text(self._file, palette(self.app)))
        self.query_one(ObjectPrograms).show_programs(self._file)
        self.query_one(ObjectMaps).show_maps(self._file.maps)
        bar = self.query_one(DetailBar)
        bar.active = "object_members"
        bar.counts = {
            "object_programs": len(self._file.programs),
            "object_maps": len(self._file.maps),
        }
        self._show_maps()
        if self._file.struct_ops:
            self._maps.focus()
        else:
            self._turn_to("object_programs")
        buttons = BUTTONS if self._file.struct_ops else BUTTONS[:1]
        self.call_later(self.query_one(ButtonLine).offer, buttons)
        self.facts.lookup(self, partial(examine, self.facts.kernel, self._file), self._take)

    def _take(self, found: Examined) -> None:
        self._found = found
        lacking = lacks(found.needs, found.comparisons.values(), found.problems)
        needs = lacks_text(lacking, palette(self.app))
        self.query_one("#object_needs Static", Static).update(needs)
        bar = self.query_one(DetailBar)
        bar.counts = {**bar.counts, "object_needs": len(lacking)}
        self._show_maps()

    @property
    def _maps(self) -> ObjectTable:
        return self.query_one(ObjectTable)

    @property
    def _members(self) -> ObjectMembers:
        return self.query_one(ObjectMembers)

    # Showing

    def on_screen_resume(self) -> None:
        """In the wizard members may have been given other programs and values."""
        self._show_members()

    def _show_maps(self) -> None:
        fits = {}
        if found := self._found:
            for name, compared in found.comparisons.items():
                fits[name] = fit_of(compared, found.problems.get(name, ""))
        self._maps.show_maps(self._file.struct_ops, self._chosen, fits)
        chosen = f"{len(self._chosen)} of {len(self._file.struct_ops)} chosen"
        self._maps.border_subtitle = chosen if self._chosen else ""
        self._show_members()

    @property
    def _variable(self) -> str:
        """The struct_ops map at the cursor; "" if there is none."""
        return str(self._maps.cursor_key or "")

    @property
    def _compared(self) -> Comparison | None:
        return self._found.comparisons.get(self._variable) if self._found else None

    @on(LineTable.Highlighted, "#maps")
    def _show_members(self) -> None:
        self.query_one(DetailBar).crumbs = self._variable
        if self._found and (compared := self._compared):
            changed = changes(self._found.drafts[self._variable])
            self._members.show_members(compared, changed)
        self._say()
        self._show_size()

    def _show_size(self) -> None:
        """That of the struct whose members are shown, on the border about them."""
        sides, compared = self.query_one(ContentSwitcher), self._compared
        shown = sides.current == self._members.id
        sides.border_subtitle = size_text(compared) if compared and shown else ""

    @on(LineTable.Highlighted, "#object_programs")
    @on(LineTable.Highlighted, "#object_members")
    def _say(self) -> None:
        """What is to be known of the focused thing: what is wrong with it, a prototype."""
        problem = self._problem
        said = self.query_one("#said", Static)
        words = problem or self._prototype
        said.update(printable(words, 400))
        said.set_class(bool(problem), "-wrong")
        said.display = bool(words)

    @property
    def _problem(self) -> str:
        """What is wrong with the member or the map at the cursor, or else is otherwise than it."""
        found, compared = self._found, self._compared
        if not found or not compared:
            return ""
        if self._maps.has_focus:
            return problem_of(compared, found.problems.get(self._variable, ""))
        pair = self._pair if self._members.has_focus else None
        if pair and pair.need:
            return pair.need.words
        if pair and pair.name in changes(found.drafts[self._variable]):
            return f"{pair.name} is {pair.text or 'not set'} in the object"
        return ""

    @property
    def _prototype(self) -> str:
        """That of the program at the cursor, while programs are looked at."""
        table = self.query_one(ObjectPrograms)
        key = table.cursor_key if table.has_focus else None
        return next((each.prototype for each in self._file.programs if each.name == key), "")

    def on_descendant_focus(self) -> None:
        """Another table has the focus."""
        self._say()

    @property
    def _pair(self) -> MemberPair | None:
        key, compared = self._members.cursor_key, self._compared
        members = compared.members if compared else ()
        return next((pair for pair in members if pair.name == key), None)

    # Sides

    def _turn_to(self, side: str) -> None:
        self.query_one(DetailBar).active = side
        self.query_one(ContentSwitcher).current = side
        self._show_size()
        self.query_one(f"#{side}").focus()

    @on(DetailBar.Picked)
    def _pick_side(self, message: DetailBar.Picked) -> None:
        self._turn_to(message.action)

    def action_object_members(self) -> None:
        """Show the members of the map at the cursor."""
        self._turn_to("object_members")

    def action_object_programs(self) -> None:
        """Show the programs."""
        self._turn_to("object_programs")

    def action_object_maps(self) -> None:
        """Show the maps that are no struct_ops maps."""
        self._turn_to("object_maps")

    def action_object_needs(self) -> None:
        """Show what the object needs."""
        self._turn_to("object_needs")

    # Going on

    def action_back(self) -> None:
        """From a side to the maps, from there out of the screen."""
        if self._file.struct_ops and self.focused is not self._maps:
            self._maps.focus()
        else:
            self.app.pop_screen()

    def action_choose_map(self) -> None:
        """Choose the map at the cursor, or leave it out."""
        if self._maps.has_focus and self._variable:
            self._chosen ^= {self._variable}
            self._show_maps()

    @on(LineTable.Chosen, "#maps")
    def _enter_map(self) -> None:
        self._turn_to("object_members")

    @on(LineTable.Chosen, "#object_members")
    def action_adjust(self) -> None:
        """Open the wizard at the member at the cursor."""
        pair, compared = self._pair, self._compared
        if pair is None or compared is None:
            return
        if pair.kernels is None:
            missing = pair.need.words if pair.need else "this kernel does not have its type"
            self.notify(f"It cannot be set: {missing}.", severity="warning", markup=False)
            return
        self._register("members" if pair.kernels.kind == "func" else "data", pair.name)

    def action_register_object(self) -> None:
        """Open the wizard's review."""
        self._register("review")

    def _register(self, step: str, member: str = "") -> None:
        """Open the wizard with the map at the cursor, and those that are chosen."""
        from stops_tui.screens.register import RegisterScreen

        if self._found is None or not self._variable:
            return
        here = {self._variable}
        wanted = self._chosen | here if member else self._chosen or here
        drafts = [draft for name, draft in self._found.drafts.items() if name in wanted]
        at = drafts.index(self._found.drafts[self._variable]) if member else 0
        self.app.push_screen(RegisterScreen(drafts=drafts, at=at, step=step, member=member))

    def action_copy_object(self) -> None:
        """Copy the name of what the cursor is on."""
        table = self.focused
        if isinstance(table, LineTable) and table.cursor_key:
            self.app.copy_to_clipboard(str(table.cursor_key))
            self.notify(f"Copied: {printable(str(table.cursor_key))}", markup=False)


def changes(draft: Draft) -> dict[str, str]:
    """What a plan has otherwise than the object, by member: as text, "" for nothing any more."""
    now = {**draft.plan.programs, **draft.plan.data}
    first = {**draft.first.programs, **draft.first.data}
    changed = [name for name in {**first, **now} if now.get(name) != first.get(name)]
    return {name: _text(now.get(name)) for name in changed}


def _text(content: int | str | ProgramSource | None) -> str:
    if isinstance(content, InObject):
        return content.program
    return "" if content is None else f'"{content}"' if isinstance(content, str) else str(content)
