"""The verbs that record and replay, and the options by which others look at a recording."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from typing import Any, Final

from stops_tui.cli.base import PATHS, Parser, Verbs, add_verb

DEMO: Final = {"seed": 1, "speed": 1.0}
"""Options of the demo kernel, and what they are where they are not given."""

_UNITS: Final = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_LEAST: Final = 64 << 10


def add_recording_verbs(verbs: Verbs, add_interval: Callable[..., None]) -> None:
    """`record` and `replay`."""
    verb = add_verb(
        verbs,
        "record",
        "FILE [--interval S] [--duration S] [--max-size SIZE] [--redact]",
        "write what happens to struct_ops maps into a file that plays anywhere",
        """\
The file holds maps, links and programs with their code, the processes and pins that hold them, why
a scheduler was ejected, and each change; nothing but the file is needed to replay it. It does not
hold who uses a map inside the kernel: sockets, defaults of network namespaces, qdiscs, the names of
devices, what sched_ext counts. `stops-tui holders` tells that while it is so.

It grows with what changes: an idle hour is some 20 KiB. It ends with ^C, after --duration, or at
--max-size; one that was killed can be read to its last look. Under sudo it belongs to who ran that.

It tells names of this host, its user and processes, paths, source lines and, in code, addresses of
this kernel. --redact leaves all that out, code as a whole; maps, programs and process ids stay.""",
        """\
  stops-tui record night.stops --duration 28800
  stops-tui record report.stops --redact
  stops-tui replay night.stops
""",
    )
    _file(verb, "where to; it must not be there yet")
    add_interval(verb, default=argparse.SUPPRESS)
    verb.add_argument("--duration", type=duration, metavar="S", help="end after this many seconds")
    verb.add_argument(
        "--max-size", type=_size, default=64 << 20, metavar="SIZE", help="end at this size: 64M"
    )
    verb.add_argument(
        "--redact", action="store_true", help="no names of host and processes, no paths, no code"
    )
    verb = add_verb(
        verbs,
        "replay",
        "FILE [--speed N]",
        "open the app on a recording: play, pause, seek, step between events",
        "Needs no privilege. Nothing in the file is trusted.",
        """\
  stops-tui replay night.stops
  stops-tui replay night.stops --speed 60
""",
    )
    _file(verb, "what `stops-tui record` wrote")
    verb.add_argument(
        "--speed", type=_speed, default=argparse.SUPPRESS, metavar="N", help="times as fast"
    )


def add_demo(parser: Parser, *, again: bool = False) -> None:
    """--demo, --seed, --speed: the demo kernel instead of this one.

    Args:
        parser: Where to.
        again: Behind the verb, where they may stand as well as before it: it is told in few words.
    """
    default: dict[str, Any] = {"default": argparse.SUPPRESS} if again else {}
    says = "a simulated kernel, not this one"
    parser.add_argument("--demo", action="store_true", help=says, **default)
    for option, kind, says in (
        ("--seed", int, "of its chances"),
        ("--speed", _speed, "of its time: 10 is ten times as fast"),
    ):
        says = argparse.SUPPRESS if again else says
        parser.add_argument(option, type=kind, metavar="N", help=says, **default)


def add_replay(verb: Parser) -> None:
    """--replay FILE, --at TIME, or --demo: look at another kernel than this one."""
    add_demo(verb, again=True)
    file = verb.add_argument(
        "--replay", metavar="FILE", help="look at a recording, not at this kernel"
    )
    file.complete = PATHS  # type: ignore[attr-defined]  # where shtab looks for it
    verb.add_argument(
        "--at", type=_moment, metavar="TIME", help="when in it: +90, 21:13:52; else at its end"
    )


def duration(text: str) -> float:
    """Seconds of a while."""
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number of seconds, as in 60, not {text!r}")
    return number


def _file(verb: Parser, says: str) -> None:
    file = verb.add_argument("file", metavar="FILE", help=says)
    file.complete = PATHS  # type: ignore[attr-defined]  # where shtab looks for it


def _size(text: str) -> int:
    """`64M`: bytes, in KiB, MiB or GiB."""
    found = re.fullmatch(r"(\d{1,12})([KMG]?)", text)
    size = int(found[1]) * _UNITS[found[2]] if found else 0
    if size < _LEAST:
        raise argparse.ArgumentTypeError(f"expected 64K or more, as in 64M, not {text!r}")
    return size


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0
    if not 0.01 <= speed <= 1000:
        raise argparse.ArgumentTypeError(f"expected 0.01 to 1000, as in 10, not {text!r}")
    return speed


def _moment(text: str) -> object:
    from stops_tui.kernels.recording.moment import EXPECTED, parse_moment

    try:
        return parse_moment(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected {EXPECTED}, not {text!r}") from None
