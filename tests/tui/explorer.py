"""The explorer on a fake kernel, as a person reads it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from textual.pilot import Pilot

from stops_tui.app import StopsApp
from stops_tui.config import Config
from stops_tui.widgets.line_table import LineTable
from stops_tui.widgets.map_table import MapTable
from tests.support.fake_kernel import FakeKernel
from tests.tui.pilot import until

FAST = 0.05
"""Seconds from one look to the next."""


class Seen:
    """The app on a fake kernel, and what a person reads off it."""

    def __init__(self, app: StopsApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def maps(self) -> MapTable:
        return self.app.screen_stack[0].query_one(MapTable)

    def ids(self) -> list[object]:
        return [row.key for row in self.maps.rows]

    def text(self, selector: str) -> str:
        table = self.app.screen_stack[0].query_one(selector, LineTable)
        return "\n".join(table.render_line(y).text.rstrip() for y in range(table.size.height))

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait for something to become true."""
        await until(self.pilot, holds)


@asynccontextmanager
async def explorer(
    kernel: FakeKernel | None = None,
    size: tuple[int, int] = (120, 34),
    config: Config | None = None,
) -> AsyncIterator[Seen]:
    """It, once it has looked."""
    app = StopsApp(kernel or FakeKernel.busy(), config or Config(interval=FAST))
    async with app.run_test(size=size) as pilot:
        seen = Seen(app, pilot)
        await seen.until(lambda: app.snapshot is not None)
        await pilot.pause()
        yield seen
