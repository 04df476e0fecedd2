"""Run pytest on several kernels, a few guests at once, and sum up what came of it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.vm import qemu, report
from tests.vm.kernels import Kernel

PROJECT = Path(__file__).parents[2]

_PASSED_ON = ("HOME", "PATH", "STOPS_TUI_REQUIRE_LIVE", "XDG_CACHE_HOME")


async def run(
    kernels: list[Kernel], tests: Mapping[str, list[str]], at_once: int, seconds: float
) -> int:
    """Print what each guest prints, and at the end a line for each; 0 if all tests passed.

    Args:
        kernels: To be booted once each.
        tests: pytest's arguments by the kernel's name.
        at_once: How many guests run at a time.
        seconds: How long each may take.
    """
    this = asyncio.current_task()
    assert this
    for number in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, this.cancel)
    turns = asyncio.Semaphore(at_once)
    accelerator = await qemu.accelerator(kernels[0])

    async def one(kernel: Kernel) -> tuple[bool, list[str]]:
        async with turns:
            start = time.monotonic()
            asked = _script(tests[kernel.name])
            guest = await qemu.run(kernel, asked, _say(kernel), seconds, accelerator)
        if guest.status is None:
            for line in guest.console:
                _say(kernel)(f"console: {line}")
        return guest.status == 0, report.lines(kernel, guest, time.monotonic() - start)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(kernel)) for kernel in kernels]
    results = [task.result() for task in tasks]
    print("", *(line for _passed, lines in results for line in lines), sep="\n")
    return int(not all(passed for passed, _lines in results))


def _say(kernel: Kernel) -> Callable[[str], None]:
    return lambda line: print(f"{kernel.name:<5} {line}", flush=True)


def _script(tests: list[str]) -> str:
    """The shell script that runs pytest in a guest."""
    command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider"]
    command += [f"--junitxml=/run/guest/out/{report.REPORT}", *tests]
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return qemu.script(command, PROJECT, {**environment, "LANG": "C.UTF-8"})
