"""An object opened, changed, registered and taken away again on the screen; by a person's keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from stops_tui.app import StopsApp
from stops_tui.config import Config
from stops_tui.kernels.live.kernel import LiveKernel
from stops_tui.screens.object.screen import ObjectScreen
from stops_tui.widgets.field_row import FieldRow
from stops_tui.widgets.object_members import ObjectMembers
from tests.support.clang import bpf_object
from tests.support.command import Cli
from tests.support.live import Kit, available, eventually
from tests.support.traffic import transfer
from tests.tui.pilot import until, until_shown


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> StopsApp:
    """The app on the running kernel, armed; what it remembers goes to a folder of the test's."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("STOPS_TUI_LIBBPF", raising=False)
    app = StopsApp(LiveKernel.open(), Config(), armed=True)
    app.animation_level = "none"
    return app


async def open_file(pilot: Pilot[Any], path: Path) -> ObjectScreen:
    await until_shown(pilot, "live")
    await pilot.press("o")
    await until_shown(pilot, "Open an object file")
    pilot.app.screen.query_one(Input).value = str(path)
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(pilot.app.screen, ObjectScreen))
    screen = pilot.app.screen
    assert isinstance(screen, ObjectScreen)
    await until(pilot, lambda: screen._found)
    return screen


async def rename(pilot: Pilot[Any], screen: ObjectScreen, name: str) -> None:
    """Give the member `name` another value, and go to the review."""
    await pilot.press("enter")
    screen.query_one(ObjectMembers).move_cursor("name")
    await pilot.press("enter")
    await until_shown(pilot, "DATA")
    row = next(r for r in pilot.app.screen.query(FieldRow) if r.field.member.name == "name")
    row.query_one(Input).value = name
    await until(pilot, lambda: row.content == name)
    await pilot.press("ctrl+n")
    await until_shown(pilot, "LIFETIME")
    await pilot.press("ctrl+n")
    await until_shown(pilot, "REVIEW", "[ Register ]")


async def test_a_changed_object_carries_a_transfer(kit: Kit, cli: Cli, app: StopsApp) -> None:
    name = kit.name()
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await open_file(pilot, bpf_object("dctcp"))
        await rename(pilot, screen, name)
        await pilot.press("left", "enter")
        await until_shown(pilot, "Registered: map", "[ Show map")
        assert name in available()
        transfer(name)
        await pilot.press("enter")
        await until_shown(pilot, "struct_ops maps", "dctcp_ssthresh")
        await pilot.press("u")
        await until_shown(pilot, "[ Unregister ]")
        await pilot.press("right", "enter")
        await until(pilot, lambda: name not in available())


async def test_of_a_refused_object_nothing_stays(kit: Kit, app: StopsApp) -> None:
    name = kit.name()
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await open_file(pilot, bpf_object("refused"))
        await rename(pilot, screen, name)
        await pilot.press("left", "enter")
        await until_shown(pilot, "What the verifier says", "Nothing was")  # left behind
        await until_shown(pilot, "program  refused_undo_cwnd", "tp->snd_una = window; /* this line")
        assert name not in available()

        def left() -> list[str]:
            return [p.name for p in app.kernel.programs() if p.name.startswith("refused_")]

        assert eventually(lambda: not left()), left()
