"""Everything about one program: what it serves, how it runs, its code."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widgets import ContentSwitcher, Input, Static

from stops_tui.actions import Where, action
from stops_tui.config.keys import key_text
from stops_tui.kernels.kernel import Kernel, RawCode, RawProgram
from stops_tui.kernels.trouble import attempted
from stops_tui.screens.base import StopsScreen
from stops_tui.struct_ops.inventory import Program, Snapshot
from stops_tui.struct_ops.listing import LineKind, jited_listing, xlated_listing
from stops_tui.struct_ops.text import printable
from stops_tui.widgets.code_pane import CodePane
from stops_tui.widgets.code_view import CodeView, Lines
from stops_tui.widgets.detail_bar import DetailBar, tabs_of
from stops_tui.widgets.keys import bindings
from stops_tui.widgets.line_input import LineInput
from stops_tui.widgets.line_table import LineTable
from stops_tui.widgets.places import PlacesTable
from stops_tui.widgets.program_facts import facts_text, places_of, rate_text


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was read of a program once: its record, its code, the translated code as lines."""

    program: Program
    code: RawCode | None
    lines: Lines


def load(kernel: Kernel, known: Program | None, prog_id: int) -> Loaded | None:
    """Read all of one program; None if it is gone."""
    raw = kernel.program(prog_id)
    if raw is None:
        return None
    program = known._replace(raw=raw) if known else Program(raw, raw.name)
    code = kernel.code(prog_id)
    btf = kernel.btf(raw.btf_id) if raw.btf_id else None
    return Loaded(program, code, Lines(xlated_listing(code, btf) if code else ()))


def load_jited(kernel: Kernel, loaded: Loaded) -> Lines:
    """A program's machine code as lines; none if the kernel has or gives none."""
    if not loaded.code or not loaded.code.jited:
        return Lines()
    btf_id = loaded.program.raw.btf_id
    btf = kernel.btf(btf_id) if btf_id else None
    return Lines(jited_listing(loaded.code, btf, kernel.host.machine))


TABS = {"xlated": "xlated", "jited": "jited"}
"""The tabs: the action that shows each, and its label."""


