"""The app on a kernel, its dialogs, and what they say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from textual.pilot import Pilot

from stops_tui.app import StopsApp
from stops_tui.config import Config
from stops_tui.kernels.kernel import Kernel
from stops_tui.screens.propose import ProposalScreen
from stops_tui.screens.try_it import TryScreen
from tests.tui.pilot import screen_text, until, until_shown


@asynccontextmanager
async def app_on(
    kernel: Kernel, armed: bool = True, map_id: int = 0, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[tuple[StopsApp, Pilot[Any]]]:
    """The app, the cursor on a map."""
    app = StopsApp(kernel, Config(interval=0.05), armed=armed)
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: app.snapshot and app.raw_holders)
        if map_id:
            app.show_map(map_id)
            await pilot.pause()
        yield app, pilot


def told(app: StopsApp) -> str:
    """All notifications, each on a line."""
    return "\n".join(notification.message for notification in app._notifications)


def dialog(pilot: Pilot[Any]) -> str:
    """The text of the box on top, its lines joined."""
    lines = screen_text(pilot).split("\n")
    inside = [line[3:76] for line in lines if line[2:3] == "│" and line[76:77] == "│"]
    title = next(line for line in lines if line[2:3] == "╭")
    return " ".join([title, *(" ".join(line.split()) for line in inside)])


async def ask(pilot: Pilot[Any], key: str) -> str:
    """Press a key that proposes something; the dialog's text."""
    await pilot.press(key)
    await until(pilot, lambda: isinstance(pilot.app.screen, ProposalScreen))
    await until_shown(pilot, "[ ")
    return dialog(pilot)


async def agree(pilot: Pilot[Any]) -> str:
    """Choose the answer after No, and wait for the outcome; its text."""
    await pilot.press("right", "enter")
    await until(pilot, lambda: "[ Close ]" in screen_text(pilot))
    return dialog(pilot)


async def open_panel(pilot: Pilot[Any]) -> None:
    """The panel that makes traffic."""
    await pilot.press("T")
    await until(pilot, lambda: isinstance(pilot.app.screen, TryScreen))
    await until_shown(pilot, "[ Start ]")
