"""The panel that makes traffic under a congestion control."""

from __future__ import annotations

from textual.widgets import Input

from stops_tui.screens.explorer import ExplorerScreen
from tests.support.fake_kernel import FakeKernel
from tests.tui.asking import app_on, open_panel, told
from tests.tui.pilot import screen_text, until, until_shown


async def test_connections_move_refcnt_and_calls_and_are_closed() -> None:
    kernel = FakeKernel.busy()
    async with app_on(kernel, map_id=58) as (app, pilot):
        await open_panel(pilot)
        assert "No connection is open." in screen_text(pilot)
        pilot.app.screen.query_one(Input).value = "25"
        await pilot.press("enter")
        await until_shown(pilot, "25 connections open", "refcnt 31 is 1 for the registration")
        await until(pilot, lambda: app.counting)
        await until(pilot, lambda: any(rate.calls for rate in app.rates.values()))
        assert "CALLS/S" in screen_text(pilot)
        await pilot.press("enter")
        await until_shown(pilot, "[ Start ]", "refcnt 6 is")
        assert kernel.last_traffic
        assert kernel.last_traffic.seen.ended
        await until(pilot, lambda: not app.counting)
        await pilot.press("escape")
        await pilot.pause()
        assert isinstance(app.screen, ExplorerScreen)


async def test_leaving_closes_the_connections() -> None:
    kernel = FakeKernel.busy()
    async with app_on(kernel, map_id=58) as (app, pilot):
        await open_panel(pilot)
        await pilot.press("enter", "escape")
        await until(pilot, lambda: isinstance(app.screen, ExplorerScreen))
        await until(pilot, lambda: not app.counting)
        assert kernel.last_traffic
        assert kernel.last_traffic.seen.ended


async def test_the_end_of_the_app_closes_the_connections() -> None:
    kernel = FakeKernel.busy()
    async with app_on(kernel, map_id=58) as (_, pilot):
        await open_panel(pilot)
        await pilot.press("enter")
        await until_shown(pilot, "10 connections open")
    assert kernel.last_traffic
    assert kernel.last_traffic.seen.ended


async def test_statistics_that_were_on_stay_on() -> None:
    kernel = FakeKernel.busy()
    async with app_on(kernel, map_id=58) as (app, pilot):
        await pilot.press("k")
        await until(pilot, lambda: app.counting)
        await open_panel(pilot)
        await pilot.press("enter")
        await until_shown(pilot, "10 connections open")
        await pilot.press("escape")
        await pilot.pause(0.2)
        assert app.counting


async def test_traffic_that_ends_by_itself_says_why() -> None:
    kernel = FakeKernel.busy()
    async with app_on(kernel, map_id=58) as (_, pilot):
        await open_panel(pilot)
        await pilot.press("enter")
        await until_shown(pilot, "10 connections open")
        assert kernel.last_traffic
        kernel.last_traffic.end("only 3 connections fit [red]")
        await until_shown(pilot, "only 3 connections fit [red]", "[ Start ]")


async def test_only_so_many_connections() -> None:
    kernel = FakeKernel.busy()
    async with app_on(kernel, map_id=58) as (app, pilot):
        await open_panel(pilot)
        for number in ("", "0", "1001"):
            app.screen.query_one(Input).value = number
            await pilot.press("enter")
            await until_shown(pilot, "Give a number from 1 to 1,000.")
        assert kernel.last_traffic is None


async def test_only_a_registered_congestion_control_can_be_tried() -> None:
    async with app_on(FakeKernel.busy(), map_id=61) as (app, pilot):
        await pilot.press("T")
        await until(pilot, lambda: "unregistered, held: only one that is" in told(app))
        app.show_map(72)
        await pilot.pause()
        await pilot.press("T")
        await until(pilot, lambda: "Only a tcp_congestion_ops can be tried" in told(app))
        assert isinstance(app.screen, ExplorerScreen)


async def test_the_wizard_leads_here() -> None:
    async with app_on(FakeKernel.busy(), map_id=61) as (app, pilot):
        await app.run_action("app.try_map(58)")
        await until_shown(pilot, "Try map 58 dctcp", "[ Start ]")
        await pilot.press("escape")
        await pilot.pause()
        assert isinstance(app.screen, ExplorerScreen)
        await app.run_action("app.try_map(999)")
        await pilot.pause()
        assert isinstance(app.screen, ExplorerScreen), "gone by now"
