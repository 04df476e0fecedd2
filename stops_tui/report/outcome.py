"""What came of changing the kernel, as text or JSON; also where nothing was done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from stops_tui.report.output import (
    FINE,
    REFUSED,
    UNBOUNDED,
    note,
    print_json,
    print_line,
    print_table,
)
from stops_tui.struct_ops.registration.outcome import Check, Outcome, StepResult
from stops_tui.struct_ops.text import printable

NOTHING_DONE = "Nothing was done."


class Unfulfilled(Exception):  # noqa: N818 (an answer to the person, not a failure)
    """What was asked for cannot be done, and nothing was.

    Attributes:
        words: Why, and what to do, in a line.
        exit_code: Of the command.
        checks: Those that bar the way, and all others that were made.
        about: The map and the link it is about; 0 for none.
    """

    def __init__(
        self,
        words: str,
        exit_code: int,
        checks: Sequence[Check] = (),
        about: tuple[int, int] = (0, 0),
    ) -> None:
        self.words = words
        self.exit_code = exit_code
        self.checks = tuple(checks)
        self.about = about
        super().__init__(words)


def told(
    outcome: Outcome, checks: Sequence[Check], undoing: Sequence[str] = (), *, as_json: bool
) -> int:
    """Print what came of the steps; the exit code.

    Args:
        outcome: What is there now.
        checks: What was looked at before.
        undoing: The commands that undo it.
        as_json: As one object, else as a table and what to know of it.
    """
    if as_json:
        print_json(as_object(outcome, checks, undoing if outcome.ok else ()))
    elif outcome.steps:
        print_table(("", "CALL", "OF", "RESULT"), [_row(result) for result in outcome.steps])
    if not outcome.ok:
        _tell_failure(outcome)
    elif not as_json:
        print_line(_line(outcome.words))
        for command in undoing:
            print_line(f"To undo it: {_line(command)}")
    return FINE if outcome.ok else REFUSED


def told_unfulfilled(refusal: Unfulfilled, *, as_json: bool) -> int:
    """Print why nothing was done; the exit code."""
    if as_json:
        map_id, link_id = refusal.about
        outcome = Outcome(False, map_id, link_id, words=refusal.words)
        print_json(as_object(outcome, refusal.checks))
    note(refusal.words)
    return refusal.exit_code


def tell_warnings(checks: Iterable[Check]) -> None:
    """What is to be known before it is done, on standard error."""
    for check in checks:
        if check.level == "warned":
            note(check.words)


def as_object(
    outcome: Outcome, checks: Sequence[Check] = (), undoing: Sequence[str] = ()
) -> dict[str, Any]:
    """An outcome for scripts. No map, link, errno: 0 and ""."""
    return {
        "ok": outcome.ok,
        "map_id": outcome.map_id,
        "link_id": outcome.link_id,
        "state": outcome.state,
        "status": outcome.status,
        "steps": [
            {
                "call": result.step.call,
                "subject": result.step.subject,
                "detail": result.step.detail,
                "ok": result.ok,
                "errno": result.errno_name,
                "message": result.message,
                "log": result.log,
            }
            for result in outcome.steps
        ],
        "checks": [
            {"level": check.level, "words": check.words, "member": check.member} for check in checks
        ],
        "words": outcome.words,
        "left": list(outcome.left),
        "undo": list(undoing),
    }


def _row(result: StepResult) -> list[str]:
    gave = result.message if result.ok else f"{result.errno_name} {result.message}".strip()
    return ["ok" if result.ok else "failed", result.step.call, result.step.subject or "-", gave]


def _tell_failure(outcome: Outcome) -> None:
    note(outcome.words)
    for result in outcome.steps:
        for line in result.log.splitlines():
            note(f"{result.step.call}: {line}")


def _line(text: str) -> str:
    """Whole, however long: what to do is at its end."""
    return printable(text, UNBOUNDED)
