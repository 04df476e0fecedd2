"""TCP traffic of this host with itself, in a thread. Keeps the protocol `Traffic`."""

from __future__ import annotations

import resource
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from errno import EMFILE, ENOENT, EPERM
from threading import Event, Thread
from time import monotonic

from stops_tui.kernels.traffic import MOST_BYTES, MOST_CONNECTIONS, MOST_SECONDS, TrafficSeen

ROUND = 0.1
"""Seconds from one round of sending to the next."""
ROUND_BYTES = 1 << 20
"""Bytes sent in a round over all connections: 10 MiB a second, which no host notices."""
MOST_AT_ONCE = 1 << 16
PATIENCE = 5.0
"""Seconds that one connection may take to open."""
OTHER_FILES = 256
"""File descriptors left for everything else."""

_RESET = struct.pack("ii", 1, 0)
"""struct linger: closed by a reset, so that nothing stays behind in TIME_WAIT."""

Pair = tuple[socket.socket, socket.socket]
"""The end that sends, under the congestion control, and the end that reads."""


class LiveTraffic:
    """See `Traffic`. All of it happens in a thread that never keeps the program from ending.

    Args:
        name: The congestion control, as the subsystem knows it.
        connections: How many; at most MOST_CONNECTIONS.
    """

    def __init__(self, name: str, connections: int) -> None:
        self._name = name.encode(errors="surrogateescape")
        self._wanted = min(connections, MOST_CONNECTIONS)
        self._stop = Event()
        self._seen = TrafficSeen()
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def seen(self) -> TrafficSeen:
        """How far it is now."""
        return self._seen

    def close(self) -> None:
        """Close all connections, soon."""
        self._stop.set()

    def _run(self) -> None:
        problem = ""
        try:
            with _room_for(2 * self._wanted + OTHER_FILES), ExitStack() as stack:
                pairs = self._connect(stack)
                self._send(pairs)
        except OSError as error:
            problem = self._words(error)
        self._seen = self._seen._replace(open=0, ended=True, problem=problem)

    def _connect(self, stack: ExitStack) -> list[Pair]:
        """Open the connections one after the other, on loopback and nowhere else."""
        pairs: list[Pair] = []
        with closing(socket.create_server(("127.0.0.1", 0))) as listening:
            listening.settimeout(PATIENCE)
            while len(pairs) < self._wanted and not self._stop.is_set():
                pairs.append(self._pair(stack, listening))
                self._seen = self._seen._replace(open=len(pairs))
        return pairs

    def _pair(self, stack: ExitStack, listening: socket.socket) -> Pair:
        client = stack.enter_context(closing(socket.socket()))
        client.settimeout(PATIENCE)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, self._name)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        client.connect(listening.getsockname())
        while True:
            server, address = listening.accept()
            if address == client.getsockname():
                break
            server.close()  # another process of this host found the port
        stack.enter_context(closing(server))
        server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        client.setblocking(False)
        server.setblocking(False)
        return client, server

    def _send(self, pairs: list[Pair]) -> None:
        """Send over all connections in rounds, until it is asked to end or a limit is reached."""
        if not pairs:
            return
        chunk = bytes(min(ROUND_BYTES // len(pairs), MOST_AT_ONCE))
        room = bytearray(2 * MOST_AT_ONCE)
        begun = monotonic()
        while not self._stop.wait(ROUND):
            sent = self._seen.sent + sum(_exchange(pair, chunk, room) for pair in pairs)
            seconds = monotonic() - begun
            self._seen = self._seen._replace(sent=sent, seconds=seconds)
            if seconds >= MOST_SECONDS or sent >= MOST_BYTES:
                return

    def _words(self, error: OSError) -> str:
        """Why it failed, and what to do."""
        opened = self._seen.open
        if error.errno == ENOENT:
            return "the kernel has no congestion control of this name any more"
        if error.errno == EPERM:
            return "this congestion control is not among the allowed ones: it needs CAP_NET_ADMIN"
        if error.errno == EMFILE:
            return f"only {opened} connections fit: raise the limit of open files (ulimit -n)"
        where = f" after {opened} connections" if opened else ""
        return f"{error.strerror or error}{where}"


def _exchange(pair: Pair, chunk: bytes, room: bytearray) -> int:
    """Send what the kernel takes now, read what has arrived; the bytes sent."""
    client, server = pair
    sent = 0
    with suppress(BlockingIOError):  # the congestion control holds it back
        sent = client.send(chunk)
    with suppress(BlockingIOError):  # nothing has arrived
        server.recv_into(room)
    return sent


@contextmanager
def _room_for(files: int) -> Iterator[None]:
    """Allow this many open files meanwhile, as far as the hard limit goes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = files if hard == resource.RLIM_INFINITY else min(files, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        yield
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
