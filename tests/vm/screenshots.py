"""Make the README's pictures of what only a guest may do: `make screenshots-vm`.

Each is of the real app on a real kernel, made in a guest and brought out of it.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from tests.screenshots import PICTURES
from tests.support.clang import compile_for
from tests.vm import kernels
from tests.vm.qemu import Guest, accelerator, run, script

PROJECT = Path(__file__).parents[2]
KERNEL = "7.2"
MINUTES = 15


def main() -> int:
    """Make all pictures; 0 if all were made."""
    (kernel,) = kernels.ready([KERNEL])
    compile_for(kernel.btf)
    environment = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
    command = [sys.executable, "-m", "tests.vm.guest.pictures"]
    asked = script(command, PROJECT, {**environment, "LANG": "C.UTF-8", "TZ": "UTC"})
    guest = asyncio.run(_run(kernel, asked))
    for name, content in guest.files.items():
        if name.endswith(".svg"):
            (PICTURES / name).write_bytes(content)
    if guest.status is None:
        print(guest.ended, *guest.console, sep="\n", file=sys.stderr)
    return guest.status or int(guest.status is None)


async def _run(kernel: kernels.Kernel, command: str) -> Guest:
    return await run(
        kernel,
        command,
        said=lambda line: print(line, flush=True),
        seconds=60 * MINUTES,
        accelerator=await accelerator(kernel),
    )


if __name__ == "__main__":
    sys.exit(main())
