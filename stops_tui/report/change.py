"""What every verb that changes the kernel does: ask, arm, let nothing interrupt."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from stops_tui.exit_codes import USAGE
from stops_tui.kernels.kernel import Kernel
from stops_tui.kernels.writes import Writes
from stops_tui.report.outcome import Unfulfilled, tell_warnings
from stops_tui.report.output import note
from stops_tui.struct_ops.registration.outcome import Check

_LATER: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE)


@contextmanager
def armed(kernel: Kernel) -> Iterator[Writes]:
    """May change the kernel, each call told to the audit file; interrupted only afterwards.

    ^C between two steps would leave the first one done: the signals that end a command wait until
    what it does is done or undone, and told.
    """
    from stops_tui.audit import Audit

    writes, problems = kernel.writes, set[str]()
    writes.listen = Audit(report=problems.add).append
    waiting = signal.pthread_sigmask(signal.SIG_BLOCK, _LATER)
    writes.armed = True
    try:
        yield writes
    finally:
        writes.armed = False
        for problem in problems:
            note(problem)
        try:
            sys.stdout.flush()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, waiting)


def ask(
    question: str, checks: Sequence[Check], about: tuple[int, int], *, yes: bool, as_json: bool
) -> None:
    """Tell what is to be known before, and let the person decide; No unless they say yes.

    Args:
        question: Ends with a question mark.
        checks: Those that warn are told, on standard error.
        about: See `Unfulfilled`.
        yes: They said so already.
        as_json: The checks will be told by it, so not here unless they are read for an answer.

    Raises:
        Unfulfilled: They said no, or there is no terminal to ask on.
    """
    if not (yes and as_json):
        tell_warnings(checks)
    if yes:
        return
    if not (sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
        words = "this asks first, and there is no terminal to ask on: say --yes. Nothing was done."
        raise Unfulfilled(words, USAGE, checks, about)
    sys.stderr.write(f"{question} [N/y] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise Unfulfilled("Not confirmed: nothing was done.", USAGE, checks, about)
