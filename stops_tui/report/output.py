"""How a report is printed: JSON, tables by Rich, notes on standard error."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final

from stops_tui.struct_ops.text import printable

if TYPE_CHECKING:
    from rich.console import Console, JustifyMethod

UNBOUNDED: Final = 1 << 20
"""Columns of a pipe or a file: nothing is cut or folded there."""


def print_json(value: Any) -> None:
    r"""One JSON document on one line; all but ASCII is escaped, so any encoding carries it.

    Bytes of a path that are no UTF-8 are told as `\xff`: JSON has none, and Python's own way,
    half of a surrogate pair, is an error to other readers.
    """
    text = json.dumps(value)
    if "\\udc" in text:
        text = json.dumps(_utf8(value))
    sys.stdout.write(text + "\n")


def _utf8(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode(errors="surrogateescape").decode(errors="backslashreplace")
    if isinstance(value, dict):
        return {_utf8(name): _utf8(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_utf8(inner) for inner in value]
    return value


def print_line(text: str) -> None:
    """One line of text that is printable already."""
    sys.stdout.write(f"{text}\n")


def note(text: str) -> None:
    """One line for the person, on standard error: whole, however long, and however hostile."""
    sys.stderr.write(f"stops-tui: {printable(text, UNBOUNDED)}\n")


def print_table(titles: Sequence[str], rows: Iterable[Sequence[str]], numbers: str = "") -> None:
    """A table without lines: columns two spaces apart, each as wide as its widest cell.

    On a terminal, cells of several words are folded between them where the table is too wide; a
    name is never broken: where that is not enough, whole lines go on in the terminal's next.

    Args:
        titles: The heads of the columns.
        rows: The cells, however hostile.
        numbers: The titles of the columns that hold numbers, between spaces: aligned right.
    """
    from rich.table import Table
    from rich.text import Text

    shown = [[printable(cell) for cell in row] for row in rows]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="")
    words = [_longest_word(column) for column in zip(titles, *shown, strict=True)]
    for title, word in zip(titles, words, strict=True):
        number = title in numbers.split()
        justify: JustifyMethod = "right" if number else "left"
        # Bold text in a plain column: bold spaces after it could not be stripped.
        table.add_column(Text.assemble((title, "bold")), justify=justify, min_width=word)
    for row in shown:
        table.add_row(*map(Text, row))
    console = _console(sum(words) + 2 * len(words))
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        print_line(line.rstrip())


def _longest_word(column: Sequence[str]) -> int:
    return max((len(word) for cell in column for word in cell.split()), default=0)


def _console(least: int) -> Console:
    """A console that parses nothing in what it prints and honours NO_COLOR and TERM."""
    from rich.console import Console

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    if width < least:
        width = UNBOUNDED
    # With a height too, for Rich takes a dumb terminal for one of 80 columns, whatever its width.
    return Console(width=width, height=25, markup=False, emoji=False, highlight=False)
