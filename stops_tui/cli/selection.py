"""How a command line chooses objects: `id N`, `name X`, `type T`, `link N`, `pinned PATH`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import Final

from stops_tui.cli.base import Parser

_EXAMPLES: Final = {
    "id": "58",
    "name": "dctcp",
    "type": "tcp_congestion_ops",
    "link": "22",
    "pinned": "/sys/fs/bpf/dctcp",
}
_NUMBERS: Final = ("id", "link")
_MOST_DIGITS: Final = 20
"""Of an id: no kernel has one so long, and Python makes no number of thousands of digits."""
_MUST_CHOOSE: Final = {
    "holders": "which map? Say id N or name X, as in: stops-tui holders id 58",
    "prog": "which one? Say id N or name X, as in: stops-tui prog id 25",
    "unregister": "which one? Say id N, name X, link N or pinned PATH, "
    "as in: stops-tui unregister id 58",
    "swap": "which link? As in: stops-tui swap link 22 map 61",
}


def add_selection(verb: Parser, *kinds: str) -> None:
    """What to choose by, and which: `selection` reads them."""
    verb.add_argument("by", nargs="?", type=one_of(kinds), choices=kinds, help="what to choose by")
    verb.add_argument("which", nargs="?", metavar="WHICH", help=_which(kinds))


def selection(found: argparse.Namespace) -> tuple[str, int | str] | None:
    """("id", 58), ("name", "dctcp"), or None; anything else is told as an error."""
    parser: Parser = found.parser
    if found.by is None:
        if found.verb in _MUST_CHOOSE:
            parser.error(_MUST_CHOOSE[found.verb])
        return None
    if found.which is None:
        example = _EXAMPLES[found.by]
        parser.error(f"{found.by} of what? As in: {parser.prog} {found.by} {example}")
    if found.by in _NUMBERS:
        return found.by, number(parser, found.by, found.which)
    return found.by, found.which


def number(parser: Parser, kind: str, text: str) -> int:
    """An id; anything else is told as an error."""
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        by_name = f"; for a name say: name {text}" if kind == "id" else ""
        parser.error(
            f"{'an id' if kind == 'id' else f'a {kind}'} is a number, not {text!r}{by_name}"
        )
    return int(text)


def _which(kinds: Sequence[str]) -> str:
    """`the id, the name or the type`: of a link its id, of a pin its path."""
    words = {"link": "id", "pinned": "path"}
    names = [f"the {name}" for name in dict.fromkeys(words.get(kind, kind) for kind in kinds)]
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def one_of(kinds: Sequence[str]) -> Callable[[str], str]:
    """Takes one of these words, and says of any other what was to stand before it."""

    def kind(text: str) -> str:
        if text in kinds:
            return text
        raise argparse.ArgumentTypeError(f"say {' or '.join(kinds)} before {text!r}")

    return kind
