"""The first step: an example, a type to compose programs for, or a plan from a file."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from stops_tui.screens.register.step import BACK, NEXT, Step
from stops_tui.struct_ops.examples import EXAMPLES, unavailable
from stops_tui.struct_ops.inventory import Snapshot
from stops_tui.struct_ops.subsystems import of_type
from stops_tui.struct_ops.text import printable
from stops_tui.struct_ops.types import StructOpsType, mandatory_names
from stops_tui.widgets.button_line import Do
from stops_tui.widgets.line_table import Column, LineTable, Row, Span
from stops_tui.widgets.type_table import maps_of

FILE = ("file", "")
"""The key of the row that loads a plan."""

OBJECT = ("object", "")
"""The key of the row that opens an object file."""

UNFINISHED = ("unfinished", "")
"""The key of the row that goes on with a plan."""

Start = tuple[str, str]
"""What a row starts from: "example", "type", "object", "file" or "unfinished"; and a name."""


class TypeStep(Step):
    """What to start from, and beneath it what that is."""

    HELP = """What to register. An example fills in everything, and can be changed afterwards; so
does an object file. A type starts empty: each of its members gets a program that is loaded already,
in the next step."""
    DEFAULT_CSS = """
    TypeStep {
        & > LineTable { height: auto; max-height: 65%; min-height: 6; }
        & > VerticalScroll { height: 1fr; padding: 0 2; }
        & > VerticalScroll > Static { height: auto; }
    }
    """

    def compose(self) -> ComposeResult:
        """The rows, and what the one at the cursor is."""
        columns = (
            Column("kind", "START FROM", 10),
            Column("name", "", 20, least=18),
            Column("what", "WHAT IT IS", 40, least=20, grow=True),
        )
        table = LineTable(columns, id="starts")
        table.add_class("box")
        table.border_title = "What to register"
        yield table
        with VerticalScroll(can_focus=False):
            yield Static(id="about", markup=False)

    def on_mount(self) -> None:
        """Fill the table."""
        self._table.show_rows(self._rows())

    @property
    def _table(self) -> LineTable:
        return self.query_one("#starts", LineTable)

    def begin(self) -> None:
        """Begin where the choice is, or at the first example."""
        self._table.move_cursor(("type", self.draft.plan.type_name))
        self._table.focus()

    def buttons(self) -> Sequence[Do]:
        """Nothing to save yet, but to load."""
        return (BACK, Do("screen.load_plan", "Load plan"), NEXT)

    def _rows(self) -> list[Row]:
        types = self.draft.facts.types
        rows = [
            _row(("example", each.name), each.summary, unavailable(each, types))
            for each in EXAMPLES.values()
        ]
        rows += [self._type_row(type_) for type_ in reversed(list(types.values()))]
        rows.append(Row(OBJECT, ("object", "", "what is in a BPF object file (.bpf.o)")))
        rows.append(Row(FILE, ("plan", "", "one that was saved to a file")))
        if plan := self.draft.unfinished:
            name = Span(plan.type_name, "strong")
            rows.insert(0, Row(UNFINISHED, ("plan", name, "yours, as you left it")))
        return rows

    def _type_row(self, type_: StructOpsType) -> Row:
        maps = len(maps_of(type_, self._snapshot))
        counted = f", {maps} map{'s' * (maps != 1)} of this kernel" if maps else ""
        words = f"your own, of programs that are loaded{counted}"
        return _row(("type", type_.name), words, of_type(type_.name).registering.never)

    @property
    def _snapshot(self) -> Snapshot:
        return self.draft.facts.snapshot

    @on(LineTable.Highlighted, "#starts")
    def _show_about(self) -> None:
        kind, name = self._chosen
        about: RenderableType = ""
        if kind == "example":
            about = _about_example(name)
        elif kind == "type":
            about = _about_type(self.draft.facts.types[name])
        self.query_one("#about", Static).update(about)

    @property
    def _chosen(self) -> Start:
        key = self._table.cursor_key
        return key if isinstance(key, tuple) else FILE

    @on(LineTable.Chosen, "#starts")
    def go_on(self) -> None:
        """Take what is at the cursor, and go on."""
        kind, name = self._chosen
        if problem := self._problem(kind, name):
            self.notify(problem, severity="warning", markup=False)
            return
        if kind == "file":
            self.call_later(self.run_action, "screen.load_plan")
            return
        if kind == "object":
            self.call_later(self.run_action, "app.open_object")
            return
        if kind == "example":
            self.draft.choose_example(name)
        elif kind == "type":
            self.draft.choose_type(name)
        else:
            self.draft.choose_unfinished()
        self.post_message(self.Done())

    def _problem(self, kind: str, name: str) -> str:
        if kind == "example":
            return unavailable(EXAMPLES[name], self.draft.facts.types)
        never = of_type(name).registering.never
        return f"{printable(name)}: {never}" if never else ""


def _row(start: Start, words: str, problem: str) -> Row:
    kind, name = start
    if problem:
        return Row(start, (Span(kind, "dim"), Span(name, "dim"), Span(problem, "dim")))
    return Row(start, (Span(kind, "dim"), Span(name, "strong"), words))


def _about_example(name: str) -> RenderableType:
    example = EXAMPLES[name]
    pairs = [("does", example.summary), ("implements", example.type_name)]
    pairs += [("programs", ", ".join(example.programs))] if example.programs else []
    pairs += [(member, str(content)) for member, content in example.data.items()]
    note = "Assembled by this program: needs no compiler, no libbpf and nothing loaded."
    return Group(_pairs(pairs), "", Text(note))


def _about_type(type_: StructOpsType) -> RenderableType:
    functions = [member for member in type_.members if member.kind == "func"]
    mandatory = mandatory_names(type_.members)
    known = of_type(type_.name).registering
    ways = [way for way, can in (("a plain map", known.plain), ("a link", known.link)) if can]
    pairs = [("never", known.never)] if known.never else []
    pairs += [
        ("members", f"{len(functions)} functions, {len(type_.members) - len(functions)} data"),
        ("mandatory", ", ".join(mandatory) or "none"),
        ("lives as", " or ".join(ways) or "–"),
    ]
    if known.showing:
        pairs.append(("seen in", known.showing.where))
    return _pairs(pairs)


def _pairs(pairs: list[tuple[str, str]]) -> Table:
    rows = Table.grid(padding=(0, 2))
    rows.add_column(no_wrap=True)
    rows.add_column()
    for name, text in pairs:
        rows.add_row(Text(printable(name), "bold"), Text(printable(text)))
    return rows
