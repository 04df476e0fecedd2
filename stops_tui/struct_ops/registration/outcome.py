"""What is to be done, what it gave, and what the kernel says afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from stops_tui.kernels.writes import Handle
from stops_tui.struct_ops.verifier_log import Refusal

Level = Literal["passed", "warned", "failed"]

READ_BACK = "read back"
"""The `call` of the step that looks at what is there; no call is believed before it."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at before anything is done.

    Attributes:
        level: "failed" bars the way; "warned" is to be read before going on.
        words: What was found and, if it did not pass, what to do.
        member: The member it is about; "" if it is about none.
        beyond: Whether no choice in the plan mends it: it is the host that lacks something.
    """

    level: Level
    words: str
    member: str = ""
    beyond: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One call to come.

    Attributes:
        call: "BPF_MAP_UPDATE_ELEM", "mount", "unlink", or `READ_BACK`.
        subject: What it is about: a member, a map's name, a path.
        detail: What it does, in words.
    """

    call: str
    subject: str
    detail: str


@dataclass(frozen=True, slots=True)
class StepResult:
    """What a step gave.

    Attributes:
        step: The step; one that undoes an earlier one has a `detail` that says so.
        ok: Whether it did what it was asked.
        errno_name: "EEXIST"; "" without an errno.
        message: The cause of a failure in words; else what came of it: "map 58".
        log: What the verifier or libbpf wrote.
        member: The member that a failure comes from; "" if that is not known.
        refusal: Why and where the verifier refused a program; None if it is about none.
    """

    step: Step
    ok: bool
    errno_name: str = ""
    message: str = ""
    log: str = ""
    member: str = ""
    refusal: Refusal | None = None


Tell = Callable[[StepResult], None]
"""Is told of each step when it ended, from the thread that runs them."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is there after all steps, as the kernel itself says.

    Attributes:
        ok: What was asked for is there.
        map_id: The map it is about; 0 if there is none (any more).
        link_id: The link; 0 if there is none.
        state: The map's state in the kernel's word; "" if it is gone.
        status: What that means (see `status.py`); "" if it is gone.
        steps: Every step with what it gave, those that undid others too.
        words: The whole of it in a sentence or two, with what to do next.
        left: Everything that stays in the kernel because of this, each in words; what was asked
            for and the rest of what failed alike.
        held: An unpinned link that was made: closing it unregisters. The caller keeps it.
        refused: The kernel, or this program below every screen, refused a call; False too where
            a check failed and nothing was called.
    """

    ok: bool
    map_id: int = 0
    link_id: int = 0
    state: str = ""
    status: str = ""
    steps: tuple[StepResult, ...] = ()
    words: str = ""
    left: tuple[str, ...] = ()
    held: Handle | None = None
    refused: bool = False
