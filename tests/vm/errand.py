"""Run a Python module of the project in a guest, and bring back what it made."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.support.clang import compile_for
from tests.vm import kernels, qemu
from tests.vm.qemu import Guest

PROJECT = Path(__file__).parents[2]

_PASSED_ON = ("HOME", "PATH", "STOPS_TUI_REQUIRE_LIVE", "XDG_CACHE_HOME")

_LAST_WORDS = 90
"""Seconds that a guest has, when its time is over, to say what it knows until then."""


async def run(
    kernel: kernels.Kernel,
    words: Sequence[str],
    said: Callable[[str], None],
    seconds: float,
    accelerator: str,
    folder: Path = PROJECT,
) -> Guest:
    """Boot a kernel, run `python -m WORDS` as root, and power off.

    Args:
        kernel: What to boot.
        words: The module and its arguments.
        said: Called with each line that it prints, when it does.
        seconds: How long it may take; then it is interrupted, as by ^C.
        accelerator: How QEMU runs it.
        folder: Where it runs: the project, or a copy of it.
    """
    limited = ["timeout", "-s", "INT", f"{seconds:.0f}"]  # busybox's: the status is the module's
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    environment |= {"LANG": "C.UTF-8", "TZ": "UTC"}
    script = qemu.script([*limited, sys.executable, "-m", *words], folder, environment)
    return await qemu.run(kernel, script, said, seconds + _LAST_WORDS, accelerator)


def run_alone(name: str, *words: str, minutes: float, folder: Path = PROJECT) -> Guest:
    """The same for one kernel of the matrix; what it says is printed, and why it broke, if so."""
    (kernel,) = kernels.ready([name])
    compile_for(kernel.btf)  # in a guest it would take minutes

    async def accelerated() -> Guest:
        accelerator = await qemu.accelerator(kernel)
        return await run(kernel, words, _print, minutes * 60, accelerator, folder)

    guest = asyncio.run(accelerated())
    if guest.status is None:
        print(guest.ended, *guest.console, sep="\n", file=sys.stderr)
    return guest


def _print(line: str) -> None:
    print(line, flush=True)
