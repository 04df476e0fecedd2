"""The command as scripts run it, on the running kernel, and traffic under what it registers."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stops_tui.bpf.errors import BpfError
from stops_tui.bpf.syscall import opened
from stops_tui.kernels.live.kernel import LiveKernel
from tests.support.clang import shared_library
from tests.support.guest import PATIENCE
from tests.support.live import Kit, use

COMMAND = [sys.executable, "-m", "stops_tui"]
SIGNAL_AT = Path(__file__).parent / "signal_at.c"
FILE = os.urandom(3 << 20)


@dataclass(frozen=True)
class Cli:
    """The command, with an audit file of its own.

    Attributes:
        state: The folder of the audit file.
        prefix: What the command is run by.
    """

    state: Path
    prefix: tuple[str, ...] = ()

    def run(
        self, *arguments: str, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run it without a terminal."""
        return subprocess.run(
            [*self.prefix, *COMMAND, *arguments],
            capture_output=True,
            text=True,
            timeout=60 * PATIENCE,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "XDG_STATE_HOME": str(self.state), **(env or {})},
        )

    def outcome(self, *arguments: str, exit_code: int = 0) -> Any:
        """What it prints with --json."""
        ended = self.run(*arguments, "--json")
        assert ended.returncode == exit_code, ended.stderr
        return json.loads(ended.stdout)

    def signalled(
        self, *arguments: str, by: signal.Signals, at: int, after: bool = False
    ) -> subprocess.CompletedProcess[str]:
        """Run it, and let a signal come at one of the calls that change the kernel."""
        preload = {"LD_PRELOAD": str(shared_library(SIGNAL_AT)), "SIGNAL": str(int(by))}
        where = {"SIGNAL_AT": str(at), "SIGNAL_AFTER": str(int(after))}
        return self.run(*arguments, env=preload | where)

    @property
    def audit(self) -> list[dict[str, Any]]:
        """Every call that the audit file tells of."""
        file = self.state / "stops-tui" / "audit.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def left(self, kit: Kit) -> list[str]:
        """What of all that was ever made is still in the kernel, as "link 7"."""
        opens: dict[str, tuple[str, Callable[[int], int]]] = {
            "BPF_PROG_LOAD": ("prog", kit.bpf.prog_get_fd_by_id),
            "BPF_MAP_CREATE": ("map", kit.bpf.map_get_fd_by_id),
            "BPF_LINK_CREATE": ("link", kit.bpf.link_get_fd_by_id),
        }
        found = []
        for call in self.audit:
            if call["result"] and call["call"] in opens:
                kind, open_ = opens[call["call"]]
                with suppress(BpfError), opened(open_(call["result"])):
                    found.append(f"{kind} {call['result']}")
        return found


@contextmanager
def counting() -> Iterator[LiveKernel]:
    """A kernel whose run statistics are on."""
    kernel = LiveKernel.open()
    kernel.count_runs(True)
    try:
        yield kernel
    finally:
        kernel.close()


def transfer(name: str, scratch: Path) -> None:
    """Send a file over loopback, both sides using this congestion control, and compare it."""
    source, copy = scratch / "sent", scratch / "received"
    source.write_bytes(FILE)
    with socket.socket() as listening, socket.socket() as client:
        for each in (listening, client):
            use(each, name)
            each.settimeout(20)
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        client.connect(listening.getsockname())
        accepted, _ = listening.accept()

        def receive() -> None:
            with accepted, copy.open("wb") as file:
                while data := accepted.recv(1 << 16):
                    file.write(data)

        receiver = threading.Thread(target=receive)
        receiver.start()
        with source.open("rb") as file:
            client.sendfile(file)
        used = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16)
        client.shutdown(socket.SHUT_WR)
        receiver.join(20)
    assert used.rstrip(b"\0").decode() == name
    assert hashlib.sha256(copy.read_bytes()).digest() == hashlib.sha256(FILE).digest()


def runs(kernel: LiveKernel, programs: Mapping[str, int]) -> dict[str, int]:
    """How often each member's program ran."""
    counts = kernel.run_counts(programs.values())
    return {member: counts[prog_id].run_cnt for member, prog_id in programs.items()}
