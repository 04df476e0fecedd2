"""What of a verifier's log says why a program was refused, and where.

Lines are those of kernel/bpf/log.c and kernel/bpf/verifier.c: `12: (07) r1 += 8  ; R1_w=...` for an
instruction, `; if (!tp) @ cc.c:88` before it for the source line it comes from (without file and
number before 6.10), anything else for what was found. From 7.3 on an explanation may follow, where
the instruction is `  >>> 12 | (07) r1 += 8`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from stops_tui.bpf.errors import EXPLAINED, verifier_cause

_INSN = re.compile(r"(\d{1,9}): (\([0-9a-f]{2}\) .*)")
_MARKED = re.compile(r"  >>> (\d{1,9}) \| (\([0-9a-f]{2}\) .*)")
_STATE = re.compile(r"\s+; (?:R\d|frame\d|refs=|fp-).*")
"""What registers hold after the instruction; it is of use only to whom reads the whole log."""

_PLACE = re.compile(r"(.*) @ (\S+?):(\d{1,9})")
_NAMED = re.compile(r"\binsn (\d{1,9})")


class Refusal(NamedTuple):
    """Why and where the verifier refused a program.

    Attributes:
        program: Its name; "" where it is not known.
        log: All that the verifier wrote.
        reason: What it found; "" for an empty log.
        insn: The instruction it is about, by number; -1 where the log does not tell.
        text: That instruction, `(61) r0 = *(u32 *)(r0 +0)`; "" where the log does not show it.
        source: The line of C that it comes from; "" where the log does not show it.
        place: Where that line is, "cc.c:88"; "" where the log does not tell.
        line: The number of the log's line that shows the instruction, from 0; -1 where none does.
    """

    program: str
    log: str
    reason: str
    insn: int = -1
    text: str = ""
    source: str = ""
    place: str = ""
    line: int = -1

    def __str__(self) -> str:
        at = f"instruction {self.insn}" if self.insn >= 0 else ""
        where = ", ".join(part for part in (at, self.place) if part)
        return f"{self.reason} ({where})" if where else self.reason


def refusal(program: str, log: str) -> Refusal:
    """Find in a log why the verifier refused a program; any text is a log."""
    lines = log.splitlines()
    end = next((at for at, line in enumerate(lines) if line.startswith(EXPLAINED)), len(lines))
    line, insn = next(_shown(lines, end), (-1, None))
    reason = verifier_cause("\n".join(lines[line + 1 : end])) or verifier_cause(log)
    named = _NAMED.search(reason)
    if named:  # which need not be the last that is shown
        about = (found for found in _shown(lines, end) if found[1][1] == named[1])
        line, insn = next(about, (-1, None))
    if insn is None:
        return Refusal(program, log, reason, int(named[1]) if named else -1)
    source, place = _source(lines[:line])
    text = _STATE.sub("", insn[2]).rstrip()
    return Refusal(program, log, reason, int(insn[1]), text, source, place, line)


def _shown(lines: list[str], end: int) -> Iterator[tuple[int, re.Match[str]]]:
    """The lines that show an instruction, the last first, then those that the explanation marks."""
    for pattern, places in ((_INSN, reversed(range(end))), (_MARKED, range(end, len(lines)))):
        for at in places:
            if found := pattern.fullmatch(lines[at].rstrip()):
                yield at, found


def _source(before: list[str]) -> tuple[str, str]:
    """The last line of C shown, and where it is: the verifier shows each where it begins."""
    shown = next((line[1:].strip() for line in reversed(before) if line.startswith(";")), "")
    found = _PLACE.fullmatch(shown)
    return (found[1], f"{found[2].rpartition('/')[2]}:{found[3]}") if found else (shown, "")
