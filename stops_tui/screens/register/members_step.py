"""The second step: a program for each function member."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding

from stops_tui.screens.register.picker import LEAVE_EMPTY, ProgramPicker
from stops_tui.screens.register.step import Step
from stops_tui.struct_ops.registration.plan import ProgramSource
from stops_tui.struct_ops.registration.sources import describe
from stops_tui.struct_ops.types import Member, mandatory_names
from stops_tui.widgets.line_table import Column, LineTable, Row, Span


class MembersStep(Step):
    """The function members, mandatory ones first; Enter opens the picker of programs."""

    HELP = """The function members of the struct: each may be implemented by a BPF program. `*`
marks one that the subsystem demands; where two may stand for each other, one of them is enough.

`Enter` shows the programs that fit, best first: loaded, pinned, and of the built-in examples.
`Delete` leaves the member empty."""
    BINDINGS = [Binding("delete,backspace", "clear", "Leave empty", show=False)]  # noqa: RUF012 (Textual declares it so)
    DEFAULT_CSS = "MembersStep > LineTable { height: 1fr; }"

    def compose(self) -> ComposeResult:
        """One row a member."""
        columns = (
            Column("mark", "", 1),
            Column("member", "MEMBER", 22, least=14),
            Column("type", "WHAT IT IS", 40, least=20, grow=True, keep=5),
            Column("program", "PROGRAM", 34, least=28, grow=True),
        )
        table = LineTable(columns, id="slots")
        table.add_class("box")
        table.border_title = "A program for each member"
        table.empty = "This kernel lets no program implement a member of it: go on."
        yield table

    def on_mount(self) -> None:
        """Fill the table."""
        self._show()

    @property
    def _table(self) -> LineTable:
        return self.query_one("#slots", LineTable)

    def _show(self) -> None:
        draft = self.draft
        self._table.show_rows([self._row(member) for member in draft.functions])
        self._table.border_subtitle = f"{len(draft.plan.programs)} of {len(draft.functions)} set"
        missing = ", ".join(mandatory_names(draft.missing("func")))
        self.post_message(self.Noted(f"still mandatory: {missing}" if missing else ""))

    def _row(self, member: Member) -> Row:
        source = self.draft.plan.programs.get(member.name)
        if source:
            program = Span(describe(source, self.draft.facts), "accent")
        else:
            enough = member.instead in self.draft.plan.programs
            program = Span(f"– ({member.instead} is enough)" if enough else "–", "dim")
        mark = Span("*" if member.mandatory else "", "warn")
        return Row(member.name, (mark, Span(member.name), Span(member.type, "dim"), program))

    def begin(self) -> None:
        """At the member that was asked for, or the first one missing; else all is there."""
        missing = self.draft.missing("func")
        key = self.focus_on or (missing[0].name if missing else "")
        self._table.move_cursor(key)
        if key or not self.draft.plan.programs:
            self._table.focus()
        else:
            self.to_buttons()

    @on(LineTable.Chosen, "#slots")
    def _pick(self, message: LineTable.Chosen) -> None:
        member, type_ = str(message.key), self.draft.type
        if type_:
            self.app.push_screen(
                ProgramPicker(
                    self.draft.facts, type_, member, self.draft.plan.programs.get(member)
                ),
                lambda source: self._take(member, source),
            )

    def _take(self, member: str, source: ProgramSource | str | None) -> None:
        """Set the member; go to the next one missing, or on if that was the last."""
        if source is None:
            return
        was_missing = bool(self.draft.missing("func"))
        self.draft.set_program(member, None if isinstance(source, str) else source)
        self._show()
        if missing := self.draft.missing("func"):
            self._table.move_cursor(missing[0].name)
        elif was_missing:
            self.to_buttons()

    def action_clear(self) -> None:
        """Leave the member at the cursor empty."""
        if self._table.has_focus and self._table.cursor_key:
            self._take(str(self._table.cursor_key), LEAVE_EMPTY)
