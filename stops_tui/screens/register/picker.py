"""The programs there are for one member: best first, each with why it fits, filtered by typing."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.markup import escape
from textual.widgets import Input, Static

from stops_tui.screens.dialog import Dialog
from stops_tui.struct_ops.candidates import Candidate, candidates
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.plan import InObject, ProgramSource
from stops_tui.struct_ops.text import printable
from stops_tui.struct_ops.types import StructOpsType
from stops_tui.widgets.candidate_facts import candidate_text
from stops_tui.widgets.columns import Tone
from stops_tui.widgets.line_input import LineInput
from stops_tui.widgets.line_table import Column, LineTable, Row, Span

LEAVE_EMPTY = "leave empty"
"""What the picker gives for a member that is to have no program."""

FITS: dict[str, tuple[str, Tone]] = {
    "exact": ("fits", "good"),
    "guess": ("may fit", "warn"),
    "no": ("no", "dim"),
}
"""How a judgement is worded, and its tone."""


class ProgramPicker(Dialog[ProgramSource | str]):
    """Gives the chosen program, LEAVE_EMPTY, or None where nothing was chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "cursor('step', -1)", "Up", show=False, priority=True),
        Binding("down", "cursor('step', 1)", "Down", show=False, priority=True),
        Binding("pageup", "cursor('page', -1)", "Page up", show=False, priority=True),
        Binding("pagedown", "cursor('page', 1)", "Page down", show=False, priority=True),
        Binding("ctrl+t", "all", "All", show=False, priority=True),
    ]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-normal")]  # noqa: RUF012 (Textual declares it so)
    DEFAULT_CSS = """
    ProgramPicker {
        & > .frame { width: 96%; max-width: 150; height: 92%; max-height: 40; }
        & Input { height: 1; border: none; padding: 0 2; background: $boost; }
        & #choice { layout: horizontal; height: 1fr; }
        & LineTable { width: 3fr; height: 1fr; }
        & VerticalScroll {
            width: 2fr; height: 1fr; padding: 0 1; border-left: solid $foreground 25%;
            scrollbar-size-vertical: 1;
        }
        & VerticalScroll > Static { height: auto; }
        &.-narrow #choice { layout: vertical; }
        &.-narrow LineTable { width: 100%; height: 3fr; }
        &.-narrow VerticalScroll {
            width: 100%; height: 2fr; border-left: none; border-top: solid $foreground 25%;
        }
    }
    """

    def __init__(
        self,
        facts: RegistrationFacts,
        type_: StructOpsType,
        member: str,
        current: ProgramSource | None,
    ) -> None:
        super().__init__()
        self._offered = facts
        self._type = type_
        self._member = member
        self._current = current
        self._candidates: Sequence[Candidate] = ()
        self._all = False

    def compose(self) -> ComposeResult:
        """The filter, the programs, and what the one at the cursor is."""
        columns = (
            Column("fit", "", 7),
            Column("source", "PROGRAM", 20, least=6, keep=8),
            Column("name", "NAME", 24, least=14),
            Column("why", "WHY", 30, least=16, grow=True),
        )
        with Vertical(classes="frame") as box:
            box.border_title = escape(f"Program for {printable(self._member)}")
            box.border_subtitle = "type to filter · Enter chooses · Esc leaves"
            yield LineInput(placeholder="id, name, map, path …", id="wanted", compact=True)
            with Horizontal(id="choice"):
                yield LineTable(columns, empty="Looking for programs…", id="programs")
                with VerticalScroll(can_focus=False):
                    yield Static(id="about", markup=False)

    def on_mount(self) -> None:
        """Judge the programs aside."""
        self.query_one(Input).focus()
        self.facts.lookup(
            self, lambda: candidates(self._offered, self._type, self._member), self._take
        )

    @property
    def _table(self) -> LineTable:
        return self.query_one(LineTable)

    def _take(self, found: Sequence[Candidate]) -> None:
        self._candidates = found
        self._show()
        if self._current is not None:
            self._table.move_cursor(str(self._current))

    @on(Input.Changed)
    def _show(self) -> None:
        words = self.query_one(Input).value.lower().split()
        shown = [
            each
            for each in self._candidates
            if (self._all or each.fit != "no") and all(word in _text(each) for word in words)
        ]
        rows = [_row(each) for each in shown]
        if not words:
            rows.append(Row(LEAVE_EMPTY, ("", "", Span("(none)", "dim"), "leave it empty")))
        self._table.empty = "No program matches."
        self._table.show_rows(rows)
        self.query_one(".frame").border_title = self._title()
        self._show_about()

    def _title(self) -> str:
        """`Program for ssthresh: 3 fit, 9 do not (^t shows why)`."""
        unfit = sum(each.fit == "no" for each in self._candidates)
        fit = len(self._candidates) - unfit
        shown = "^t hides them" if self._all else "^t shows why"
        others = f", {unfit} do not ({shown})" if unfit else ""
        member = escape(printable(self._member))
        return f"Program for {member}: {fit} fit{'s' * (fit == 1)}{others}"

    @on(LineTable.Highlighted)
    def _show_about(self) -> None:
        chosen = self._chosen
        about = candidate_text(chosen, self._offered) if chosen else ""
        self.query_one("#about", Static).update(about)

    @property
    def _chosen(self) -> Candidate | None:
        key = self._table.cursor_key
        return next((each for each in self._candidates if str(each.source) == key), None)

    @on(Input.Submitted)
    @on(LineTable.Chosen)
    def _choose(self) -> None:
        chosen = self._chosen
        if chosen and chosen.fit == "no":
            self.notify(f"It does not fit: {chosen.reason}.", severity="warning", markup=False)
        elif chosen:
            self.dismiss(chosen.source)
        elif self._table.cursor_key == LEAVE_EMPTY:
            self.dismiss(LEAVE_EMPTY)

    def action_cursor(self, how: str, by: int) -> None:
        """Move the cursor while the focus stays in the filter."""
        table = self.query_one(LineTable)
        (table.action_step if how == "step" else table.action_page)(by)

    def action_all(self) -> None:
        """Show, or hide, the programs that do not fit."""
        self._all = not self._all
        self._show()


def _row(each: Candidate) -> Row:
    word, tone = FITS[each.fit]

    told: Tone = "dim" if each.fit == "no" else "plain"
    why = each.reason if each.fit == "no" else each.why
    return Row(
        str(each.source),
        (
            Span(word, tone),
            Span(_place(each.source), "dim"),
            Span(each.name, _strong(each)),
            Span(why, told),
        ),
    )


def _place(source: ProgramSource) -> str:
    """A source in few cells; the name of an object file, whose path is told beside the list."""
    return posixpath.basename(source.path) if isinstance(source, InObject) else str(source)


def _strong(each: Candidate) -> Tone:
    return "dim" if each.fit == "no" else "strong"


def _text(each: Candidate) -> str:
    """What the filter looks in."""
    return f"{each.source} {each.name} {each.why} {each.reason}".lower()
