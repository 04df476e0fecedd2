"""A process in a network namespace of its own, with TCP sockets on loopback.

with netns_process("cubic", clients=3, default="mycc") as there:
    there.close_one()
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_SCRIPT = """
import fcntl, resource, socket, struct, sys
name, clients, listening, unbound, default, comm = sys.argv[1:]
open("/proc/self/comm", "w").write(comm)
def of_ours(family=socket.AF_INET):
    made = socket.socket(family)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, name.encode())
    made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return made
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
plain = socket.socket()
fcntl.ioctl(plain, 0x8914, struct.pack("16sh14x", b"lo", 1))  # SIOCSIFFLAGS: IFF_UP
if default:
    open("/proc/sys/net/ipv4/tcp_congestion_control", "w").write(default)
server = of_ours() if int(listening) else socket.socket()
server.bind(("127.0.0.1", 0))
server.listen(1024)
kept, accepted = [], []
for _ in range(int(clients)):
    client = of_ours()
    client.connect(server.getsockname())
    kept.append(client)
    accepted.append(server.accept()[0])
    accepted[-1].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
for _ in range(int(unbound)):
    kept.append(of_ours())
print("ready", flush=True)
for line in sys.stdin:
    kept.pop().close()
    print("closed", flush=True)
"""


@dataclass
class NetnsProcess:
    """See the head of this file.

    Attributes:
        pid: The process.
        inode: Of its network namespace.
    """

    pid: int
    inode: int
    _to: IO[str]
    _out: IO[str]

    @property
    def path(self) -> str:
        """What opens the namespace."""
        return f"/proc/{self.pid}/ns/net"

    def close_one(self) -> None:
        """Close the socket that was made last."""
        self._to.write("\n")
        self._to.flush()
        assert self._out.readline() == "closed\n"


@contextmanager
def netns_process(
    name: str,
    *,
    clients: int = 0,
    listening: bool = False,
    unbound: int = 0,
    default: str = "",
    comm: str = "netns-test",
) -> Iterator[NetnsProcess]:
    """The process, until the end of the block.

    Args:
        name: The congestion control of its sockets.
        clients: Connections whose active end uses it.
        listening: Whether the listening socket, and so each accepted one, uses it too.
        unbound: Sockets of it that are neither bound nor connected.
        default: What to make the namespace's default; it must have TCP_CONG_NON_RESTRICTED, or the
            kernel never lets go of it.
        comm: The process's name.
    """
    command = [sys.executable, "-IS", "-c", _SCRIPT]  # a start that a guest makes in time
    command += [name, str(clients), str(int(listening)), str(unbound), default, comm]
    with subprocess.Popen(
        ["unshare", "--net", *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin and process.stdout
        try:
            assert process.stdout.readline() == "ready\n"
            inode = Path(f"/proc/{process.pid}/ns/net").stat().st_ino
            yield NetnsProcess(process.pid, inode, process.stdin, process.stdout)
        finally:
            process.kill()
