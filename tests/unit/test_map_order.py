"""Which maps are shown, and in what order."""

from __future__ import annotations

from stops_tui.struct_ops.inventory import Inventory
from stops_tui.widgets.map_order import MapOrder
from tests.support.fake_kernel import FakeKernel


def ids(order: MapOrder) -> list[int]:
    maps = Inventory(FakeKernel.busy()).sweep().maps
    return [map_.id for map_ in order.choose(maps.values(), {})]


def test_all_maps_are_shown_by_id_at_first() -> None:
    assert ids(MapOrder()) == sorted(ids(MapOrder()))
    assert MapOrder().words(9, 9) == "9 of 9 · sort: id ↑"


def test_counts_are_sorted_from_the_highest_and_turned_round_by_the_same_again() -> None:
    by_count = MapOrder().by("refcnt")
    assert (by_count.arrow, by_count.by("refcnt").arrow) == ("↓", "↑")
    assert by_count.by("name").arrow == "↑"
    assert ids(by_count)[0] == 58
    assert ids(by_count.by("refcnt"))[-1] == 58


def test_what_passes_the_filter_is_sorted() -> None:
    order = MapOrder("type:tcp held").by("id")
    assert ids(order) == [81, 61]
    assert order.words(2, 9) == "2 of 9 · sort: id ↓ · filter: type:tcp held"
