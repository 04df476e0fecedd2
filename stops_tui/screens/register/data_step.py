"""The third step: the data members, in a form made of the kernel's BTF."""

from __future__ import annotations

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Static

from stops_tui.screens.register.draft import Draft
from stops_tui.screens.register.step import Step
from stops_tui.struct_ops.registration.form import FormField, refused_members
from stops_tui.struct_ops.registration.member_checks import data as data_checks
from stops_tui.struct_ops.registration.plan import Plan
from stops_tui.struct_ops.text import printable
from stops_tui.widgets.field_row import FieldRow, field_row


class DataStep(Step):
    """A line for each data member that may be set; what the focused one is beneath."""

    HELP = """The data members of the struct. `*` marks one that the subsystem demands. Numbers
may be decimal or hexadecimal (0x2), and names of the kernel's flags joined by |. What is left empty
stays zero. `Enter` goes to the next line, and from the last one on to the next step."""
    DEFAULT_CSS = """
    DataStep {
        & > VerticalScroll { height: 1fr; padding: 1 1 0 1; scrollbar-size-vertical: 1; }
        & > #about { height: 3; padding: 0 2; color: $text-muted; }
        & > #refused { height: auto; max-height: 4; padding: 0 2; color: $text-disabled; }
    }
    """

    def compose(self) -> ComposeResult:
        """The form, what is said of the focused member, and what is not offered."""
        data = self.draft.plan.data
        with VerticalScroll(can_focus=False, classes="box") as form:
            form.border_title = "Data members"
            for field in self.draft.fields:
                yield field_row(field, data.get(field.member.name, ""))
            if not self.draft.fields:
                yield Static("There is none to set: go on.", markup=False)
        yield Static(id="about", markup=False)
        yield Static(_refused_text(self.draft), id="refused", markup=False)

    def on_mount(self) -> None:
        """Judge what is there already."""
        for row in self.query(FieldRow):
            row.say(problem_of(self.draft, row.field, row.content))
        self._show_missing()

    def begin(self) -> None:
        """At the member that was asked for, or one that is missing or wrong; else all is there."""
        missing = {member.name for member in self.draft.missing("data")}
        for row in self.query(FieldRow):
            name = row.field.member.name
            if name == self.focus_on or name in missing or row.has_class("-wrong"):
                row.first().focus()
                return
        self.to_buttons()

    @on(FieldRow.Changed)
    def _change(self, message: FieldRow.Changed) -> None:
        row = message.row
        self.draft.set_data(row.field.member.name, row.content)
        row.say(problem_of(self.draft, row.field, row.content))
        self._show_missing()

    def _show_missing(self) -> None:
        missing = ", ".join(member.name for member in self.draft.missing("data"))
        self.post_message(self.Noted(f"still mandatory: {missing}" if missing else ""))

    @on(FieldRow.Finished)
    def _go_on(self, message: FieldRow.Finished) -> None:
        """The next line, or the next step after the last one."""
        rows = list(self.query(FieldRow))
        after = rows[rows.index(message.row) + 1 :]
        if after:
            after[0].first().focus()
        else:
            self.to_buttons()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Say what the focused member is."""
        row = next((each for each in event.widget.ancestors if isinstance(each, FieldRow)), None)
        self._about.update(_about(row.field) if row else "")

    def on_descendant_blur(self) -> None:
        """Nothing to say of a button."""
        self._about.update("")

    @property
    def _about(self) -> Static:
        return self.query_one("#about", Static)


def problem_of(draft: Draft, field: FormField, content: int | str) -> str:
    """What is wrong with what was filled in; "" if nothing is, or nothing was."""
    name, type_ = field.member.name, draft.type
    if content == "" or type_ is None:
        return ""
    found = data_checks(Plan(type_.name, "", data={name: content}), type_)
    wrong = next((check.words for check in found if check.level == "failed"), "")
    return wrong.removeprefix(f"{printable(name)}: ")


def _about(field: FormField) -> Text:
    """`name  char[16]: mandatory`, and the hint."""
    demanded = ", the subsystem demands it" if field.required else ""
    first = f"{printable(field.member.name)}: {printable(field.member.type)}{demanded}"
    return Text(f"{first}\n{field.hint}")


def _refused_text(draft: Draft) -> str:
    refused = refused_members(draft.type) if draft.type else {}
    words = [f"{printable(name)} ({printable(why)})" for name, why in refused.items()]
    return f"Not offered: {', '.join(words)}" if words else ""
