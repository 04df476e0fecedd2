"""Steps that can be taken and, where they changed something, undone.

A step and what it does are one record, so that what is shown is what is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from stops_tui.bpf.errors import BpfError, errno_name
from stops_tui.kernels.writes import Handle, LoadedObject, Refused, Writes
from stops_tui.struct_ops.registration.outcome import Step, StepResult, Tell
from stops_tui.struct_ops.registration.plan import InObject, Plan
from stops_tui.struct_ops.verifier_log import Refusal, refusal


class NotThere(Exception):  # noqa: N818 (what was seen, as a step's result)
    """What was to be there is not, or is another: in words."""


@dataclass(slots=True)
class Work:
    """What is open while steps are taken; what was made; all of it is closed at the end.

    Attributes:
        writes: What changes the kernel.
        programs: By member, those of no object file.
        objects: Object files that were loaded, by path; plans done together share them.
        btf: The BTF that BPF_MAP_CREATE wants.
        map: The map the steps are about.
        old_map: The map that it replaces.
        link: The link the steps are about.
    """

    writes: Writes
    programs: dict[str, Handle] = field(default_factory=dict)
    objects: dict[str, LoadedObject] = field(default_factory=dict)
    btf: Handle | None = None
    map: Handle | None = None
    old_map: Handle | None = None
    link: Handle | None = None

    @property
    def map_id(self) -> int:
        """The map's id, also after it was closed; 0 before it was made."""
        return self.map.id if self.map else 0

    @property
    def link_id(self) -> int:
        """The link's id, also after it was closed; 0 before it was made."""
        return self.link.id if self.link else 0

    def serving(self, plan: Plan) -> dict[str, Handle]:
        """The programs of a plan, by member."""
        of_objects = {
            member: self.objects[source.path].programs[source.program]
            for member, source in plan.programs.items()
            if isinstance(source, InObject)
        }
        return self.programs | of_objects

    def close(self, keep: Handle | None = None) -> None:
        """Let go of everything but `keep`."""
        held = (self.link, self.map, self.old_map, self.btf, *self.programs.values())
        for handle in (*held, *self.objects.values()):
            if handle and handle is not keep:
                with suppress(OSError):
                    handle.close()


@dataclass(frozen=True, slots=True)
class Action:
    """A step with what it does.

    Attributes:
        step: As it is shown.
        do: Takes it, and says what came of it.
        undo: What takes it back; None where nothing stays of it once all is closed.
    """

    step: Step
    do: Callable[[Work], str]
    undo: Action | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """The step that failed.

    Attributes:
        action: The step.
        error: BpfError, Refused or OSError for a call; NotThere for what was seen.
    """

    action: Action
    error: Exception


class Cause(NamedTuple):
    """Why a step failed.

    Attributes:
        words: As it is told; "" to leave it at what the error says.
        member: The member it comes from; "" if that is not known.
    """

    words: str = ""
    member: str = ""


Explain = Callable[[Failure, Work], Cause]


@dataclass(slots=True)
class Taken:
    """What came of the steps.

    Attributes:
        results: Of every step that was taken, those that undid others too.
        failure: The one that failed; None if none did.
        undos: What takes back those that were taken, in their order.
    """

    results: list[StepResult] = field(default_factory=list)
    failure: Failure | None = None
    undos: list[Action] = field(default_factory=list)


def unexplained(_failure: Failure, _work: Work) -> Cause:
    """Leave it at what the error says."""
    return Cause()


def take(
    actions: Iterable[Action], work: Work, tell: Tell | None, explain: Explain = unexplained
) -> Taken:
    """Take the steps in order; if one fails, undo those before it, the last one first."""
    taken = Taken()
    for action in actions:
        error = _attempt(action, work, taken, tell, explain)
        if error:
            taken.failure = Failure(action, error)
            break
        if action.undo:
            taken.undos.append(action.undo)
    if taken.failure:
        take_back(taken, work, tell, explain)
    return taken


def take_back(taken: Taken, work: Work, tell: Tell | None, explain: Explain = unexplained) -> None:
    """Undo steps that were taken, the last one first; each once."""
    while taken.undos:
        _attempt(taken.undos.pop(), work, taken, tell, explain)


def _attempt(
    action: Action, work: Work, taken: Taken, tell: Tell | None, explain: Explain
) -> Exception | None:
    error: Exception | None = None
    try:
        result = StepResult(action.step, ok=True, message=action.do(work))
    except (BpfError, Refused, OSError, NotThere) as caught:
        error = caught
        cause = explain(Failure(action, caught), work)
        result = StepResult(
            action.step,
            ok=False,
            errno_name=errno_of(caught),
            message=cause.words or words_of(caught),
            log=caught.log if isinstance(caught, BpfError) else "",
            member=cause.member,
            refusal=refusal_of(caught),
        )
    taken.results.append(result)
    if tell:
        tell(result)
    return error


def refusal_of(error: Exception) -> Refusal | None:
    """What the verifier refused; None for any other error."""
    if not isinstance(error, BpfError) or error.command != "BPF_PROG_LOAD" or not error.log:
        return None
    return refusal(error.program, error.log)


def errno_of(error: Exception) -> str:
    """The name of its errno, "EEXIST"; "" where it has none."""
    if isinstance(error, BpfError):
        return error.errno_name if error.errno else ""
    return errno_name(error.errno) if isinstance(error, OSError) and error.errno else ""


def words_of(error: Exception) -> str:
    """What an error says, without the call and the errno, which are told beside it."""
    if isinstance(error, BpfError):
        return error.cause or "the kernel does not say why"
    if isinstance(error, Refused):
        return f"not sent to the kernel: {error.reason}"
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return str(error)
