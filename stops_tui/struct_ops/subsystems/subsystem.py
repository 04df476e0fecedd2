"""What a subsystem may know beyond its BTF."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from stops_tui.kernels.kernel import RawConditions, RawSubsystems
from stops_tui.record import Record

Data = Mapping[str, int | str]
"""Data members of one value by name: integers as numbers, char arrays as text."""

Says = Callable[[Data, RawConditions], str]
"""Something to say of a map with these data members, under these conditions; "" for nothing."""

_NONE: Mapping[str, str] = MappingProxyType({})


class Showing(Record):
    """What a subsystem's own state shows of the maps that are registered.

    Attributes:
        where: Where that is to be seen.
        shows: Whether a map with these data members is there; None where that is not told.
        absent: What to say of one that is not there, though the calls succeeded.
    """

    where: str
    shows: Callable[[Data, RawConditions], bool | None]
    absent: Says


class Registering(Record):
    """What a subsystem asks of a map that is to be registered, beside mandatory members.

    Attributes:
        name: The data member by which the subsystem knows it; "" where it has no name.
        never: Why nothing of this type can ever be registered; "" if it can be.
        plain: Whether BPF_MAP_UPDATE_ELEM may register it.
        link: Whether a link may.
        update: Whether BPF_LINK_UPDATE may replace it.
        refused: Data members that must stay zero, and why.
        programs: The function members that take programs; None: all but `no_program`.
        no_program: Function members that take none.
        hints: What to put into a data member, where its type does not tell.
        obstacle: Why the subsystem would refuse it now, and what to do.
        clear: What to say where there is no obstacle; "" for nothing.
        needs_map: What map one of its programs must use; "" for none.
        consequence: What registering it does that is to be known before.
        showing: How the subsystem's own state shows it; None where that shows no map.
        ending: What unregistering it does that is to be known before.
        not_now: Why none must be unregistered now, and what to do; "" if one may be.
        ends_another: Why one that was ejected must not be unregistered now: another would end.
        unknown: What only registering finds out.
    """

    name: str = ""
    never: str = ""
    plain: bool = True
    link: bool = True
    update: bool = False
    refused: Mapping[str, str] = _NONE
    programs: frozenset[str] | None = None
    no_program: frozenset[str] = frozenset()
    hints: Mapping[str, str] = _NONE
    obstacle: Says | None = None
    clear: str = ""
    needs_map: str = ""
    consequence: Says | None = None
    showing: Showing | None = None
    ending: Says | None = None
    not_now: Says | None = None
    ends_another: Says | None = None
    unknown: str = ""

    def takes_program(self, member: str) -> bool:
        """Whether the kernel lets a program implement this function member."""
        return member not in self.no_program and (self.programs is None or member in self.programs)


class Subsystem(Record):
    """What a subsystem adds to one struct_ops type.

    Attributes:
        type_name: The type, as in "tcp_congestion_ops".
        mandatory: Members without which it refuses a map.
        instead: Mandatory member → the member that may serve in its place.
        flags: Data member → the enum of the kernel's BTF that names its bits.
        hexadecimal: Data members that the rest of the system writes in hex, in four digits.
        refusal: Says of a registered or attached map that the subsystem does not run it, in the
            word of its status; "" if it does, or does not say. None where it never says.
        place: Where a map runs, of places where no link is made while another map runs there;
            None where there are none.
        registering: What else matters to whoever registers one.
    """

    type_name: str
    mandatory: frozenset[str] = frozenset()
    instead: Mapping[str, str] = _NONE
    flags: Mapping[str, str] = _NONE
    hexadecimal: frozenset[str] = frozenset()
    refusal: Callable[[Data, RawSubsystems], str] | None = None
    place: Callable[[Data], int | str] | None = None
    registering: Registering = Registering()
