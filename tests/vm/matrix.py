"""Run pytest on several kernels, a few guests at once, and sum up what came of it."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Mapping

from tests.vm import errand, qemu, report
from tests.vm.kernels import Kernel

_PYTEST = (
    *("pytest", "-v", "-p", "no:cacheprovider", "--durations=10"),
    f"--junitxml=/run/guest/out/{report.REPORT}",
)


async def run(
    kernels: list[Kernel], tests: Mapping[str, list[str]], at_once: int, seconds: float
) -> int:
    """Print what each guest prints, and at the end a line for each; 0 if all tests passed.

    Args:
        kernels: To be booted once each.
        tests: pytest's arguments by the kernel's name.
        at_once: How many guests run at a time.
        seconds: How long each may take; then its tests are interrupted.
    """
    this = asyncio.current_task()
    assert this
    for number in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, this.cancel)
    turns = asyncio.Semaphore(at_once)
    accelerator = await qemu.accelerator(kernels[0])

    async def one(kernel: Kernel) -> report.Report:
        async with turns:
            start = time.monotonic()
            words = (*_PYTEST, *tests[kernel.name])
            guest = await errand.run(kernel, words, _say(kernel), seconds, accelerator)
        if guest.status is None:
            for line in guest.console:
                _say(kernel)(f"console: {line}")
        return report.Report.of(kernel, guest, time.monotonic() - start)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(kernel)) for kernel in kernels]
    reports = [task.result() for task in tasks]
    print("", *(line for each in reports for line in each.lines()), sep="\n")
    return int(not all(each.good for each in reports))


def _say(kernel: Kernel) -> Callable[[str], None]:
    return lambda line: print(f"{kernel.name:<5} {line}", flush=True)
