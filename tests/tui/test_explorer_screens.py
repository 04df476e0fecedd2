from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from stops_tui.app import StopsApp
from stops_tui.config import Config
from stops_tui.kernels.users import RawNetns, RawSchedExt
from tests.support.fake_kernel import FakeKernel
from tests.tui.pilot import until_shown

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


@pytest.mark.parametrize("side", ["2", "5"])
def test_other_sides(app: StopsApp, snap_compare: SNAP, side: str) -> None:
    async def run(pilot: Pilot[None]) -> None:
        await settle(pilot)
        await pilot.press("down", "down", side, "x" if side == "2" else "enter")
        await pilot.pause()

    assert snap_compare(app, terminal_size=(100, 30), run_before=run)


@pytest.mark.parametrize("size", [(80, 24), (200, 50)])
def test_holders(
    kernel: FakeKernel, app: StopsApp, snap_compare: SNAP, size: tuple[int, int]
) -> None:
    web = RawNetns(4026532001, "web")
    kernel.set(58, refcnt=8)
    kernel.users.add_sockets(58, 3, "nginx", 812, web)
    kernel.users.add_sockets(58, 1, "curl", 99, web)
    kernel.users.add_default(58)
    kernel.users.unseen = ("network namespaces of process 1: Permission denied",)

    async def run(pilot: Pilot[None]) -> None:
        await settle(pilot)
        await pilot.press("3")
        await until_shown(pilot, "2 unexplained")

    assert snap_compare(app, terminal_size=size, run_before=run)


def test_why_a_scheduler_was_ejected(kernel: FakeKernel, app: StopsApp, snap_compare: SNAP) -> None:
    kernel.users.log = (
        'sched_ext: BPF scheduler "simple" disabled (runnable task stall)',
        "sched_ext: simple: python3[136] failed to run for 2.304s",
    )
    kernel.users.sched_ext_now = RawSchedExt("disabled", nr_rejected=3, enable_seq=7)

    async def run(pilot: Pilot[None]) -> None:
        await settle(pilot)
        await pilot.press("down", "down", "3")
        await until_shown(pilot, "Ejected: runnable task stall: python3[136]", "fd of link 22")

    assert snap_compare(app, terminal_size=(100, 30), run_before=run)


def test_without_colours(
    kernel: FakeKernel, snap_compare: SNAP, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = StopsApp(kernel, Config(interval=3600))
    assert snap_compare(app, terminal_size=(80, 24), run_before=settle)
