"""Traffic under a congestion control, and how often its programs ran meanwhile."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager

from stops_tui.kernels.live.kernel import LiveKernel
from tests.support.guest import PATIENCE
from tests.support.live import use

DATA = os.urandom(3 << 20)


def transfer(name: str) -> None:
    """Send 3 MiB over loopback, both sides using this congestion control, and compare them."""
    received = bytearray()
    with socket.socket() as listening, socket.socket() as client:
        for each in (listening, client):
            use(each, name)
            each.settimeout(20 * PATIENCE)
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        client.connect(listening.getsockname())
        accepted, _ = listening.accept()

        def receive() -> None:
            with accepted:
                while data := accepted.recv(1 << 16):
                    received.extend(data)

        receiver = threading.Thread(target=receive)
        receiver.start()
        client.sendall(DATA)
        used = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16)
        client.shutdown(socket.SHUT_WR)
        receiver.join(20 * PATIENCE)
    assert used.rstrip(b"\0").decode() == name
    assert received == DATA


@contextmanager
def counting() -> Iterator[LiveKernel]:
    """A kernel whose run statistics are on."""
    with closing(LiveKernel.open()) as kernel:
        kernel.count_runs(True)
        yield kernel


def runs(kernel: LiveKernel, programs: Mapping[str, int]) -> dict[str, int]:
    """How often each member's program ran."""
    counts = kernel.run_counts(programs.values())
    return {member: counts[prog_id].run_cnt for member, prog_id in programs.items()}
