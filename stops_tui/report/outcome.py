"""What came of changing the kernel, as text or JSON; also where nothing was done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from stops_tui.exit_codes import FINE, REFUSED
from stops_tui.report.output import UNBOUNDED, note, print_json, print_line, print_table
from stops_tui.struct_ops.registration.outcome import Check, Outcome, StepResult
from stops_tui.struct_ops.text import printable
from stops_tui.struct_ops.verifier_log import Refusal

LAST_LINES = 40
"""Of a log that are printed: what was found is at its end."""

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


def together(outcomes: Sequence[Outcome]) -> Outcome:
    """Several outcomes of one command as one: it has a map of its own only where there is one."""
    if len(outcomes) == 1:
        return outcomes[0]
    return Outcome(
        ok=all(each.ok for each in outcomes),
        steps=tuple(result for each in outcomes for result in each.steps),
        words=" ".join(dict.fromkeys(each.words for each in outcomes)),
        left=tuple(left for each in outcomes for left in each.left),
        refused=any(each.refused for each in outcomes),
    )


def told(
    outcome: Outcome,
    checks: Sequence[Check],
    undoing: Sequence[str] = (),
    of: Sequence[Outcome] = (),
    *,
    as_json: bool,
) -> int:
    """Print what came of the steps; the exit code.

    Args:
        outcome: What is there now.
        checks: What was looked at before.
        undoing: The commands that undo it.
        of: Where it is of several maps: that of each.
        as_json: As one object, else as a table and what to know of it.
    """
    if as_json:
        found = as_object(outcome, checks, undoing if outcome.ok else ())
        if len(of) > 1:
            found["maps"] = [_as_part(each) for each in of]
        print_json(found)
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
                "refusal": _refusal(result.refusal),
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


def _as_part(outcome: Outcome) -> dict[str, Any]:
    """One map of several."""
    keys = ("ok", "map_id", "link_id", "state", "status", "words")
    return {key: getattr(outcome, key) for key in keys}


def _refusal(found: Refusal | None) -> dict[str, Any] | None:
    """Why the verifier refused a program; null for any other step."""
    if found is None:
        return None
    keys = ("program", "reason", "insn", "text", "source", "place")
    return {key: getattr(found, key) for key in keys}


def _row(result: StepResult) -> list[str]:
    gave = result.message if result.ok else f"{result.errno_name} {result.message}".strip()
    return ["ok" if result.ok else "failed", result.step.call, result.step.subject or "-", gave]


def _tell_failure(outcome: Outcome) -> None:
    note(outcome.words)
    for result in outcome.steps:
        if result.refusal:
            _tell_refusal(result.refusal)
        lines = result.log.splitlines()
        if len(lines) > LAST_LINES:
            note(f"the last {LAST_LINES} of {len(lines)} lines that were logged (all: --json):")
        for line in lines[-LAST_LINES:]:
            note(f"{result.step.call}: {line}")


def _tell_refusal(found: Refusal) -> None:
    """The line of C that is to be mended first, then its instruction."""
    if found.source:
        note(f"{found.place}: {found.source}" if found.place else found.source)
    if found.text:
        note(f"{found.program or 'the program'}, instruction {found.insn}: {found.text}")


def _line(text: str) -> str:
    """Whole, however long: what to do is at its end."""
    return printable(text, UNBOUNDED)
