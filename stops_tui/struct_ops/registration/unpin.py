"""Removing one pin, and saying what goes with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from stops_tui.kernels.kernel import RawFd, RawPin
from stops_tui.kernels.writes import Handle, ReadOnly, Writes
from stops_tui.struct_ops.inventory import Snapshot
from stops_tui.struct_ops.registration import unregister
from stops_tui.struct_ops.registration.actions import Action, NotThere, Work, take
from stops_tui.struct_ops.registration.changed import link_changed
from stops_tui.struct_ops.registration.checks import failures, in_order
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.outcome import READ_BACK, Check, Outcome, Step, Tell
from stops_tui.struct_ops.registration.plan import PlanError
from stops_tui.struct_ops.registration.remains import NOTHING_DONE, failed_words, look_again
from stops_tui.struct_ops.text import printable


@dataclass(frozen=True, slots=True)
class Unpinning:
    """A pin, and the object it keeps, as they were when a person looked.

    Attributes:
        path: Where the pin is.
        kind: Of what it is.
        object_id: That map's or link's id.
        last: Whether nothing else is known to keep the object: no other pin and no process, this
            one neither.
        about: The map that it is about in the end, and its registration.
    """

    path: str
    kind: Literal["map", "link"]
    object_id: int
    last: bool
    about: unregister.Unregistration


def plan_for(facts: RegistrationFacts, path: str, held: Iterable[Handle] = ()) -> Unpinning:
    """Remove the pin at a path.

    Args:
        facts: What is known.
        path: Where the pin is.
        held: Links that this program holds.

    Raises:
        PlanError: There is no pin of a struct_ops map or link.
    """
    pin = next((pin for pin in facts.holders.pins if pin.path == path), None)
    if pin is None or pin.kind == "prog":
        raise PlanError(f"no map and no link is pinned at {printable(path)}")
    about = (
        unregister.plan_for(facts, link_id=pin.id)
        if pin.kind == "link"
        else unregister.plan_for(facts, map_id=pin.id)
    )
    keeping: Iterable[RawPin | RawFd | Handle] = (*facts.holders.pins, *facts.holders.fds, *held)
    last = sum((each.kind, each.id) == (pin.kind, pin.id) for each in keeping) == 1
    return Unpinning(path, pin.kind, pin.id, last, about)


def checks(wanted: Unpinning, facts: RegistrationFacts) -> tuple[Check, ...]:
    """What goes with the pin."""
    return in_order(_checks(wanted, facts))


def _checks(wanted: Unpinning, facts: RegistrationFacts) -> Iterator[Check]:
    what = wanted.about.what
    if wanted.kind == "link" and wanted.last and wanted.about.map_id:
        yield Check(
            "warned",
            f"nothing else that can be seen keeps link {wanted.object_id}: {what} is unregistered",
        )
        yield from unregister.consequences(wanted.about, facts)
    elif wanted.kind == "link":
        yield Check("warned", f"link {wanted.object_id} stays: something else keeps it")
    elif wanted.about.state == "INUSE" or wanted.about.link_ids:
        yield Check("warned", f"{what} stays {wanted.about.status}: its pin is not what keeps that")
    elif wanted.last:
        yield Check("warned", f"nothing else that can be seen keeps {what}: it goes")


def steps(wanted: Unpinning, facts: RegistrationFacts) -> tuple[Step, ...]:
    """The calls to come."""
    return tuple(action.step for action in _actions(wanted, facts))


def execute(
    wanted: Unpinning,
    facts: RegistrationFacts,
    writes: Writes,
    tell: Tell | None = None,
    held: Iterable[Handle] = (),
) -> Outcome:
    """Remove the pin, if it still is that object's and what goes with it is what was seen.

    Args:
        wanted: The pin, as it was seen.
        facts: What was known then.
        writes: What changes the kernel.
        tell: Is told of each step when it ended.
        held: Links that this program holds.

    Raises:
        ReadOnly: Writing is not armed; nothing was done.
    """
    if not writes.armed:
        raise ReadOnly("writing is not armed: nothing was done")
    now = facts.now()
    barred = [check.words for check in failures(checks(wanted, now))]
    if changed := _changed(wanted, now, held):
        barred.append(changed)
    if barred:
        return Outcome(ok=False, words=f"{'; '.join(barred)}. {NOTHING_DONE}")
    taken = take(_actions(wanted, facts), Work(writes), tell)
    map_id = wanted.about.map_id
    link_id = wanted.object_id if wanted.kind == "link" else 0
    goes = wanted.last and taken.failure is None
    after = look_again(facts, lambda snapshot: not goes or _gone(wanted, snapshot), 0.3)
    left = after.remains(map_id, link_id)
    found = after.snapshot.maps.get(map_id)
    return Outcome(
        ok=taken.failure is None,
        map_id=map_id if found else 0,
        link_id=link_id if link_id in after.snapshot.links else 0,
        state=found.state if found else "",
        status=found.status if found else "",
        steps=tuple(taken.results),
        words=failed_words(taken, left)
        if taken.failure
        else f"The pin {printable(wanted.path)} is removed.",
        left=left,
        refused=taken.failure is not None and not isinstance(taken.failure.error, NotThere),
    )


def _changed(wanted: Unpinning, facts: RegistrationFacts, held: Iterable[Handle]) -> str:
    """What is no longer as a person saw it; "" if all is."""
    try:
        now = plan_for(facts, wanted.path, held)
    except PlanError as error:
        return str(error)
    what, there = f"{wanted.kind} {wanted.object_id}", f"{now.kind} {now.object_id}"
    if there != what:
        return f"{printable(wanted.path)} was a pin of {what} when you looked and is of {there} now"
    if wanted.kind == "link" and (
        changed := link_changed(wanted.object_id, wanted.about.map_id, facts.snapshot)
    ):
        return changed
    before, after = wanted.about.status, now.about.status
    if before != after:
        return f"{wanted.about.what} was {before} when you looked and is {after} now"
    if wanted.last != now.last:
        keeper = "nothing else" if now.last else "something else"
        return f"{keeper} keeps {what} since you looked"
    return ""


def _gone(wanted: Unpinning, snapshot: Snapshot) -> bool:
    there = snapshot.links if wanted.kind == "link" else snapshot.maps
    return wanted.object_id not in there


def _actions(wanted: Unpinning, facts: RegistrationFacts) -> Iterator[Action]:
    def unpin(work: Work) -> str:
        work.writes.unpin(wanted.path, wanted.kind, wanted.object_id)
        return ""

    def look(work: Work) -> str:
        if any(pin.path == wanted.path for pin in facts.kernel.holders().pins):
            raise NotThere(f"the call succeeded, but something is pinned at {wanted.path}")
        return "nothing is pinned there"

    what = f"removes the pin of {wanted.kind} {wanted.object_id}"
    yield Action(Step("unlink", wanted.path, what), unpin)
    yield Action(Step(READ_BACK, wanted.path, "what is pinned there"), look)
