"""Many processes that do nothing, as on any host; each has some files open.

Run as a process of its own: a fork of one that holds thousands of maps would hold them too.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

IDLE_PROCESSES = 2_000
FILES = 8

PR_SET_PDEATHSIG = 1


@contextmanager
def idle_processes() -> Iterator[None]:
    """They sleep until the end of the block."""
    command = [sys.executable, "-m", "tests.bench.idle"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as parent:
        assert parent.stdin and parent.stdout
        if not parent.stdout.readline():
            raise SystemExit("the idle processes could not be made")
        yield
        parent.stdin.close()


def main() -> None:
    """Fork them, say so, and end them with standard input. They die with this process anyway."""
    libc = ctypes.CDLL(None)
    pids = [pid for _ in range(IDLE_PROCESSES) if (pid := os.fork() or _sleep(libc))]
    print("ready", flush=True)
    sys.stdin.read()
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    for pid in pids:
        os.waitpid(pid, 0)


def _sleep(libc: ctypes.CDLL) -> int:
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    for _ in range(FILES):
        os.open(os.devnull, os.O_RDONLY)
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
