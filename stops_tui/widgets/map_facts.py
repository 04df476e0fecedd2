"""All that the screen knows of one map, for the widgets that show a side of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from stops_tui.record import Record
from stops_tui.struct_ops.events import Event
from stops_tui.struct_ops.holders import MapHolders
from stops_tui.struct_ops.inventory import Program, StructOpsMap
from stops_tui.struct_ops.rates import Rate

if TYPE_CHECKING:
    from stops_tui.struct_ops.account import Account


class MapFacts(Record):
    """One map and what belongs to it.

    Attributes:
        map: The map, decoded.
        programs: Those behind members, by id; those of other maps may be among them.
        events: What happened to it, the oldest first.
        holders: Its pins and processes; None before the first look at them.
        unseen: What that look could not see.
        rates: Run statistics by program id; None while they are off.
        held: The links that only this program holds, by id.
        account: Who holds it in the kernel; None before that was looked up.
        looking: Whether that is being looked up, and takes long.
        problem: Why it could not be; "" if it could.
    """

    map: StructOpsMap
    programs: Mapping[int, Program]
    events: Sequence[Event] = ()
    holders: MapHolders | None = None
    unseen: Sequence[str] = ()
    rates: Mapping[int, Rate] | None = None
    held: Collection[int] = ()
    account: Account | None = None
    looking: bool = False
    problem: str = ""
