"""Why a map is there, in one line: how it stands, and who keeps it, the most telling first."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from stops_tui.struct_ops.account.account import LINK, NETNS_DEFAULT, REGISTRATION, Account, Part
from stops_tui.struct_ops.account.words import ago, listing, process
from stops_tui.struct_ops.status import (
    ATTACHED,
    EJECTED,
    UNKNOWN,
    UNREGISTERED_HELD,
)
from stops_tui.struct_ops.text import count, printable

NAMED = 3
"""Who is named; the others are counted."""


def sentence(
    account: Account, held: Collection[int] = (), unregistered: float | None = None
) -> str:
    """`Unregistered 4 min ago; kept by 3 TCP sockets of nginx (pid 812) in netns web`.

    Args:
        account: All but the sentence.
        held: The links that this program holds.
        unregistered: How many seconds ago it was; None if that was not seen.
    """
    map_ = account.map
    users, keepers = _users(account), list(_keepers(account, held))
    stands = _stands(account, unregistered)
    if map_.state != "INUSE" and not map_.links:
        return f"{stands}; {_by('kept by', users + keepers, 'nobody is seen to keep it')}"
    if map_.links:
        stands += f", {_by('kept by', keepers, 'which nobody is seen to keep')}"
    nobody = "nobody uses it" if account.use is None else account.use
    return "; ".join(filter(None, (stands, _by("used by", users, nobody))))


def _by(verb: str, who: Sequence[str], nobody: str) -> str:
    return f"{verb} {listing(who)}" if who else nobody


def _stands(account: Account, unregistered: float | None) -> str:
    map_ = account.map
    if map_.status == UNREGISTERED_HELD:
        return "Unregistered" if unregistered is None else f"Unregistered {ago(unregistered)}"
    by = f" by {_links(map_.links)}" if map_.links else ""
    if map_.status == EJECTED:
        why = f": {account.reason}" if account.reason else ""
        return f"Ejected{why}; still attached{by}" if by else f"Ejected{why}"
    if map_.status == UNKNOWN:
        return f"Unknown: {map_.problem}"
    if map_.status.startswith(ATTACHED):  # "attached, device gone" is told as its use
        return f"Attached{by}"
    return map_.status.capitalize()


def _links(links: Sequence[int]) -> str:
    return f"link{'s' * (len(links) != 1)} {listing([str(link) for link in links])}"


def _users(account: Account) -> list[str]:
    """The kernel's own users: the most first, the rest as a number."""
    parts = [part for part in account.parts if part.what not in (REGISTRATION, LINK)]
    defaults = [part for part in parts if part.what == NETNS_DEFAULT]
    users = [(part.n, part.phrase) for part in parts if part.what != NETNS_DEFAULT]
    users.sort(key=lambda user: -user[0])
    if defaults:
        users.insert(min(len(users), NAMED - 1), (len(defaults), _defaults(defaults)))
    rest = sum(n for n, _ in users[NAMED:])
    told = [phrase for _, phrase in users[:NAMED]]
    told += [f"{rest:,} more"] if rest else []
    told += [count(account.unexplained, "unexplained holder")] if account.unexplained > 0 else []
    return told


def _defaults(parts: Sequence[Part]) -> str:
    """`the default of netns web`, `the defaults of netns web and netns db`, … `of 12 netns`."""
    if len(parts) > NAMED - 1:
        return f"the defaults of {len(parts):,} netns"
    return f"the default{'s' * (len(parts) != 1)} of {listing([part.phrase for part in parts])}"


def _keepers(account: Account, held: Collection[int]) -> Iterator[str]:
    """Processes and pins, bounded likewise."""
    keepers = ["this program"] if any(link in held for link in account.map.links) else []
    keepers += [process(p.pid, p.comm) for p in account.keepers.processes]
    keepers += [f"the pin {printable(pin.path)}" for pin in account.keepers.pins]
    yield from keepers[:NAMED]
    if len(keepers) > NAMED:
        yield f"{len(keepers) - NAMED} more"
