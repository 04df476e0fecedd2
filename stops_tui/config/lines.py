"""On which line a key stands: what tomllib does not tell."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

KeyPath = tuple[str, ...]


def key_lines(text: str) -> dict[KeyPath, int]:
    """The line on which each key and table of a valid TOML text is first written, from 1.

    A TOML statement ends where the lines gathered so far parse, for an unclosed value never
    does; its keys are those it has when parsed below the header of its table alone.
    """
    lines: dict[KeyPath, int] = {}
    header, statement, start = "", "", 1
    for number, line in enumerate(text.split("\n"), 1):
        statement += line + "\n"
        is_header = statement.lstrip().startswith("[")
        try:
            parsed = tomllib.loads(statement if is_header else header + statement)
        except tomllib.TOMLDecodeError:
            continue
        for path in _paths(parsed):
            lines.setdefault(path, start)
        if is_header:
            header = statement
        statement, start = "", number + 1
    return lines


def syntax_error(error: tomllib.TOMLDecodeError, text: str) -> tuple[int, str]:
    """The line of a syntax error and its message without the place: tomllib has both in one."""
    message, _, place = str(error).rpartition(" (at ")
    words = place.replace(",", " ").split()
    at_end = text.count("\n", 0, len(text.rstrip())) + 1
    line = int(words[1]) if words[:1] == ["line"] else at_end
    return line, message[:1].lower() + message[1:]


def _paths(table: Mapping[str, Any], above: KeyPath = ()) -> Iterator[KeyPath]:
    for name, value in table.items():
        yield (*above, name)
        if isinstance(value, dict):
            yield from _paths(value, (*above, name))
