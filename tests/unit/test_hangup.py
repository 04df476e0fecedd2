"""Ending with the terminal, where no signal tells that it is gone."""

from __future__ import annotations

import os
import pty
import subprocess
import sys

PROGRAM = """
import time
from stops_tui.hangup import end_with_terminal
work = [1, 2, 3]
end_with_terminal(0, lambda: bool(work and print("works", work.pop(), flush=True) is None))
print("ready", flush=True)
time.sleep(60)
"""


def test_ends_with_its_terminal_though_no_signal_comes_but_after_its_work() -> None:
    master, slave = pty.openpty()
    # The terminal does not control it: nothing sends SIGHUP.
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=slave, stdout=subprocess.PIPE
    ) as process:
        os.close(slave)
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        assert process.poll() is None
        os.close(master)
        assert process.wait(10) == 129
        assert process.stdout.read() == b"works 3\nworks 2\nworks 1\n"
