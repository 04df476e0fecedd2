"""Record the demo kernel's programs and types anew, in a guest: `make demo-cast`."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from tests.support.clang import compile_for
from tests.vm import kernels
from tests.vm.qemu import TCG, run, script

PROJECT = Path(__file__).parents[2]
CAST = PROJECT / "stops_tui" / "kernels" / "demo" / "cast.stops"
KERNEL = "7.2"
MINUTES = 10


def main() -> int:
    """Make the file; 0 if it was made."""
    (kernel,) = kernels.ready([KERNEL])
    compile_for(kernel.btf)
    environment = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
    command = [sys.executable, "-m", "tests.vm.guest.cast"]
    guest = asyncio.run(
        run(
            kernel,
            script(command, PROJECT, {**environment, "LANG": "C.UTF-8"}),
            said=lambda line: print(line, flush=True),
            seconds=60 * MINUTES,
            accelerator=TCG,
        )
    )
    if guest.status == 0:
        CAST.write_bytes(guest.files[CAST.name])
    elif guest.status is None:
        print(guest.ended, *guest.console, sep="\n", file=sys.stderr)
    return guest.status or int(guest.status is None)


if __name__ == "__main__":
    sys.exit(main())
