"""What a person reads off the screen: why a scheduler was ejected."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from textual.pilot import Pilot

from stops_tui.app import StopsApp
from stops_tui.config import Config
from stops_tui.kernels.live.kernel import LiveKernel
from stops_tui.struct_ops.registration.outcome import Outcome
from tests.tui.pilot import until, until_shown
from tests.vm.guest import test_sched_ext as sched_ext
from tests.vm.guest.stage import Stage


@asynccontextmanager
async def holders_of(outcome: Outcome) -> AsyncIterator[Pilot[None]]:
    """The app with who holds a map on the screen."""
    app = StopsApp(LiveKernel.open(), Config(interval=0.25))
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.snapshot and app.raw_holders)
        app.show_map(outcome.map_id)
        await pilot.press("3")
        yield pilot


async def test_an_ejected_scheduler_with_its_reason(stage: Stage) -> None:
    stage.needs(sched_ext.SCX)
    with (
        stage.loaded("scx") as programs,
        stage.registered(sched_ext.loses(programs)) as outcome,
    ):
        async with holders_of(outcome) as pilot:
            await until_shown(pilot, f"Attached by link {outcome.link_id}", "root/ops")
            with sched_ext.tasks():
                await until_shown(pilot, "attached → ejected: runnable task stall")
            await until_shown(pilot, "✗ ejected: runnable", "Ejected: runnable task stall: ")
