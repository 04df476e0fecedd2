"""The app on the demo kernel: everything works in it, and it looks the same every time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from stops_tui.app import StopsApp
from stops_tui.config import Config
from stops_tui.kernels.demo.kernel import DemoKernel
from stops_tui.kernels.kernel import KernelUnreadable, Obstacle
from stops_tui.screens.explorer import ExplorerScreen
from stops_tui.screens.unreadable import UnreadableScreen
from tests.support.clock import Clock
from tests.tui.asking import agree, app_on, ask, open_panel
from tests.tui.pilot import until, until_shown
from tests.tui.wizard import register, to_review

EPOCH = 1_700_049_600.0
SIZES = [(80, 24), (120, 40), (200, 60)]
LOOKS = {
    "dark": "textual-dark",
    "light": "textual-light",
    "ansi16": "ansi-dark",
    "no_color": "textual-dark",
}


@pytest.fixture
def clock() -> Clock:
    """Seconds of the story."""
    return Clock()


@pytest.fixture
def demo(clock: Clock) -> DemoKernel:
    return DemoKernel(clock=clock, epoch=EPOCH)


def map_id(kernel: DemoKernel, name: str) -> int:
    """The newest map of a name."""
    return max(raw.id for raw in kernel.sweep().maps.values() if raw.name == name)


async def test_the_wizard_registers_an_example_in_it(demo: DemoKernel) -> None:
    async with app_on(demo) as (app, pilot):
        await to_review(pilot)
        await until_shown(pilot, "[ Register ]")
        await register(pilot, "Registered: map")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ExplorerScreen))
        await until_shown(pilot, "DEMO", "stops_reno", "registered")
        assert "stops_reno" in (demo.conditions().congestion_controls or ())


async def test_unregistering_in_use_leaves_the_map_to_its_sockets(
    demo: DemoKernel, clock: Clock
) -> None:
    clock.now = 60
    web = map_id(demo, "web_dctcp")
    async with app_on(demo, map_id=web) as (_, pilot):
        await ask(pilot, "u")
        assert "until the 60 who use it end" in await agree(pilot)
        await until(pilot, lambda: app_status(pilot, web) == "unregistered, held")


def app_status(pilot: Pilot[Any], which: int) -> str:
    app = pilot.app
    assert isinstance(app, StopsApp) and app.snapshot
    return app.snapshot.maps[which].status


async def test_trying_a_congestion_control_holds_it(demo: DemoKernel, clock: Clock) -> None:
    web = map_id(demo, "web_dctcp")
    async with app_on(demo, map_id=web) as (_, pilot):
        await open_panel(pilot)
        await pilot.press("enter")
        clock.now = 1.0
        await until_shown(pilot, "10 connections open")
        assert demo.users.tcp({web: "web_dctcp"}).namespaces[0].sockets == {web: 10}


async def test_what_is_done_to_it_is_in_no_audit_file(demo: DemoKernel, tmp_path: Any) -> None:
    async with app_on(demo) as (app, pilot):
        await to_review(pilot)
        await until_shown(pilot, "[ Register ]")
        await register(pilot, "Registered: map")
        assert app.commands
    assert not list(tmp_path.rglob("audit.jsonl"))


async def test_the_page_for_no_kernel_leads_to_it() -> None:
    obstacle = Obstacle("CAP_SYS_ADMIN is missing", "every map", "sudo stops-tui", 3)
    app = StopsApp(KernelUnreadable([obstacle]), Config())
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, UnreadableScreen))
        await pilot.press("enter")
        await pilot.pause()
    assert app.wants_demo


async def test_an_empty_host_leads_to_it(make_app: Callable[[Any], StopsApp]) -> None:
    app = make_app(DemoKernel(story=False))
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await until_shown(pilot, "No struct_ops map", "d  ")
        await pilot.press("d")
        await until_shown(pilot, "This is the demo kernel.")
    assert not app.wants_demo


@pytest.mark.parametrize("size", SIZES, ids=lambda size: "x".join(map(str, size)))
@pytest.mark.parametrize("look", LOOKS)
def test_screen(
    snap_compare: Callable[..., bool],
    demo: DemoKernel,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    look: str,
    size: tuple[int, int],
) -> None:
    """The web server's traffic after the swap, with the account of the map that drains."""
    if look == "no_color":
        monkeypatch.setenv("NO_COLOR", "1")
    settings = Config(theme=LOOKS[look], interval=3600, sources={"theme": "tests"})
    app = StopsApp(demo, settings)
    app.animation_level = "none"

    async def watch(pilot: Pilot[Any]) -> None:
        for second in (0, 20, 40, 60, 69, 71, 73, 75):
            clock.now = float(second)
            app.look()
            await until(pilot, lambda: app.snapshot and app.snapshot.time >= EPOCH + clock.now)
        await until(pilot, lambda: app.raw_holders)
        await pilot.press("3")
        await until_shown(pilot, "kept by")

    assert snap_compare(app, terminal_size=size, run_before=watch)
