"""What the look at one subsystem is given."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from stops_tui.btf import BtfError
from stops_tui.kernels.users import Users
from stops_tui.struct_ops.account.rates import EventRates
from stops_tui.struct_ops.inventory import StructOpsMap
from stops_tui.struct_ops.members import Decoder
from stops_tui.struct_ops.scalars import DecodeError
from stops_tui.struct_ops.subsystems import Data, of_type


class Known(NamedTuple):
    """A map, and what its subsystem knows it by.

    Attributes:
        map: The map.
        data: Its data members.
        name: Its name there; "" where maps have none.
    """

    map: StructOpsMap
    data: Data
    name: str = ""


class Asked(NamedTuple):
    """Which maps of one type are asked about.

    Attributes:
        users: Where to look.
        maps: All maps of the type: others may have the same name.
        wanted: The ids of those whose account is taken.
        rates: Remembers the look before.
    """

    users: Users
    maps: Sequence[Known]
    wanted: Collection[int]
    rates: EventRates

    def each(self) -> Iterator[Known]:
        """The maps whose account is taken."""
        return (known for known in self.maps if known.map.id in self.wanted)

    def rivals(self, known: Known) -> list[int]:
        """Other maps of its name that somebody holds, by id."""
        return [
            other.map.id
            for other in self.maps
            if other.name == known.name and other.map.holders and other.map.id != known.map.id
        ]


def known(map_: StructOpsMap) -> Known:
    """What the subsystem knows a map by."""
    data = _data(map_)
    return Known(map_, data, str(data.get(of_type(map_.type_name).registering.name, "")))


def _data(map_: StructOpsMap) -> Data:
    """Its data members; none where its value cannot be decoded, or has not been set."""
    if map_.type is None or map_.problem or map_.state == "INIT":
        return {}
    try:
        return Decoder(map_.type).data(map_.raw.value)
    except (DecodeError, BtfError):
        return {}
