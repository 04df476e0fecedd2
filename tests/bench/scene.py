"""The host that is measured: many maps, and one refcnt that moves on demand.

Runs as a process of its own, so that all of it is gone when that process is, however it ends.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from socket import socket

from tests.support.live import TCP_MANDATORY, Kit, use

STRUCT_OPS_MAPS = 1_000
OTHER_MAPS = 5_000

BPF_MAP_TYPE_ARRAY = 2


@contextmanager
def scene() -> Iterator[Scene]:
    """The scene, until the end of the block."""
    command = [sys.executable, "-m", "tests.bench.scene"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin and process.stdout
        name = process.stdout.readline().strip()
        if not name:
            raise SystemExit("the scene could not be made")
        with Scene(name) as made:
            yield made
        process.stdin.close()


class Scene:
    """The maps, and one socket that uses one of them or does not.

    As on any host, the process that holds maps is not the one whose sockets use them.
    """

    def __init__(self, name: str) -> None:
        """Args: name: That of the registered congestion control."""
        self.name = name
        self._socket: socket | None = None

    def change(self) -> None:
        """Make the refcnt of the registered map go up, or down again the next time."""
        if self._socket:
            self._socket.close()
            self._socket = None
        else:
            self._socket = socket()
            use(self._socket, self.name)

    def __enter__(self) -> Scene:
        return self

    def __exit__(self, *_: object) -> None:
        if self._socket:
            self._socket.close()


def main() -> None:
    """Make the maps, print the registered one's name, and wait for the end of standard input."""
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
        print(ours[0].name, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
