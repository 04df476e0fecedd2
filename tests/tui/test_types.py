from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from stops_tui.app import StopsApp
from stops_tui.screens.explorer import ExplorerScreen
from stops_tui.screens.types import TypesScreen
from stops_tui.widgets.line_table import LineTable
from stops_tui.widgets.type_members import TypeMembers
from stops_tui.widgets.type_table import TypeTable
from tests.support.fake_kernel import FakeKernel
from tests.tui.conftest import MakeApp
from tests.tui.pilot import screen_text, until, until_shown


async def open_types(pilot: Pilot[Any]) -> TypesScreen:
    await until_shown(pilot, "dctcp")
    await pilot.press("t")
    await until_shown(pilot, "5 types")
    assert isinstance(pilot.app.screen, TypesScreen)
    return pilot.app.screen


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
def test_screen(app: StopsApp, size: tuple[int, int], snap_compare: Callable[..., bool]) -> None:
    async def run(pilot: Pilot[Any]) -> None:
        await open_types(pilot)

    assert snap_compare(app, terminal_size=size, run_before=run)


async def test_members_follow_the_chosen_type(app: StopsApp) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await open_types(pilot)
        await pilot.press("down")
        await until_shown(pilot, "struct sched_ext_ops", "* mandatory: name")
        names = [row.cells[1] for row in screen.query_one(TypeMembers).rows]
        assert ("enqueue", "strong") in names


async def test_an_either_or_is_said_once(app: StopsApp) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await open_types(pilot)
        text = "* mandatory: ssthresh, cong_avoid or cong_control, undo_cwnd, name"
        await until_shown(pilot, text)


async def test_enter_shows_the_maps_of_a_type(app: StopsApp) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await open_types(pilot)
        await pilot.press("down", "enter")
        await until(pilot, lambda: isinstance(app.screen, ExplorerScreen))
        rows = app.screen.query_one("#maps", LineTable).rows
        assert [row.key for row in rows] == [72]


async def test_enter_on_a_type_without_maps_stays(app: StopsApp) -> None:
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        screen = await open_types(pilot)
        screen.query_one(TypeTable).move_cursor(("vmlinux", "bpf_dummy_ops"))
        await pilot.press("enter")
        await until_shown(pilot, "No map implements bpf_dummy_ops")
        assert app.screen is screen


async def test_counts_maps_as_they_come(app: StopsApp, kernel: FakeKernel) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await open_types(pilot)
        kernel.add_map(95, "later", "smc_hs_ctrl", "INUSE", 1)
        app._sweep()
        await until_shown(pilot, "84 smc_ctl, 95 later")
        rows = {row.key: row for row in screen.query_one(TypeTable).rows}
        assert rows["smc", "smc_hs_ctrl"].cells[5] == ("2", "good")


async def test_copies_a_type_and_a_member(app: StopsApp) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await open_types(pilot)
        await pilot.press("y")
        assert app.clipboard == "tcp_congestion_ops"
        await pilot.press("tab", "y")
        assert app.clipboard == "u32 (*ssthresh)(struct sock *)"


async def test_a_click_chooses_a_type(app: StopsApp) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await open_types(pilot)
        await pilot.click(TypeTable, offset=(5, 4))
        await until_shown(pilot, "struct hid_bpf_ops")


async def test_says_that_it_reads(make_app: MakeApp, kernel: FakeKernel) -> None:
    app = make_app(kernel)
    async with app.run_test(size=(120, 40)) as pilot:
        await until_shown(pilot, "dctcp")
        app.lookup = lambda asker, job, done: None  # type: ignore[method-assign]  # as if it took long
        await pilot.press("t")
        await until_shown(pilot, "Reading the BTF of the kernel")
        await pilot.press("enter", "y", "tab", "y")
        assert "Reading" in screen_text(pilot)
