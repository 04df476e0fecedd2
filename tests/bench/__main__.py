"""`make bench`: the figures of the README, each with its target, on this machine."""

from __future__ import annotations

import argparse
import os
import sys
from importlib.metadata import version

from tests.bench.idle import IDLE_PROCESSES
from tests.bench.measures import MEASURES, Result
from tests.bench.scene import OTHER_MAPS, STRUCT_OPS_MAPS, scene


def main() -> int:
    """Print the table; 1 if `--check` was asked for and a target is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail if a target is missed")
    parser.add_argument("only", nargs="*", type=_measure, help=f"some of: {', '.join(MEASURES)}")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        parser.error("it makes maps: run it as root")
    # An installed package has its bytecode; a checkout writes it at its first run, if it may.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    kernel, python = os.uname(), sys.version.split()[0]
    print(
        f"{STRUCT_OPS_MAPS:,} struct_ops maps, {OTHER_MAPS:,} others, {IDLE_PROCESSES:,} idle"
        f" processes; Linux {kernel.release} {kernel.machine}, {os.cpu_count()} cores,"
        f" Python {python}, Textual {version('textual')}\n"
    )
    _row("", "stops-tui", "against", "", "target", "")
    results = []
    with scene() as made:
        for name in arguments.only or MEASURES:
            for result in MEASURES[name](made):
                _print(result)
                results.append(result)
    return int(arguments.check and not all(result.ok for result in results))


def _measure(name: str) -> str:
    if name not in MEASURES:
        raise argparse.ArgumentTypeError(f"{name} is none of {', '.join(MEASURES)}")
    return name


def _print(result: Result) -> None:
    figure, target = (f"{value:.2f} {result.unit}" for value in (result.figure, result.target))
    verdict = "ok" if result.ok else "over"
    _row(result.what, result.ours, result.yardstick, figure, f"≤ {target}", verdict)


def _row(what: str, ours: str, against: str, figure: str, target: str, verdict: str) -> None:
    print(
        f"{what:18} {ours:>18}   {against:22} {figure:>8}   {target:8} {verdict}".rstrip(),
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
