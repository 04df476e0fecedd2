"""Run tests on real kernels: each in a throw-away guest, as root, among this machine's files.

python -m tests.vm [--kernel 7.2 ...] [pytest arguments ...]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import signal
import sys
from pathlib import Path
from types import FrameType

from tests.support.clang import compile_for
from tests.vm import kernels, matrix, selection

MINUTES = 25

_GUEST = 3 << 30
"""Bytes of memory that a guest takes, with its kernel and QEMU itself."""


def main() -> int:
    """Run the tests of the command line; 0 if they passed on every kernel."""
    parser = argparse.ArgumentParser(prog="python -m tests.vm", allow_abbrev=False)
    parser.add_argument("--kernel", action="append", choices=kernels.MATRIX, help="this one alone")
    parser.add_argument("--at-once", type=int, default=_at_once(), help="guests at a time")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="the longest for a guest")
    options, given = parser.parse_known_args()
    signal.signal(signal.SIGTERM, _end)  # what is being fetched goes with it
    names = options.kernel or list(kernels.MATRIX)
    tests = {name: selection.arguments(name, given) for name in names}
    if not all(map(selection.collected, {tuple(arguments) for arguments in tests.values()})):
        return 2
    chosen = kernels.ready(names)
    for kernel in chosen:
        compile_for(kernel.btf)  # in a guest it would take minutes
    try:
        return asyncio.run(matrix.run(chosen, tests, options.at_once, options.minutes * 60))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130


def _at_once() -> int:
    """As many guests as there are processors, if the memory does for them."""
    said = re.search(r"^MemAvailable: +(\d+) kB$", Path("/proc/meminfo").read_text(), re.MULTILINE)
    assert said
    return max(1, min(os.cpu_count() or 1, int(said[1]) * 1024 // _GUEST))


def _end(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


sys.exit(main())
