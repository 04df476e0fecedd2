"""What an account is made of. Plain data: nothing here looks anything up."""

from __future__ import annotations

from typing import Final, NamedTuple

from stops_tui.kernels.users import RawNetns, RawTcpGroup
from stops_tui.struct_ops.holders import MapHolders
from stops_tui.struct_ops.inventory import StructOpsMap

REGISTRATION: Final = "registration"
LINK: Final = "link"
SOCKETS: Final = "TCP sockets"
NETNS_DEFAULT: Final = "netns default"
QDISC: Final = "qdisc"
DEFAULT_QDISC: Final = "default_qdisc"


class Owner(NamedTuple):
    """A process, and how many of a part's sockets it has open.

    Attributes:
        pid: The process; 0: nobody who can be seen has them open.
        comm: Its command; "" with pid 0.
        n: How many sockets.
    """

    pid: int
    comm: str
    n: int


class Part(NamedTuple):
    """One summand of a reference count.

    Attributes:
        what: One of the words above.
        n: How much of the count it is.
        netns: The network namespace it is in: its name, or "net:[4026532281]"; "" for one that is
            in none.
        detail: Which one it is, in words.
        phrase: The same as part of a sentence: "3 TCP sockets of nginx (pid 812) in netns web"; of
            a netns default, the netns.
        which: What tells it from others of the same words in the same namespace: "eth0 1: root".
        place: The same namespace, as the kernel's users were told.
        owners: Of sockets: the processes of `groups`, the most sockets first.
        groups: Of sockets: by process and peer, the largest groups; not all of very many.
    """

    what: str
    n: int
    netns: str = ""
    detail: str = ""
    phrase: str = ""
    which: str = ""
    place: RawNetns | None = None
    owners: tuple[Owner, ...] = ()
    groups: tuple[RawTcpGroup, ...] = ()

    @property
    def has_sockets(self) -> bool:
        """Whether there are sockets to list."""
        return self.what == SOCKETS


class Said(NamedTuple):
    """One thing that the subsystem says of itself, or that it does not tell.

    Attributes:
        what: "state", "root/ops", "device", …
        value: Its value as text.
        detail: What that means, or a rate.
    """

    what: str
    value: str
    detail: str = ""


class Account(NamedTuple):
    """A map's reference count as a sum: `refcnt` is the parts' `n` and `unexplained`.

    Attributes:
        map: The map, as it was right after the look.
        name: As the subsystem knows it; "" where it knows maps by no name.
        parts: The summands, the map's own registration and links first.
        unexplained: What is left over; below 0 where more was counted than `refcnt` has, because
            it moved meanwhile.
        settled: Whether `refcnt` was the same before and after the look.
        not_looked_at: What could not be looked at, or cannot be by anybody; a line each.
        sentence: Why the map is there, in one line.
        reason: Of an ejected map: why, by the kernel's log; "" where that is unknown.
        subsystem: What the subsystem says of itself.
        use: What the map does, of a subsystem that counts no users; None of one that does.
        keepers: Who keeps map and links from user space.
    """

    map: StructOpsMap
    name: str = ""
    parts: tuple[Part, ...] = ()
    unexplained: int = 0
    settled: bool = True
    not_looked_at: tuple[str, ...] = ()
    sentence: str = ""
    reason: str = ""
    subsystem: tuple[Said, ...] = ()
    use: str | None = None
    keepers: MapHolders = MapHolders()

    @property
    def refcnt(self) -> int:
        """The count that the parts add up to."""
        return self.map.refcnt


class Found(NamedTuple):
    """What the look at one subsystem brought for one map.

    Attributes:
        parts: Its users.
        said: What it says of itself.
        unseen: What could not be looked at.
        reason: Why it ejected the map; "" if it did not, or does not tell.
        could_hold: Who could hold the map besides, and is told by nobody.
        use: As in an account.
    """

    parts: tuple[Part, ...] = ()
    said: tuple[Said, ...] = ()
    unseen: tuple[str, ...] = ()
    reason: str = ""
    could_hold: tuple[str, ...] = ()
    use: str | None = None
