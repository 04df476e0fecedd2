from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from stops_tui.app import StopsApp
from stops_tui.config import Config
from tests.support.fake_kernel import FakeKernel

SNAP = Any
"""pytest-textual-snapshot's fixture, which has no type."""


async def settle(pilot: Pilot[None]) -> None:
    """Wait until snapshot and holders are there."""
    app = pilot.app
    assert isinstance(app, StopsApp)
    while app.snapshot is None or app.raw_holders is None:
        await pilot.pause(0.02)
    await pilot.pause()


@pytest.mark.parametrize("size", [(80, 24), (120, 34), (200, 60)])
def test_members(app: StopsApp, snap_compare: SNAP, size: tuple[int, int]) -> None:
    assert snap_compare(app, terminal_size=size, run_before=settle)


@pytest.mark.parametrize("side", ["2", "3", "5"])
def test_other_sides(app: StopsApp, snap_compare: SNAP, side: str) -> None:
    async def run(pilot: Pilot[None]) -> None:
        await settle(pilot)
        await pilot.press("down", "down", side, "x" if side == "2" else "enter")
        await pilot.pause()

    assert snap_compare(app, terminal_size=(100, 30), run_before=run)


def test_without_colours(
    kernel: FakeKernel, snap_compare: SNAP, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = StopsApp(kernel, Config(interval=3600))
    assert snap_compare(app, terminal_size=(80, 24), run_before=settle)
