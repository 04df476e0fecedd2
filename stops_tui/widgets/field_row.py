"""One data member to fill in: a line of the form for each kind there is."""

from __future__ import annotations

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, ItemGrid
from textual.markup import escape
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Checkbox, Input, Select, Static

from stops_tui.struct_ops.registration.form import FormField
from stops_tui.struct_ops.text import printable
from stops_tui.widgets.line_input import LineInput
from stops_tui.widgets.tick_box import TickBox

DIGITS = 20
"""Of the greatest number, 2^64-1: what is longer stays text, which the checks refuse."""

Content = int | str
"""What a data member holds, as a plan has it; "" where it is not set."""


class FieldRow(Horizontal):
    """The member's name, what it takes, and beside it how much or what is wrong.

    Attributes:
        field: The member.
        content: What was filled in so far.
    """

    DEFAULT_CSS = """
    FieldRow {
        height: auto;
        & > .name { width: 22; padding: 0 1 0 0; }
        & > .note { width: 1fr; padding: 0 0 0 2; color: $text-muted; }
        &.-wrong > .note { color: $text-error; }
        & > Input { width: 34; background: $boost; padding: 0 1; }
        & > Input:ansi { background: $ansi-background; }
        & > Select { width: 34; }
        & > ItemGrid { width: 1fr; height: auto; grid-gutter: 0 2; }
    }
    """

    class Changed(Message):
        """Something was filled in."""

        def __init__(self, row: FieldRow) -> None:
            super().__init__()
            self.row = row

    class Finished(Message):
        """Enter was pressed in the line."""

        def __init__(self, row: FieldRow) -> None:
            super().__init__()
            self.row = row

    def __init__(self, field: FormField, content: Content) -> None:
        super().__init__()
        self.field = field
        self.content = content

    def compose(self) -> ComposeResult:
        """Name, control, note."""
        mark = " *" if self.field.required else ""
        yield Static(f"{printable(self.field.member.name, 20)}{mark}", classes="name", markup=False)
        yield from self.control()

    def control(self) -> ComposeResult:
        """What is filled in."""
        yield from ()

    def first(self) -> Widget:
        """What takes the focus."""
        return self.query("Input, Checkbox, Select").first()

    def say(self, problem: str) -> None:
        """Tell what is wrong with the content; "" for nothing."""
        self.set_class(bool(problem), "-wrong")
        for note in self.query(".note").results(Static):
            note.update(problem or self.note())

    def note(self) -> str:
        """What it takes, while nothing is wrong."""
        return ""

    def fill(self, content: Content) -> None:
        """Take other content, and tell of it."""
        if content != self.content:
            self.content = content
            self.post_message(self.Changed(self))


class TextRow(FieldRow):
    """A string with its length, or a number with its range."""

    def control(self) -> ComposeResult:
        """A line to type in."""
        yield LineInput(str(self.content), compact=True)
        yield Static(self.note(), classes="note", markup=False)

    def note(self) -> str:
        """`10/15 bytes`, `0 … 255`."""
        if self.field.kind == "string":
            used = len(str(self.content).encode(errors="replace"))
            return f"{used}/{self.field.length} bytes"
        return f"{_bound(self.field.minimum)} … {_bound(self.field.maximum)}"

    @on(Input.Changed)
    def _typed(self, message: Input.Changed) -> None:
        message.stop()
        text = message.value
        digits = text.isascii() and text.isdigit() and len(text) <= DIGITS
        self.fill(int(text) if digits and self.field.kind != "string" else text)

    @on(Input.Submitted)
    def _submitted(self, message: Input.Submitted) -> None:
        message.stop()
        self.post_message(self.Finished(self))


class BitBox(TickBox):
    """A box that stands for one bit."""

    def __init__(self, name: str, bit: int, ticked: bool) -> None:
        super().__init__(escape(printable(name, 40)), ticked)
        self.bit = bit


class FlagsRow(FieldRow):
    """A number whose bits have names: a box to tick for each, for those set without a name too."""

    def control(self) -> ComposeResult:
        """The boxes."""
        set_ = self._bits
        named = dict(self.field.names)
        nameless = set_ & ~sum(named.values())
        named |= {f"0x{1 << n:x}": 1 << n for n in range(self.field.bits) if nameless >> n & 1}
        with ItemGrid(min_column_width=24):
            for name, bit in named.items():
                yield BitBox(name, bit, bool(set_ & bit))

    @property
    def _bits(self) -> int:
        if isinstance(self.content, int):
            return self.content
        names = self.field.enumerators or {}
        words = [word.strip() for word in self.content.split("|")]
        return sum({names.get(word, 0) for word in words})

    @on(Checkbox.Changed)
    def _ticked(self, message: Checkbox.Changed) -> None:
        message.stop()
        self.fill(sum(box.bit for box in self.query(BitBox) if box.value) or "")


class BooleanRow(FieldRow):
    """Yes or no."""

    def control(self) -> ComposeResult:
        """One box."""
        yield TickBox("yes", self.content in (1, "true", "1"))

    @on(Checkbox.Changed)
    def _ticked(self, message: Checkbox.Changed) -> None:
        message.stop()
        self.fill(1 if message.value else "")


class EnumRow(FieldRow):
    """One value of an enum."""

    def control(self) -> ComposeResult:
        """A list that opens."""
        names = [(printable(name, 40), name) for name, _ in self.field.names]
        values = {value: name for name, value in reversed(self.field.names)}
        chosen = values.get(self.content) if isinstance(self.content, int) else self.content
        known = chosen if chosen in dict(self.field.names) else Select.NULL
        yield Select(names, prompt="not set", value=known, compact=True)

    @on(Select.Changed)
    def _chose(self, message: Select.Changed) -> None:
        message.stop()
        self.fill("" if message.value is Select.NULL else str(message.value))


ROWS: dict[str, type[FieldRow]] = {
    "string": TextRow,
    "integer": TextRow,
    "flags": FlagsRow,
    "boolean": BooleanRow,
    "enum": EnumRow,
}
"""The row for each kind of member."""


def field_row(field: FormField, content: Content) -> FieldRow:
    """The row to fill in a member."""
    return ROWS[field.kind](field, content)


def _bound(number: int) -> str:
    """A bound in few cells: those of 64 bits as `2^64-1`."""
    for power in (63, 64):
        if number == (1 << power) - 1:
            return f"2^{power}-1"
        if number == -(1 << power):
            return f"-2^{power}"
    return str(number)
