"""Ending with the terminal."""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Callable
from time import monotonic, sleep
from typing import Final

GRACE: Final = 30.0
"""Seconds after which a change that is under way is cut off after all."""


def end_with_terminal(fd: int, at_work: Callable[[], bool]) -> None:
    """End this process as soon as its terminal is gone, also where no SIGHUP tells of it.

    sudo, strace and nohup may keep SIGHUP from it; Textual would then read an ended input for
    ever, at the cost of a core, and a link held here would live on. Costs nothing until then.

    Args:
        fd: A file descriptor of the terminal.
        at_work: Whether a change is under way, which is not left half done; asked in a thread.
    """
    threading.Thread(target=_wait, args=(fd, at_work), name="hangup", daemon=True).start()


def _wait(fd: int, at_work: Callable[[], bool]) -> None:
    poller = select.poll()
    poller.register(fd, 0)  # nothing but POLLHUP and POLLERR, which are always told
    poller.poll()
    latest = monotonic() + GRACE
    while at_work() and monotonic() < latest:
        sleep(0.05)
    os._exit(128 + signal.SIGHUP)
