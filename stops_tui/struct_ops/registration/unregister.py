"""Ending a registration: BPF_MAP_DELETE_ELEM for a plain map, detach and unpin for links."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from stops_tui.bpf.info import BPF_F_LINK
from stops_tui.kernels.writes import Handle, ReadOnly, Writes
from stops_tui.struct_ops.holders import by_map
from stops_tui.struct_ops.inventory import Snapshot, StructOpsMap
from stops_tui.struct_ops.members import Decoder, name_in_subsystem
from stops_tui.struct_ops.registration.actions import Action, NotThere, Taken, Work, take
from stops_tui.struct_ops.registration.changed import link_changed
from stops_tui.struct_ops.registration.checks import failures, in_order
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.lifetime import keeping
from stops_tui.struct_ops.registration.outcome import READ_BACK, Check, Level, Outcome, Step, Tell
from stops_tui.struct_ops.registration.plan import PlanError
from stops_tui.struct_ops.registration.readback import settled
from stops_tui.struct_ops.registration.remains import (
    NOTHING_DONE,
    Afterwards,
    failed_words,
    look_again,
    remains,
    side_effects,
)
from stops_tui.struct_ops.scalars import DecodeError
from stops_tui.struct_ops.status import ATTACHED, EJECTED, REGISTERED
from stops_tui.struct_ops.subsystems import Data, Says, of_type
from stops_tui.struct_ops.text import printable


@dataclass(frozen=True, slots=True)
class Unregistration:
    """What is to be ended, as it was when a person looked at it.

    Attributes:
        map_id: The map; 0 for a link that is detached already.
        map_name: Its name.
        type_name: The struct it implements.
        state: Its state then.
        status: Its status then.
        holders: Who held it besides registration and links.
        plain: Registered by BPF_MAP_UPDATE_ELEM: no link is about it.
        link_ids: The links that are detached.
        pins: The paths that are removed: those of these links, and one that was named itself.
        other_pins: Pins of the map, which stay and keep it.
        users: Processes that have the map or such a link open, "scx_simple 812".
    """

    map_id: int
    map_name: str
    type_name: str
    state: str
    status: str
    holders: int
    plain: bool
    link_ids: tuple[int, ...] = ()
    pins: tuple[str, ...] = ()
    other_pins: tuple[str, ...] = ()
    users: tuple[str, ...] = ()

    @property
    def what(self) -> str:
        """It in a few words: `map 58 dctcp`, `link 22`."""
        if self.map_id:
            return f"map {self.map_id} {printable(self.map_name)}".rstrip()
        return f"link {', '.join(map(str, self.link_ids))}"


def plan_for(
    facts: RegistrationFacts, *, map_id: int = 0, link_id: int = 0, pin: str = ""
) -> Unregistration:
    """What ends the registration of a map, of a link's map, or of what is pinned at a path.

    Raises:
        PlanError: There is no such struct_ops map, link or pin.
    """
    if pin:
        found = next((each for each in facts.holders.pins if each.path == pin), None)
        if found is None:
            raise PlanError(f"nothing is pinned at {printable(pin)}")
        if found.kind == "prog":
            raise PlanError(
                f"{printable(pin)} is a pin of program {found.id}: give a map's or link's"
            )
        if found.kind == "link":
            return plan_for(facts, link_id=found.id)
        return _of_map(facts, found.id, (), (pin,))
    if link_id:
        link = facts.snapshot.links.get(link_id)
        if link is None:
            raise PlanError(f"there is no struct_ops link {link_id}")
        return _of_map(facts, link.map_id, (link_id,), ())
    return _of_map(facts, map_id, None, ())


def _of_map(
    facts: RegistrationFacts, map_id: int, link_ids: tuple[int, ...] | None, pins: tuple[str, ...]
) -> Unregistration:
    found = facts.snapshot.maps.get(map_id)
    if found is None and not link_ids:
        raise PlanError(f"there is no struct_ops map {map_id}")
    link_ids = link_ids or (found.links if found else ())
    holders = by_map(facts.holders, facts.snapshot).get(map_id)
    link_pins = tuple(
        each.path for each in facts.holders.pins if each.kind == "link" and each.id in link_ids
    )
    map_pins = tuple(
        each.path
        for each in facts.holders.pins
        if each.kind == "map" and each.id == map_id and each.path not in pins
    )
    return Unregistration(
        map_id=map_id,
        map_name=found.name if found else "",
        type_name=found.type_name if found else "?",
        state=found.state if found else "",
        status=found.status if found else "detached",
        holders=found.holders if found else 0,
        plain=bool(found and not found.raw.flags & BPF_F_LINK),
        link_ids=link_ids,
        pins=(*link_pins, *pins),
        other_pins=map_pins,
        users=tuple(f"{printable(p.comm)} {p.pid}" for p in holders.processes) if holders else (),
    )


def checks(wanted: Unregistration, facts: RegistrationFacts) -> tuple[Check, ...]:
    """What bars the way, what it does that is to be known before, and what is fine."""
    return in_order(_checks(wanted, facts))


def _checks(wanted: Unregistration, facts: RegistrationFacts) -> Iterator[Check]:
    yield _registered(wanted)
    has = facts.conditions.capabilities
    if has is not None and "CAP_SYS_ADMIN" not in has:
        yield Check("failed", "CAP_SYS_ADMIN is missing, for opening by id: run it as root")
    if wanted.link_ids and not facts.detach_supported:
        users = f" (now {', '.join(wanted.users)})" if wanted.users else ""
        yield Check(
            "warned",
            "this kernel cannot detach a struct_ops link (6.11): it is unregistered when the last "
            f"process that has it open ends{users}",
        )
    yield from consequences(wanted, facts)


def consequences(wanted: Unregistration, facts: RegistrationFacts) -> Iterator[Check]:
    """What comes of its end, by whatever call or close it ends: "failed" where it must not."""
    subsystem = of_type(wanted.type_name).registering
    found = facts.snapshot.maps.get(wanted.map_id)
    data, ejected = _data(found), found is not None and found.status == EJECTED
    asked: tuple[tuple[Level, Says | None], ...] = (
        ("failed", subsystem.not_now),
        ("failed", subsystem.ends_another) if ejected else ("warned", subsystem.ending),
    )
    for level, says in asked:
        if says and data is not None and (words := says(data, facts.conditions)):
            yield Check(level, words)
    if wanted.holders:
        yield Check("warned", keeping(wanted.holders))
    if wanted.other_pins:
        pins = ", ".join(printable(pin) for pin in wanted.other_pins)
        yield Check("warned", f"the map itself stays, unregistered, while it is pinned: rm {pins}")


def _registered(wanted: Unregistration) -> Check:
    if wanted.link_ids and wanted.map_id:
        return Check("passed", f"link {wanted.link_ids[0]} holds {wanted.what}")
    if wanted.link_ids and wanted.pins:
        return Check("warned", f"{wanted.what} is detached already: only its pins are removed")
    if wanted.plain and wanted.state == "INUSE":
        return Check("passed", f"{wanted.what} is registered")
    return Check("failed", f"{wanted.what} is not registered: it is {wanted.status}")


def steps(wanted: Unregistration, facts: RegistrationFacts) -> tuple[Step, ...]:
    """The calls to come."""
    return tuple(action.step for action in _actions(wanted, facts))


def execute(
    wanted: Unregistration,
    facts: RegistrationFacts,
    writes: Writes,
    tell: Tell | None = None,
    held: Iterable[Handle] = (),
) -> Outcome:
    """Unregister, if it still is what was seen.

    Args:
        wanted: What to end, as it was seen.
        facts: What was known then.
        writes: What changes the kernel.
        tell: Is told of each step when it ended.
        held: Links that this program holds: those that are ended are closed.

    Raises:
        ReadOnly: Writing is not armed; nothing was done.
    """
    if not writes.armed:
        raise ReadOnly("writing is not armed: nothing was done")
    now = facts.now()
    barred = [check.words for check in failures(checks(wanted, now))]
    if changed := _changed(wanted, now.snapshot):
        barred.append(changed)
    if barred:
        return Outcome(ok=False, map_id=wanted.map_id, words=f"{'; '.join(barred)}. {NOTHING_DONE}")
    ours = tuple(handle for handle in held if handle.id in wanted.link_ids)
    work = Work(writes)
    try:
        taken = take(_actions(wanted, facts, ours), work, tell)
    finally:
        work.close()
    return _outcome(taken, wanted, facts)


def _changed(wanted: Unregistration, now: Snapshot) -> str:
    """What is no longer as a person saw it; "" if all is."""
    found = now.maps.get(wanted.map_id)
    if wanted.map_id and found is None:
        return f"{wanted.what} is gone since you looked"
    if found and (found.state, found.name) != (wanted.state, wanted.map_name):
        return f"{wanted.what} was {wanted.state} when you looked and is {found.state} now"
    changed = (link_changed(link_id, wanted.map_id, now) for link_id in wanted.link_ids)
    return next(filter(None, changed), "")


def _actions(
    wanted: Unregistration, facts: RegistrationFacts, held: tuple[Handle, ...] = ()
) -> Iterator[Action]:
    if wanted.plain:
        yield _open_map(wanted)
        yield Action(Step("BPF_MAP_DELETE_ELEM", "key 0", f"unregisters {wanted.what}"), _delete)
    for link_id in wanted.link_ids if wanted.map_id else ():
        if facts.detach_supported:
            yield _open_link(link_id)
            yield Action(
                Step("BPF_LINK_DETACH", f"link {link_id}", f"unregisters {wanted.what}"), _detach
            )
    for path in wanted.pins:
        yield _unpin(path, facts)
    if held:
        yield Action(
            Step("close", f"link {held[0].id}", "this program lets go of it"),
            lambda work: _close(held),
        )
    yield Action(
        Step(READ_BACK, printable(wanted.map_name), "map, link and what the subsystem says"),
        lambda work: _ended(wanted, facts, work),
    )


def _open_map(wanted: Unregistration) -> Action:
    def open_(work: Work) -> str:
        work.map = work.writes.open_map(wanted.map_id)
        return ""

    return Action(Step("BPF_MAP_GET_FD_BY_ID", f"map {wanted.map_id}", "the map"), open_)


def _open_link(link_id: int) -> Action:
    def open_(work: Work) -> str:
        if work.link:
            work.link.close()
        work.link = work.writes.open_link(link_id)
        return ""

    return Action(Step("BPF_LINK_GET_FD_BY_ID", f"link {link_id}", "the link"), open_)


def _delete(work: Work) -> str:
    if work.map:
        work.writes.delete_map(work.map)
    return ""


def _detach(work: Work) -> str:
    if work.link:
        work.writes.detach_link(work.link)
    return ""


def _unpin(path: str, facts: RegistrationFacts) -> Action:
    pin = next(pin for pin in facts.holders.pins if pin.path == path)

    def unpin(work: Work) -> str:
        work.writes.unpin(path, pin.kind, pin.id)
        return ""

    return Action(Step("unlink", printable(path), f"removes the pin of {pin.kind} {pin.id}"), unpin)


def _close(held: tuple[Handle, ...]) -> str:
    for handle in held:
        handle.close()
    return ""


def _ended(wanted: Unregistration, facts: RegistrationFacts, work: Work) -> str:
    """What is there afterwards, in words; our own handles no longer count.

    Raises:
        NotThere: It is still registered, whatever the calls said.
    """
    work.close()
    now = settled(facts, lambda snapshot: not _still(wanted, snapshot))
    if still := _still(wanted, now):
        raise NotThere(f"the calls succeeded, but {still}")
    subsystem = of_type(wanted.type_name).registering
    showing, data = subsystem.showing, _data(facts.snapshot.maps.get(wanted.map_id))
    if showing is None or data is None:
        return ""
    shown = showing.shows(data, facts.kernel.conditions())
    if shown and not _is_registered(wanted.type_name, str(data.get(subsystem.name, "")), now):
        raise NotThere(f"the calls succeeded, but {showing.where} still shows it")
    return f"{showing.where} shows it no more" if shown is False else ""


def _is_registered(type_name: str, name: str, now: Snapshot) -> bool:
    """Whether any map is what the subsystem knows by this name."""
    return any(
        name_in_subsystem(found.type, found.raw.value) == name
        for found in now.maps.values()
        if found.type and found.type.name == type_name and found.status in (REGISTERED, ATTACHED)
    )


def _still(wanted: Unregistration, now: Snapshot) -> str:
    """What is still registered; "" if nothing is."""
    found = now.maps.get(wanted.map_id)
    if wanted.plain and found and found.state == "INUSE":
        return f"{wanted.what} is INUSE"
    for link_id in wanted.link_ids:
        link = now.links.get(link_id)
        if link and link.map_id:
            return f"link {link_id} holds map {link.map_id}"
    return ""


def _outcome(taken: Taken, wanted: Unregistration, facts: RegistrationFacts) -> Outcome:
    link_id = wanted.link_ids[0] if wanted.link_ids else 0
    now = look_again(facts, lambda snapshot: not remains(snapshot, wanted.map_id, link_id), 0.3)
    found = now.snapshot.maps.get(wanted.map_id)
    left = now.remains(wanted.map_id, link_id) + side_effects(taken)
    words = failed_words(taken, left) if taken.failure else _words(wanted, now)
    return Outcome(
        ok=taken.failure is None,
        map_id=wanted.map_id,
        link_id=link_id,
        state=found.state if found else "",
        status=found.status if found else "",
        steps=tuple(taken.results),
        words=words,
        left=left,
        refused=taken.failure is not None and not isinstance(taken.failure.error, NotThere),
    )


def _words(wanted: Unregistration, now: Afterwards) -> str:
    if not wanted.map_id:
        return f"The pins of {wanted.what} are removed."
    if now.unread:
        return f"Unregistered: {wanted.what}."
    found = now.snapshot.maps.get(wanted.map_id)
    if found is None:
        return f"Unregistered: {wanted.what} is gone."
    if found.holders:
        who = "1 who uses it ends" if found.holders == 1 else f"{found.holders} who use it end"
        return f"Unregistered: {wanted.what} stays until the {who}."
    return f"Unregistered: {wanted.what} stays while a pin or a process holds it."


def _data(found: StructOpsMap | None) -> Data | None:
    try:
        return Decoder(found.type).data(found.raw.value) if found and found.type else None
    except DecodeError:
        return None
