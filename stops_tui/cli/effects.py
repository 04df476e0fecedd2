"""No option is taken in silence: one that would do nothing is a usage error."""

from __future__ import annotations

import argparse
from typing import Final

from stops_tui.cli.base import Parser
from stops_tui.cli.writing import CHANGING

_LOOKING: Final = {
    *("list", "holders", "dump", "types", "progs", "prog"),
    *("examples", "watch", "record"),
}
"""The verbs that look at any kernel, the demo kernel too."""

_REACHES: Final[dict[str, set[str | None]]] = {
    "write": {None},
    "interval": {None, "watch", "record", "config"},
    "demo": {None, *_LOOKING},
    "seed": {None, *_LOOKING},
    "speed": {None, *_LOOKING, "replay"},
}
"""Options that may stand before the verb → the verbs they reach; None: the app."""


def check_effects(found: argparse.Namespace) -> None:
    """Each option reaches the verb; --seed and --speed come with --demo, --at with --replay."""
    parser: Parser = found.parser
    if found.demo and found.verb in CHANGING:
        parser.error(
            "the demo kernel ends with this command, and all that is in it: "
            "open the app on it, as in: stops-tui --demo --write"
        )
    for option, verbs in _REACHES.items():
        if _given(found, option) and found.verb not in verbs:
            parser.error(f"--{option} has no effect on {found.verb}: leave it out")
    for option in ("seed", "speed"):
        if _given(found, option) and not found.demo and found.verb != "replay":
            parser.error(f"--{option} is of the demo kernel: add --demo")
    if "replay" in found:
        _check_replay(found, parser)


def _check_replay(found: argparse.Namespace, parser: Parser) -> None:
    if found.demo and found.replay:
        parser.error("the demo kernel or a recording? Say --demo or --replay FILE")
    if found.at and not found.replay:
        parser.error("--at needs a recording: add --replay FILE")


def _given(found: argparse.Namespace, option: str) -> bool:
    value = getattr(found, option)
    return value is not None and value is not False
