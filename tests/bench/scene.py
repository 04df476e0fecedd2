"""The host that is measured: many maps, and one refcnt that moves on demand.

Runs as a process of its own, so that all of it is gone when that process is, however it ends.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from socket import socket

from tests.support.live import TCP_MANDATORY, Kit, LiveMap, use

STRUCT_OPS_MAPS = 1_000
OTHER_MAPS = 5_000

BPF_MAP_TYPE_ARRAY = 2


@dataclass(frozen=True)
class Scene:
    """The process that keeps it."""

    process: subprocess.Popen[str]

    def change(self) -> None:
        """Make the refcnt of one map go up, or down again the next time."""
        assert self.process.stdin
        print("change", file=self.process.stdin, flush=True)


@contextmanager
def scene() -> Iterator[Scene]:
    """The scene, until the end of the block."""
    command = [sys.executable, "-m", "tests.bench.scene"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin and process.stdout
        if not process.stdout.readline():
            raise SystemExit("the scene could not be made")
        yield Scene(process)
        process.stdin.close()


def main() -> None:
    """Make the scene, say so, and obey standard input until it ends."""
    with ExitStack() as stack:
        resource.setrlimit(resource.RLIMIT_NOFILE, (2 * OTHER_MAPS, 2 * OTHER_MAPS))
        kit = Kit()
        programs = {member: stack.enter_context(kit.program(member)) for member in TCP_MANDATORY}
        ours = [
            stack.enter_context(kit.tcp_map(link=True, programs=programs))
            for _ in range(STRUCT_OPS_MAPS)
        ]
        for _ in range(OTHER_MAPS):
            fd = kit.bpf.map_create(map_type=BPF_MAP_TYPE_ARRAY, value_size=4)
            stack.callback(os.close, fd)
        # A link, not a plain map: that one would stay registered if this process were killed.
        stack.enter_context(ours[0].link())
        print("ready", flush=True)
        _obey(ours[0])


def _obey(ops: LiveMap) -> None:
    """For each line of standard input, give a socket to the map or take it away again."""
    with ExitStack() as stack:
        held = False
        for _ in sys.stdin:
            if held:
                stack.close()
            else:
                use(stack.enter_context(closing(socket())), ops.name)
            held = not held


if __name__ == "__main__":
    main()
