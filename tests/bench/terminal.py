"""An app in a real pseudo-terminal, whose screen is read as fast as it writes."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROWS, COLUMNS = 34, 120


class Terminal:
    """A running app. `frame_s`: seconds from its start to the first sight of the mark."""

    def __init__(self, process: subprocess.Popen[bytes], master: int) -> None:
        self.process = process
        self.frame_s = 0.0
        self._master = master

    def wait_for(self, mark: str, since: float, seconds: float = 30) -> float:
        """Read until `mark` is on the wire; the seconds that took, counted from `since`."""
        seen = b""
        while mark.encode() not in seen:
            left = since + seconds - time.perf_counter()
            if left <= 0 or not select.select([self._master], [], [], left)[0]:
                raise SystemExit(f"{self.process.args!r} never showed {mark!r}: {seen[-2000:]!r}")
            try:
                seen += os.read(self._master, 1 << 16)
            except OSError:
                raise SystemExit(f"{self.process.args!r} ended: {seen[-2000:]!r}") from None
        return time.perf_counter() - since

    def answer_s(self, key: str, mark: str) -> float:
        """Seconds from the press of a key to the first sight of `mark`."""
        pressed = time.perf_counter()
        os.write(self._master, key.encode())
        return self.wait_for(mark, pressed)

    def drain(self) -> None:
        """Go on reading, in a thread, until the app ends."""
        threading.Thread(target=self._drain, daemon=True).start()

    def cpu_s(self) -> float:
        """Seconds of CPU that the app has used up to now."""
        return time.clock_gettime(~self.process.pid << 3 | 2)

    def peak_kib(self) -> int:
        """The most memory that it ever had resident (proc_pid_status(5): VmHWM)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0])

    def _drain(self) -> None:
        try:
            while os.read(self._master, 1 << 16):
                pass
        except OSError:
            pass  # the app has closed its end


@contextmanager
def terminal(command: Sequence[str], mark: str) -> Iterator[Terminal]:
    """Start an app and wait for its mark; it is killed at the end of the block."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    environment = os.environ | {"TERM": "xterm-256color", "XDG_CONFIG_HOME": "/nonexistent"}
    environment.pop("NO_COLOR", None)
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=environment,
        start_new_session=True,
    )
    os.close(slave)
    try:
        running = Terminal(process, master)
        running.frame_s = running.wait_for(mark, started)
        yield running
    finally:
        process.kill()
        process.wait()
        os.close(master)
