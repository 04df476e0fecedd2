"""Ending with the terminal."""

from __future__ import annotations

import os
import select
import signal
import threading


def end_with_terminal(fd: int) -> None:
    """End this process as soon as its terminal is gone, also where no SIGHUP tells of it.

    sudo, strace and nohup may keep SIGHUP from it; Textual would then read an ended input for
    ever, at the cost of a core, and a link held here would live on. Costs nothing until then.

    Args:
        fd: A file descriptor of the terminal.
    """
    threading.Thread(target=_wait, args=(fd,), name="hangup", daemon=True).start()


def _wait(fd: int) -> None:
    poller = select.poll()
    poller.register(fd, 0)  # nothing but POLLHUP and POLLERR, which are always told
    poller.poll()
    os._exit(128 + signal.SIGHUP)
