"""What a table is made of: columns that fit the room there is, rows, and cells cut to size."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import cached_property
from typing import Literal

from rich.cells import cell_len, set_cell_size

from stops_tui.record import Record
from stops_tui.struct_ops.text import printable

Tone = Literal["plain", "good", "warn", "bad", "dim", "accent", "strong"]


class Span(Record):
    """Text and what it means; the palette says how that looks."""

    text: str
    tone: Tone = "plain"


Cell = str | Span | tuple[Span, ...]


class Column(Record):
    """One column of a table.

    Attributes:
        key: Its name in messages and in the configuration.
        label: The header.
        width: Cells it takes when there is room.
        least: Cells it can shrink to; 0: it does not shrink.
        right: Whether its text stands at the right.
        grow: Whether it takes what room is left over.
        keep: How dear it is: when even the least widths do not fit, the columns with the lowest
            go first. A hidden column's cells are still given.
    """

    key: str
    label: str
    width: int
    least: int = 0
    right: bool = False
    grow: bool = False
    keep: int = 9

    @property
    def smallest(self) -> int:
        """The width it can shrink to."""
        return self.least or self.width


class Row(Record):
    """One line of a table: a key that stays its own for life, and one cell a column.

    A single cell in a table of several columns is a note that spans the line.
    """

    key: Hashable
    cells: tuple[Cell, ...]


class LateRow:
    """A row whose cells are made when they are first looked at: of a thousand few ever are."""

    def __init__(self, key: Hashable, make: Callable[[], tuple[Cell, ...]]) -> None:
        self.key = key
        self._make = make

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """As a row's."""
        return self._make()


AnyRow = Row | LateRow


class Fitted(Record):
    """A column where it stands: its place among all, the column and the cells it gets."""

    place: int
    column: Column
    width: int


def fit(columns: Sequence[Column], room: int, gap: int) -> tuple[Fitted, ...]:
    """Choose the columns that fit in `room` cells, and how wide each is.

    The least dear go first; what is left over widens the others evenly up to their width, and then
    goes to the columns that grow.
    """
    shown = list(enumerate(columns))
    while shown and sum(c.smallest + gap for _, c in shown) - gap > room:
        shown.remove(min(reversed(shown), key=lambda item: item[1].keep))
    widths = {i: column.smallest for i, column in shown}
    spare = room - sum(widths.values()) - gap * max(len(shown) - 1, 0)
    while spare > 0 and (narrow := [i for i, column in shown if widths[i] < column.width]):
        for i in narrow[:spare]:
            widths[i] += 1
        spare -= len(narrow[:spare])
    growing = [i for i, column in shown if column.grow]
    for n, i in enumerate(growing):
        widths[i] += spare // len(growing) + (n < spare % len(growing))
    return tuple(Fitted(i, column, widths[i]) for i, column in shown)


def widened(columns: Sequence[Column], needs: Mapping[str, int]) -> list[Column]:
    """The columns, those of ids made wide enough: an id that is cut is another's.

    Args:
        columns: The columns.
        needs: The cells that the widest id takes, by the column's key.
    """
    return [
        column._replace(width=max(column.width, need), least=max(column.smallest, need))
        if (need := needs.get(column.key, 0)) > column.smallest
        else column
        for column in columns
    ]


def spans_of(cell: Cell) -> tuple[Span, ...]:
    """A cell's spans, whatever it is given as."""
    if isinstance(cell, Span):
        return (cell,)
    return (Span(cell),) if isinstance(cell, str) else cell


def clip(spans: Sequence[Span], width: int) -> tuple[list[Span], int]:
    """The spans cut to `width` cells, with an ellipsis where cut, and the cells they take."""
    kept: list[Span] = []
    left = width
    for text, tone in spans:
        shown = printable(text)
        size = cell_len(shown)
        if size > left:
            cut = set_cell_size(shown, left - 1) + "…" if left > 0 else ""
            return [*kept, Span(cut, tone)], width
        kept.append(Span(shown, tone))
        left -= size
    return kept, width - left
