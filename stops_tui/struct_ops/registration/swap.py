"""Putting another map into a link (BPF_LINK_UPDATE), where the subsystem can."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from stops_tui.kernels.writes import ReadOnly, Writes
from stops_tui.struct_ops.inventory import Snapshot
from stops_tui.struct_ops.members import name_in_subsystem
from stops_tui.struct_ops.registration.actions import Action, NotThere, Work, take
from stops_tui.struct_ops.registration.changed import link_changed
from stops_tui.struct_ops.registration.checks import failures, in_order
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.life_checks import link_checks
from stops_tui.struct_ops.registration.outcome import READ_BACK, Check, Outcome, Step, Tell
from stops_tui.struct_ops.registration.plan import PlanError
from stops_tui.struct_ops.registration.remains import NOTHING_DONE, failed_words, look_again
from stops_tui.struct_ops.registration.steps import replacing
from stops_tui.struct_ops.text import printable


@dataclass(frozen=True, slots=True)
class Swap:
    """A link, the map in it and the one to put there, as they were when a person looked.

    Attributes:
        link_id: The link.
        old_map_id: The map it held.
        old_map_name: That map's name.
        new_map_id: The map to put there.
        new_map_name: Its name.
        type_name: The struct both implement.
    """

    link_id: int
    old_map_id: int
    old_map_name: str
    new_map_id: int
    new_map_name: str
    type_name: str


def plan_for(facts: RegistrationFacts, link_id: int, map_id: int) -> Swap:
    """Put a map that is there into a link.

    Raises:
        PlanError: There is no such struct_ops link or map.
    """
    link, new = facts.snapshot.links.get(link_id), facts.snapshot.maps.get(map_id)
    if link is None:
        raise PlanError(f"there is no struct_ops link {link_id}")
    if new is None:
        raise PlanError(f"there is no struct_ops map {map_id}")
    old = facts.snapshot.maps.get(link.map_id)
    return Swap(link_id, link.map_id, old.name if old else "", new.id, new.name, new.type_name)


def checks(swap: Swap, facts: RegistrationFacts) -> tuple[Check, ...]:
    """What bars the way, what is to be known before, and what is fine."""
    return in_order(_checks(swap, facts))


def _checks(swap: Swap, facts: RegistrationFacts) -> Iterator[Check]:
    if swap.new_map_id == swap.old_map_id:
        yield Check(
            "failed",
            f"link {swap.link_id} holds map {swap.new_map_id} already, and to replace a map by "
            "itself can stop the kernel: choose another map",
        )
        return
    new = facts.snapshot.maps.get(swap.new_map_id)
    if new is None or new.type is None:
        yield Check("failed", f"map {swap.new_map_id} is gone, or of an unknown type")
        return
    if new.state != "READY":
        yield Check(
            "failed",
            f"map {new.id} is {new.state}: only a map made for links (BPF_F_LINK) that is READY "
            "can go into one",
        )
    if new.links:
        yield Check("failed", f"map {new.id} is in link {new.links[0]}: choose another map")
    yield from link_checks(
        swap.link_id, swap.type_name, name_in_subsystem(new.type, new.raw.value), facts
    )
    has = facts.conditions.capabilities
    if has is not None and "CAP_SYS_ADMIN" not in has:
        yield Check("failed", "CAP_SYS_ADMIN is missing, for opening by id: run it as root")


def steps(swap: Swap, facts: RegistrationFacts) -> tuple[Step, ...]:
    """The calls to come."""
    return tuple(action.step for action in _actions(swap, facts))


def execute(
    swap: Swap, facts: RegistrationFacts, writes: Writes, tell: Tell | None = None
) -> Outcome:
    """Swap, if link and maps still are what was seen.

    Raises:
        ReadOnly: Writing is not armed; nothing was done.
    """
    if not writes.armed:
        raise ReadOnly("writing is not armed: nothing was done")
    barred = [check.words for check in failures(checks(swap, facts))]
    if changed := _changed(swap, facts):
        barred.append(changed)
    if barred:
        return Outcome(ok=False, link_id=swap.link_id, words=f"{'; '.join(barred)}. {NOTHING_DONE}")
    work = Work(writes)
    try:
        taken = take(_actions(swap, facts), work, tell)
    finally:
        work.close()
    now = look_again(facts)
    link = now.snapshot.links.get(swap.link_id)
    held = now.snapshot.maps.get(link.map_id) if link else None
    left = now.unread or (_left(swap, now.snapshot) if taken.failure else ())
    return Outcome(
        ok=taken.failure is None,
        map_id=held.id if held else 0,
        link_id=swap.link_id,
        state=held.state if held else "",
        status=held.status if held else "",
        steps=tuple(taken.results),
        words=failed_words(taken, left)
        if taken.failure
        else f"Swapped: {taken.results[-1].message}.",
        left=left,
        refused=taken.failure is not None and not isinstance(taken.failure.error, NotThere),
    )


def _left(swap: Swap, now: Snapshot) -> tuple[str, ...]:
    """What is not as it was, though what was done was to be undone."""
    changed = link_changed(swap.link_id, swap.old_map_id, now)
    return (changed,) if changed else ()


def _changed(swap: Swap, facts: RegistrationFacts) -> str:
    """What is no longer as a person saw it; "" if all is."""
    now = facts.inventory.sweep()
    if changed := link_changed(swap.link_id, swap.old_map_id, now):
        return changed
    new = now.maps.get(swap.new_map_id)
    if new is None or new.name != swap.new_map_name:
        return f"map {swap.new_map_id} is gone since you looked"
    return ""


def _actions(swap: Swap, facts: RegistrationFacts) -> Iterator[Action]:
    def open_new(work: Work) -> str:
        work.map = work.writes.open_map(swap.new_map_id)
        return ""

    name = printable(swap.new_map_name)
    yield Action(
        Step("BPF_MAP_GET_FD_BY_ID", f"map {swap.new_map_id}", f"the new map, {name}"), open_new
    )
    yield from replacing(swap.link_id, swap.old_map_id)
    yield Action(
        Step(READ_BACK, f"link {swap.link_id}", "the map it holds"),
        lambda work: _swapped(swap, facts),
    )


def _swapped(swap: Swap, facts: RegistrationFacts) -> str:
    """What the link holds now.

    Raises:
        NotThere: It does not hold the new map, whatever the calls said.
    """
    now = facts.inventory.sweep()
    link = now.links.get(swap.link_id)
    if link is None or link.map_id != swap.new_map_id:
        held = f"holds map {link.map_id}" if link and link.map_id else "holds no map"
        raise NotThere(f"the calls succeeded, but link {swap.link_id} {held}")
    old = now.maps.get(swap.old_map_id)
    kept = f"map {old.id} is {old.status}" if old else f"map {swap.old_map_id} is gone"
    return f"link {swap.link_id} holds map {swap.new_map_id}; {kept}"
