"""The changes that the explorer proposes: each is worked out off the screen's thread."""

from __future__ import annotations

from collections.abc import Sequence

from stops_tui.kernels.kernel import Kernel
from stops_tui.kernels.writes import Handle
from stops_tui.screens.propose import Proposal
from stops_tui.struct_ops.inventory import StructOpsMap
from stops_tui.struct_ops.registration import keep, swap, unpin, unregister
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.plan import PlanError
from stops_tui.struct_ops.registration.unregister import Unregistration
from stops_tui.struct_ops.subsystems import of_type

About = list[tuple[str, str]]


def unregistering(
    kernel: Kernel, held: Sequence[Handle], map_id: int = 0, link_id: int = 0
) -> Proposal:
    """End the registration of a map, or detach one link.

    Raises:
        PlanError: There is no such map or link.
    """
    facts = RegistrationFacts.gather(kernel)
    wanted = unregister.plan_for(facts, map_id=map_id, link_id=link_id)
    return Proposal(
        title=f"Detach link {link_id}?" if link_id else f"Unregister {wanted.what}?",
        about=about_map(wanted, facts, held),
        checks=unregister.checks(wanted, facts),
        steps=unregister.steps(wanted, facts),
        label="Detach" if link_id else "Unregister",
        run=lambda tell: unregister.execute(wanted, facts, kernel.writes, tell, held),
    )


def about_map(
    wanted: Unregistration, facts: RegistrationFacts, held: Sequence[Handle] = ()
) -> About:
    """The map by id, name and type, how it is, and who has it."""
    found = facts.snapshot.maps.get(wanted.map_id)
    if found is None:
        return [("link", f"{wanted.what}, which holds no map"), ("pins", _listed(wanted.pins))]
    ours = ["this program"] if any(link.id in wanted.link_ids for link in held) else []
    held_by = [*ours, *wanted.users, *wanted.pins, *wanted.other_pins, _in_kernel(found)]
    links = [("links", _listed(tuple(f"link {id_}" for id_ in found.links)))] if found.links else []
    return [
        ("map", f"{wanted.map_id} {wanted.map_name}"),
        ("type", wanted.type_name),
        ("status", f"{wanted.status} ({wanted.state})"),
        *links,
        ("held by", _listed(held_by)),
    ]


def unpinning(kernel: Kernel, held: Sequence[Handle], path: str) -> Proposal:
    """Remove one pin.

    Raises:
        PlanError: There is no such pin.
    """
    facts = RegistrationFacts.gather(kernel)
    wanted = unpin.plan_for(facts, path, held)
    return Proposal(
        title=f"Remove the pin of {wanted.kind} {wanted.object_id}?",
        about=[("pin", wanted.path), *about_map(wanted.about, facts, held)],
        checks=unpin.checks(wanted, facts),
        steps=unpin.steps(wanted, facts),
        label="Remove the pin",
        run=lambda tell: unpin.execute(wanted, facts, kernel.writes, tell, held),
    )


def places_for(kernel: Kernel, map_id: int) -> list[swap.Swap]:
    """The links that this map could be put into, those that can take it first.

    Raises:
        PlanError: The map is gone, cannot replace another, or there is no link of its type.
    """
    facts = RegistrationFacts.gather(kernel)
    new = facts.snapshot.maps.get(map_id)
    if new is None:
        raise PlanError(f"map {map_id} is gone")
    if not of_type(new.type_name).registering.update:
        raise PlanError(
            f"{new.type_name} cannot replace a map in a link: unregister the old one, then "
            "register the new one"
        )
    swaps = [
        swap.plan_for(facts, link_id, map_id)
        for old in facts.snapshot.maps.values()
        if old.type_name == new.type_name and old.id != map_id
        for link_id in old.links
    ]
    if not swaps:
        raise PlanError(f"no link holds another {new.type_name} that this map could replace")
    return sorted(swaps, key=lambda each: _bars(each, facts))


def _bars(each: swap.Swap, facts: RegistrationFacts) -> int:
    return sum(check.level == "failed" for check in swap.checks(each, facts))


def swapping(kernel: Kernel, wanted: swap.Swap) -> Proposal:
    """Put a map into a link, in the place of the one that is there.

    Raises:
        PlanError: Link or map are gone.
    """
    facts = RegistrationFacts.gather(kernel)
    old = facts.snapshot.maps.get(wanted.old_map_id)
    new = unregister.plan_for(facts, map_id=wanted.new_map_id)
    holders = _in_kernel(old) if old else "nobody"
    return Proposal(
        title=f"Put map {wanted.new_map_id} {wanted.new_map_name} into link {wanted.link_id}?",
        about=[
            ("in place of", f"map {wanted.old_map_id} {wanted.old_map_name}"),
            ("its holders", holders),
            *about_map(new, facts),
        ],
        checks=swap.checks(wanted, facts),
        steps=swap.steps(wanted, facts),
        label="Swap",
        run=lambda tell: swap.execute(wanted, facts, kernel.writes, tell),
    )


def pinning(kernel: Kernel, facts: RegistrationFacts, held: Sequence[Handle]) -> Proposal:
    """Pin the links that only this program holds, to leave it then."""
    wanted = keep.plan_for(facts, [handle.id for handle in held])
    return Proposal(
        title=f"Pin {len(held)} link{'s' * (len(held) != 1)} and quit?",
        about=[(f"link {link_id}", path) for link_id, path in wanted.paths.items()],
        checks=keep.checks(wanted),
        steps=keep.steps(wanted, facts),
        label="Pin",
        run=lambda tell: keep.execute(wanted, facts, kernel.writes, held, tell),
        done="Quit",
    )


def _in_kernel(map_: StructOpsMap) -> str:
    return f"{map_.holders or 'nobody'} in the kernel (refcnt {map_.refcnt})"


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words) or "none"
