"""Which maps are shown, and in what order: what a person asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stops_tui.record import Record
from stops_tui.struct_ops.holders import MapHolders
from stops_tui.struct_ops.inventory import StructOpsMap
from stops_tui.struct_ops.text import printable
from stops_tui.widgets.map_filter import matcher
from stops_tui.widgets.map_table import SORT_KEYS

HIGHEST_FIRST = frozenset({"refcnt", "members"})
"""The columns whose highest numbers are looked for."""


class MapOrder(Record):
    """A filter and an order.

    Attributes:
        text: The filter, as `map_filter.matcher` takes it; "" for all maps.
        sort: The column to sort by, one of `SORT_KEYS`.
        descending: Whether the highest comes first.
    """

    text: str = ""
    sort: str = "id"
    descending: bool = False

    def choose(
        self, maps: Iterable[StructOpsMap], holders: Mapping[int, MapHolders]
    ) -> list[StructOpsMap]:
        """Those that pass, in this order.

        Args:
            maps: All maps, by id.
            holders: Their pins and processes, by map id.
        """
        chosen = list(filter(matcher(self.text), maps) if self.text else maps)
        if self.descending or self.sort != "id":
            key = SORT_KEYS[self.sort]
            chosen.sort(key=lambda map_: key(map_, holders.get(map_.id)), reverse=self.descending)
        return chosen

    def by(self, column: str) -> MapOrder:
        """Sorted by this column, counts from the highest; by the same again, turned round."""
        same = column == self.sort
        turned = not self.descending if same else column in HIGHEST_FIRST
        return self._replace(sort=column, descending=turned)

    @property
    def arrow(self) -> str:
        """Which way it is."""
        return "↓" if self.descending else "↑"

    def words(self, shown: int, of: int) -> str:
        """`2 of 9 · sort: id ↑ · filter: type:tcp`."""
        parts = [f"{shown:,} of {of:,}", f"sort: {self.sort} {self.arrow}"]
        parts += [f"filter: {printable(self.text)}"] if self.text else []
        return " · ".join(parts)