class ProgramScreen(StopsScreen):
    """Facts above, the places it serves, its code below."""

    WHERE: ClassVar[Where] = "program"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("program"),
        Binding("escape", "back", "back", show=False, id="back"),
    ]
    DEFAULT_CSS = """
    ProgramScreen {
        & > #above {
            height: auto; layout: vertical;
            & > #facts { height: auto; padding: 0 1; }
            & > PlacesTable { height: auto; max-height: 5; scrollbar-size-horizontal: 0; }
        }
        & > #code { height: 1fr; }
        & > #search { display: none; height: 1; border: none; padding: 0 1; }
        &.-zoomed > #above { display: none; }
        &.-searching > #search { display: block; }
        &.-normal PlacesTable { max-height: 9; }
        &.-wide > #above {
            layout: horizontal;
            & > #facts { width: 1fr; }
            & > PlacesTable { width: 1fr; max-height: 8; }
        }
    }
    """

    def __init__(self, prog_id: int, trail: str = "") -> None:
        """Args: prog_id: Which program. trail: How one came here, `58 dctcp › ssthresh`."""
        super().__init__()
        self._prog_id = prog_id
        self._trail = trail
        self._loaded: Loaded | None = None
        self._jited_asked = False

    def body(self) -> ComposeResult:
        """All parts; they fill when the program is read."""
        with Container(id="above"):
            yield Static("Reading the program…", id="facts", markup=False)
            yield PlacesTable(empty="")
        yield DetailBar(tabs_of(TABS, self.facts.config.keys))
        with ContentSwitcher(initial="xlated", id="code", classes="box"):
            yield CodePane(id="xlated")
            yield CodePane(id="jited")
        yield LineInput(placeholder="find in the code", compact=True, id="search")

    def on_mount(self) -> None:
        """Read the program aside; follow the maps and the statistics."""
        self.query_one(CodeView).focus()
        self.watch(self.app, "snapshot", self._show_facts, init=False)
        self.watch(self.app, "counting", self._show_facts, init=False)
        self.watch(self.app, "rates", self._count_again, init=False)
        bar = self.query_one(DetailBar)
        bar.active, bar.crumbs = "xlated", self._crumbs()
        known = self._snapshot.programs.get(self._prog_id)
        job = partial(load, self.facts.kernel, known, self._prog_id)
        self.facts.lookup(self, partial(attempted, job), self._take)

    @property
    def _snapshot(self) -> Snapshot:
        return self.facts.snapshot or Snapshot(0)

    def _crumbs(self) -> str:
        program = self._snapshot.programs.get(self._prog_id)
        name = f" {program.name}" if program else ""
        trail = f"{self._trail} › " if self._trail else ""
        return f"{trail}{self._prog_id}{name}" if trail else f"program {self._prog_id}{name}"

    @property
    def _pane(self) -> CodePane:
        """The pane that is seen: translated or JITed code."""
        return self.query_one(f"#{self.query_one(DetailBar).active}", CodePane)

    # What is known of it

    def _take(self, found: Loaded | str | None) -> None:
        if not isinstance(found, Loaded):
            told = printable(found or f"Program {self._prog_id} is gone.")
            self.query_one("#facts", Static).update(told)
            for pane in self.query(CodePane):
                pane.tell(found or missing(None))
            return
        self._loaded = found
        self._show_facts()
        if found.code and found.code.withheld:
            self.query_one("#code").border_title = Text(f"! {printable(found.code.withheld)}")
        self._show_code("xlated", found.lines)
        self._ask_jited()

    def _show_code(self, tab: str, lines: Lines) -> None:
        pane = self.query_one(f"#{tab}", CodePane)
        if len(lines):
            pane.show(lines)
        else:
            pane.tell(missing(self._loaded, jited=tab == "jited"))

    def _count_again(self) -> None:
        """The rates moved: so did how often it ran."""
        if self._loaded:
            self.facts.lookup(
                self, partial(self.facts.kernel.program, self._prog_id), self._take_runs
            )

    def _take_runs(self, raw: RawProgram | None) -> None:
        if self._loaded and raw:
            program = self._loaded.program._replace(raw=raw)
            self._loaded = replace(self._loaded, program=program)
            self._show_facts()

    def _show_facts(self) -> None:
        if self._loaded is None:
            return
        program, code = self._loaded.program, self._loaded.code
        places = places_of(self._prog_id, self._snapshot)
        rate = self.facts.rates.get(self._prog_id)
        key = key_text(action("count_runs"), self.facts.config.keys)
        told = rate_text(self.facts.counting, rate, key)
        text = facts_text(program, places, told, code.maps if code else {})
        self.query_one("#facts", Static).update(text)
        table = self.query_one(PlacesTable)
        table.display = bool(places)
        table.show_places(places)

    # Its code

    @on(DetailBar.Picked)
    def _pick_tab(self, message: DetailBar.Picked) -> None:
        self._open_tab(message.action)

    def action_xlated(self) -> None:
        """Show the translated instructions."""
        self._open_tab("xlated")

    def action_jited(self) -> None:
        """Show the machine code."""
        self._open_tab("jited")

    def _open_tab(self, tab: str) -> None:
        self.query_one(DetailBar).active = tab
        self.query_one("#code", ContentSwitcher).current = tab
        self._ask_jited()
        self._pane.view.needle = self.query_one(Input).value
        self._pane.view.focus()
        self._show_place()

    def _ask_jited(self) -> None:
        """Look up the machine code, once, as soon as somebody wants it and the program is read."""
        wanted = self.query_one(DetailBar).active == "jited" and not self._jited_asked
        if wanted and self._loaded:
            self._jited_asked = True
            job = partial(load_jited, self.facts.kernel, self._loaded)
            self.facts.lookup(self, partial(attempted, job), self._take_jited)

    def _take_jited(self, found: Lines | str) -> None:
        if isinstance(found, Lines):
            self._show_code("jited", found)
        else:
            self._jited_asked = False  # the next time it is wanted, it is tried again
            self.query_one("#jited", CodePane).tell(found)

    @on(CodeView.Moved)
    def _show_place(self) -> None:
        self.query_one("#code").border_subtitle = Text(self._pane.view.place)

    def action_next_source(self) -> None:
        """Go to the next source line."""
        self._jump("source", 1)

    def action_previous_source(self) -> None:
        """Go to the source line before."""
        self._jump("source", -1)

    def action_next_function(self) -> None:
        """Go to the next function."""
        self._jump("prototype", 1)

    def action_previous_function(self) -> None:
        """Go to the function before."""
        self._jump("prototype", -1)

    def _jump(self, kind: LineKind, direction: int) -> None:
        if not self._pane.view.jump_kind(kind, direction):
            word = "source line" if kind == "source" else "function"
            self.notify(f"No {word} {'below' if direction > 0 else 'above'}.")

    def action_zoom(self) -> None:
        """Give the code the whole screen, or take it back."""
        self.toggle_class("-zoomed")
        self._pane.view.focus()

    def action_copy_line(self) -> None:
        """Copy the line at the cursor."""
        self._copy(self._pane.view.line, "the line")

    def action_copy_code(self) -> None:
        """Copy all of the code."""
        self._copy(self._pane.view.text, "the code")

    def _copy(self, text: str, what: str) -> None:
        if text:
            self.app.copy_to_clipboard(text)
            self.notify(f"Copied {what}.")

    # Searching

    def action_search(self) -> None:
        """Ask what to find."""
        self.add_class("-searching")
        self.query_one(Input).focus()

    @on(Input.Changed)
    def _search(self, message: Input.Changed) -> None:
        self._pane.view.needle = message.value

    @on(Input.Submitted)
    def _search_done(self) -> None:
        self._pane.view.focus()

    def action_next_match(self) -> None:
        """Go to the next match."""
        self._pane.view.jump_match(1)

    def action_previous_match(self) -> None:
        """Go to the match before."""
        self._pane.view.jump_match(-1)

    async def action_back(self) -> None:
        """End the search first, then leave the screen."""
        if self.has_class("-searching"):
            self.remove_class("-searching")
            self.query_one(Input).value = ""
            self._pane.view.focus()
        else:
            await self.run_action("app.back")

    # The maps it serves

    @on(LineTable.Chosen, "PlacesTable")
    def action_goto_map(self) -> None:
        """Show the chosen map in the explorer."""
        key = self.query_one(PlacesTable).cursor_key
        if isinstance(key, tuple):
            self.facts.show_map(key[0])


def missing(loaded: Loaded | None, jited: bool = False) -> str:
    """Why there are no instructions to show."""
    if loaded is None or loaded.code is None:
        return "The program is gone, and its code with it."
    if loaded.code.withheld:
        return loaded.code.withheld
    if jited and not loaded.program.raw.jited_size:
        return "Not JITed: the kernel interprets this program (net.core.bpf_jit_enable)."
    return "The kernel gave no instructions."
