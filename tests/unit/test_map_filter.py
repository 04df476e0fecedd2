from __future__ import annotations

import pytest

from stops_tui.struct_ops.inventory import Inventory
from stops_tui.widgets.map_filter import matcher
from tests.support.fake_kernel import FakeKernel

MAPS = Inventory(FakeKernel.busy()).sweep().maps.values()


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("", {58, 61, 72, 80, 81, 82, 83, 84, 90}),
        ("dctcp", {58}),
        ("DCTCP", {58}),
        ("58", {58}),
        ("8", set()),
        ("id:58", {58}),
        ("id:5", set()),
        ("type:sched", {72}),
        ("type:tcp state:inuse", {58, 90}),
        ("status:held", {61, 81}),
        ("unregistered, cub", {61}),
        ("name:tcp", {58}),
        ("[red]", {90}),
        ("nonsense:x", set()),
        ("type:", {58, 61, 72, 80, 81, 82, 83, 84, 90}),
    ],
)
def test_filter(text: str, ids: set[int]) -> None:
    assert {map_.id for map_ in MAPS if matcher(text)(map_)} == ids
