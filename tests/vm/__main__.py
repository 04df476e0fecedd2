"""Run tests on real kernels: each in a throw-away guest, as root, among this machine's files.

python -m tests.vm [--kernel 7.2 ...] [pytest arguments ...]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.support.clang import compile_for
from tests.vm import kernels, report, selection
from tests.vm.kernels import Kernel
from tests.vm.qemu import Guest, accelerator, run, script

PROJECT = Path(__file__).parents[2]
MINUTES = 25

_PASSED_ON = ("HOME", "PATH", "STOPS_TUI_REQUIRE_LIVE", "XDG_CACHE_HOME")


def main() -> int:
    """Run the tests of the command line; 0 if they passed on every kernel."""
    parser = argparse.ArgumentParser(prog="python -m tests.vm", description=__doc__)
    parser.add_argument("--kernel", action="append", choices=kernels.MATRIX, help="this one alone")
    parser.add_argument("--at-once", type=int, default=os.cpu_count(), help="guests at a time")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="the longest for a guest")
    options, pytest_arguments = parser.parse_known_args()
    if not _collect(pytest_arguments):
        return 2
    chosen = kernels.ready(options.kernel or list(kernels.MATRIX))
    for kernel in chosen:
        compile_for(kernel.btf)  # in a guest it would take minutes
    try:
        return asyncio.run(_matrix(chosen, pytest_arguments, options.at_once, options.minutes * 60))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 130


async def _matrix(
    chosen: list[Kernel], pytest_arguments: list[str], at_once: int, seconds: float
) -> int:
    """Run the tests on each kernel, a few at once, and sum them up."""
    this = asyncio.current_task()
    assert this
    for number in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, this.cancel)
    turns = asyncio.Semaphore(at_once)
    accelerated = await accelerator(chosen[0])

    async def one(kernel: Kernel) -> tuple[Guest, list[str]]:
        async with turns:
            start = time.monotonic()
            guest = await run(
                kernel,
                _script(pytest_arguments),
                said=lambda line: print(f"{kernel.name:<5} {line}", flush=True),
                seconds=seconds,
                accelerator=accelerated,
            )
        if guest.status is None:
            print(*(f"{kernel.name:<5} console: {line}" for line in guest.console), sep="\n")
        return guest, report.lines(kernel, guest, time.monotonic() - start)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(kernel)) for kernel in chosen]
    results = [task.result() for task in tasks]
    print("", *(line for _guest, lines in results for line in lines), sep="\n")
    return int(any(guest.status != 0 for guest, _lines in results))


def _script(pytest_arguments: list[str]) -> str:
    """The shell script that runs pytest in a guest."""
    command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider"]
    command += [f"--junitxml=/run/guest/out/{report.REPORT}"]
    command += selection.arguments(pytest_arguments)
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return script(command, PROJECT, {**environment, "LANG": "C.UTF-8"})


def _collect(pytest_arguments: list[str]) -> bool:
    """Whether pytest finds the tests; all are compiled then, which is much slower in a guest."""
    command = [sys.executable, "-m", "pytest", "-qq", "--collect-only"]
    command += selection.arguments(pytest_arguments)
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run(
        command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        print(done.stdout)
    return done.returncode == 0


sys.exit(main())
