from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from stops_tui.widgets.empty_host import EmptyHost
from tests.support.fake_kernel import FakeKernel
from tests.tui.conftest import MakeApp
from tests.tui.pilot import screen_text, until, until_shown


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_screen(
    make_app: MakeApp, size: tuple[int, int], snap_compare: Callable[..., bool]
) -> None:
    async def run(pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "No struct_ops map")

    assert snap_compare(make_app(FakeKernel()), terminal_size=size, run_before=run)


async def test_gives_way_to_the_first_map_and_comes_back(make_app: MakeApp) -> None:
    kernel = FakeKernel()
    app = make_app(kernel)
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "No struct_ops map", "Open a BPF object file")
        kernel.add_map(7, "first")
        app._sweep()
        await until_shown(pilot, "7 first")
        assert not app.screen.query_one(EmptyHost).display
        kernel.remove(7)
        app._sweep()
        await until_shown(pilot, "No struct_ops map")


async def test_types_can_be_looked_at(make_app: MakeApp) -> None:
    app = make_app(FakeKernel())
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "No struct_ops map")
        await pilot.press("t")
        await until_shown(pilot, "5 types", "tcp_congestion_ops")
        await pilot.press("escape")
        await until(pilot, lambda: "No struct_ops map" in screen_text(pilot))
