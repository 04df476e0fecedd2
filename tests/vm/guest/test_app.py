"""The app on this very kernel, driven by its keys."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from stops_tui.app import StopsApp
from stops_tui.btf import Composite, Kind
from stops_tui.config import Config
from stops_tui.kernels.live.kernel import LiveKernel
from stops_tui.screens.explorer import ExplorerScreen
from tests.support.live import TCP, Kit, available
from tests.tui.pilot import until, until_shown

NAME = "stops_reno"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of whoever runs the tests."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


@asynccontextmanager
async def running(armed: bool = False) -> AsyncIterator[tuple[StopsApp, Pilot[Any]]]:
    """The app, when it has seen the kernel."""
    with closing(LiveKernel.open()) as kernel:
        app = StopsApp(kernel, Config(interval=0.5), armed=armed)
        app.animation_level = "none"
        async with app.run_test(size=(120, 40), notifications=True) as pilot:
            await until(pilot, lambda: app.snapshot is not None)
            yield app, pilot


async def press(pilot: Pilot[Any], key: str, *shown: str) -> None:
    """Press a key, and wait for what it brings."""
    await pilot.press(key)
    await until_shown(pilot, *shown)


async def test_the_life_of_a_map_is_on_the_screen(kit: Kit) -> None:
    async with running() as (_app, pilot):
        with kit.tcp_map() as ops:
            await until_shown(pilot, ops.name, "registered")
            with kit.clients(ops.name, 2):
                await until_shown(pilot, "→ 3")
                ops.unregister()
                await until_shown(pilot, "unregistered, held")
        await until_shown(pilot, "freed: its last holder let go")


async def test_registers_by_the_wizard_and_unregisters() -> None:
    async with running(armed=True) as (app, pilot):
        await press(pilot, "r", "What to register", "example")
        await press(pilot, "enter", "MEMBERS", "example:reno/ssthresh")
        await press(pilot, "enter", "DATA", f"{len(NAME)}/15 bytes")
        await press(pilot, "enter", "LIFETIME", "plain map")
        await press(pilot, "enter", "REVIEW", "passed", "[ Register ]")
        await pilot.press("left")
        await press(pilot, "enter", "RUN", "Registered: map")
        assert NAME in available()
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ExplorerScreen))
        await until_shown(pilot, NAME, "● registered")
        await press(pilot, "u", "Unregister map", f"{NAME}?", "[ No ]")
        await pilot.press("right", "enter")
        await until(pilot, lambda: NAME not in available())


async def test_every_type_of_the_kernel_is_shown(kit: Kit) -> None:
    """Each struct whose value, header and struct, is in the kernel's BTF."""
    values = [kit.btf.type(each) for each in kit.btf.find_prefix("bpf_struct_ops_", Kind.STRUCT)]
    holds = [v for v in values if isinstance(v, Composite) and v.members[-1].name == "data"]
    names = {value.name.removeprefix("bpf_struct_ops_") for value in holds} - {"value"}
    assert TCP in names
    async with running() as (_app, pilot):
        await press(pilot, "t", *(f"{name} " for name in names))
