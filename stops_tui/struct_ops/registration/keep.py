"""Pinning links that only this program holds, so that they outlive it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from stops_tui.kernels.writes import Handle, ReadOnly, Writes
from stops_tui.struct_ops.registration.actions import Action, NotThere, Work, take
from stops_tui.struct_ops.registration.changed import link_changed
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.outcome import READ_BACK, Check, Outcome, Step, Tell
from stops_tui.struct_ops.registration.remains import NOTHING_DONE, failed_words, side_effects
from stops_tui.struct_ops.text import printable

BPFFS = "/sys/fs/bpf"
"""Where a bpffs is by custom (Documentation/bpf)."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """Where each link is to be pinned.

    Attributes:
        paths: By link id.
        mount: The folder that a bpffs is mounted on first; "" where there is one.
    """

    paths: dict[int, str]
    mount: str = ""


def plan_for(facts: RegistrationFacts, link_ids: Iterable[int]) -> Keeping:
    """A free path for each link, named after its map, in the bpffs that is there."""
    mounted = [bpffs.path for bpffs in facts.conditions.bpffs]
    folder = BPFFS if BPFFS in mounted or not mounted else mounted[0]
    taken = {pin.path for pin in facts.holders.pins}
    taken |= {path for bpffs in facts.conditions.bpffs for path in bpffs.folders}
    paths: dict[int, str] = {}
    for link_id in link_ids:
        names = _names(facts, link_id)
        path = next(p for name in names if (p := posixpath.join(folder, name)) not in taken)
        taken.add(path)
        paths[link_id] = path
    return Keeping(paths, "" if mounted else folder)


def _names(facts: RegistrationFacts, link_id: int) -> Iterator[str]:
    """Names for a pin, the best first: a bpffs takes none with a dot in it."""
    link = facts.snapshot.links.get(link_id)
    found = facts.snapshot.maps.get(link.map_id) if link else None
    if found and found.name:
        yield found.name.replace(".", "_").replace("/", "_")
    yield f"link_{link_id}"
    number = 2
    while True:
        yield f"link_{link_id}_{number}"
        number += 1


def checks(keeping: Keeping) -> tuple[Check, ...]:
    """What is to be known before."""
    if not keeping.mount:
        return ()
    return (
        Check(
            "warned",
            f"a bpffs is mounted on {keeping.mount}, and stays after this program: "
            f"umount {keeping.mount}",
        ),
    )


def steps(keeping: Keeping, facts: RegistrationFacts) -> tuple[Step, ...]:
    """The calls to come."""
    return tuple(action.step for action in _actions(keeping, facts, {}))


def execute(
    keeping: Keeping,
    facts: RegistrationFacts,
    writes: Writes,
    held: Iterable[Handle],
    tell: Tell | None = None,
) -> Outcome:
    """Pin them all, or none, if each link still holds what it held; the handles stay open.

    Raises:
        ReadOnly: Writing is not armed; nothing was done.
    """
    if not writes.armed:
        raise ReadOnly("writing is not armed: nothing was done")
    now = facts.inventory.sweep()
    changed = (link_changed(id_, facts.map_in_link(id_), now) for id_ in keeping.paths)
    if barred := "; ".join(filter(None, changed)):
        return Outcome(ok=False, words=f"{barred}. {NOTHING_DONE}")
    handles = {handle.id: handle for handle in held}
    taken = take(_actions(keeping, facts, handles), Work(writes), tell)
    left = side_effects(taken)
    if taken.failure:
        words = failed_words(taken, left)
        return Outcome(ok=False, steps=tuple(taken.results), words=words, left=left)
    pinned = ", ".join(f"link {id_} at {printable(path)}" for id_, path in keeping.paths.items())
    words = f"Pinned: {pinned}. Registered until the pin is removed or the host restarts."
    return Outcome(ok=True, steps=tuple(taken.results), words=words, left=left)


def _actions(
    keeping: Keeping, facts: RegistrationFacts, handles: dict[int, Handle]
) -> Iterator[Action]:
    if keeping.mount:
        yield Action(
            Step("mount", keeping.mount, "a bpffs, to pin in"),
            lambda work: _mount(work, keeping.mount),
        )
    for link_id, path in keeping.paths.items():
        yield _pin(link_id, path, handles)
    yield Action(Step(READ_BACK, "", "what is pinned there"), lambda work: _pinned(keeping, facts))


def _mount(work: Work, path: str) -> str:
    work.writes.mount_bpffs(path)
    return ""


def _pin(link_id: int, path: str, handles: dict[int, Handle]) -> Action:
    def pin(work: Work) -> str:
        work.writes.pin(handles[link_id], path)
        return ""

    def unpin(work: Work) -> str:
        work.writes.unpin(path, "link", link_id)
        return ""

    return Action(
        Step("BPF_OBJ_PIN", path, f"link {link_id}, which lives on with it"),
        pin,
        Action(Step("unlink", path, "undo: remove the pin"), unpin),
    )


def _pinned(keeping: Keeping, facts: RegistrationFacts) -> str:
    """What is pinned where it was asked for.

    Raises:
        NotThere: A link is not.
    """
    there = {(pin.path, pin.kind, pin.id) for pin in facts.kernel.holders().pins}
    for link_id, path in keeping.paths.items():
        if (path, "link", link_id) not in there:
            raise NotThere(f"the calls succeeded, but link {link_id} is not pinned at {path}")
    return "each link is pinned"
