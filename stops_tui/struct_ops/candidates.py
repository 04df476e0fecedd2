"""Which programs fit a member, best first, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from stops_tui.struct_ops.registration.plan import ProgramSource

Fit = Literal["exact", "guess", "no"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A program for a member.

    Attributes:
        source: The program, as a plan names it.
        name: Its function's name.
        why: Why it fits, "serves ssthresh in map 58 dctcp"; "" if it does not.
        fit: "exact" is known; "guess" is for the kernel to say; "no" would be refused.
        reason: Why it does not fit; "" if it does.
        prog_id: Its id; 0 for an example's, which is not loaded yet.
    """

    source: ProgramSource
    name: str
    why: str
    fit: Fit
    reason: str = ""
    prog_id: int = 0
