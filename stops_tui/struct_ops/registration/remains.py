"""What is in the kernel because of a plan, in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from stops_tui.kernels.trouble import TROUBLE
from stops_tui.struct_ops.inventory import Snapshot
from stops_tui.struct_ops.registration.actions import Taken
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.readback import PATIENCE, settled
from stops_tui.struct_ops.text import printable

NOTHING_DONE = "Nothing was done."
NOTHING_LEFT = "Nothing was left behind."


class Afterwards(NamedTuple):
    """What a last look found, after all steps.

    Attributes:
        snapshot: Maps and links; none where the kernel could not be read again.
        unread: That it could not, and why, in words; empty where it could.
    """

    snapshot: Snapshot
    unread: tuple[str, ...] = ()

    def remains(self, map_id: int, link_id: int) -> tuple[str, ...]:
        """The map and the link, as far as they are there; or that it is not known."""
        return self.unread or remains(self.snapshot, map_id, link_id)


def look_again(
    facts: RegistrationFacts,
    done: Callable[[Snapshot], bool] = lambda _: True,
    seconds: float = PATIENCE,
) -> Afterwards:
    """A last look, as `settled` does it: what was done is told, also where this fails."""
    try:
        return Afterwards(settled(facts, done, seconds))
    except TROUBLE as error:
        return Afterwards(Snapshot(0.0), (f"not known, as it could not be read again ({error})",))


def remains(snapshot: Snapshot, map_id: int, link_id: int) -> tuple[str, ...]:
    """The map and the link, as far as they are there."""
    found, link = snapshot.maps.get(map_id), snapshot.links.get(link_id)
    words = []
    if found:
        words.append(f"map {found.id} {printable(found.name)} ({found.status})")
    if link:
        on = f"on map {link.map_id}" if link.map_id else "detached"
        words.append(f"link {link.id} ({on})")
    return tuple(words)


def left_behind(facts: RegistrationFacts, map_id: int, link_id: int) -> tuple[str, ...]:
    """What of a map and a link is still there after the kernel had time to free them."""
    now = look_again(facts, lambda snapshot: not remains(snapshot, map_id, link_id))
    return now.remains(map_id, link_id)


def side_effects(taken: Taken) -> tuple[str, ...]:
    """What no closing and no undoing takes away: a mount, and a pin that could not be removed."""
    words = []
    for result in taken.results:
        if result.step.call == "mount" and result.ok:
            words.append(f"a bpffs mounted on {result.step.subject}")
        if result.step.call == "unlink" and not result.ok:
            words.append(f"the pin {result.step.subject}")
    return tuple(words)


def failed_words(taken: Taken, left: tuple[str, ...]) -> str:
    """Which step or undoing failed first and why, and what stays; "" if none did."""
    steps = enumerate(taken.results, 1)
    number, result = next((each for each in steps if not each[1].ok), (0, None))
    if result is None:
        return ""
    errno = f"{result.errno_name}. " if result.errno_name else ""
    cause = f"{result.message[:1].upper()}{result.message[1:]}" if errno else result.message
    return f"{number} {result.step.call}: {errno}{cause}. {leftovers(left)}"


def leftovers(left: tuple[str, ...]) -> str:
    """A sentence about what stays."""
    return f"Left behind: {', '.join(left)}." if left else NOTHING_LEFT
