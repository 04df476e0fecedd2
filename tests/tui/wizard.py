"""Walking through the wizard that registers."""

from __future__ import annotations

from typing import Any

from textual.pilot import Pilot

from stops_tui.screens.register import RegisterScreen
from tests.tui.pilot import until_shown


async def open_wizard(pilot: Pilot[Any]) -> RegisterScreen:
    await until_shown(pilot, "live")
    await pilot.press("r")
    await until_shown(pilot, "What to register", "example")
    assert isinstance(pilot.app.screen, RegisterScreen)
    return pilot.app.screen


async def go(pilot: Pilot[Any], key: str, *shown: str) -> None:
    """Press a key, and wait for what it brings."""
    await pilot.press(key)
    await until_shown(pilot, *shown)


async def register(pilot: Pilot[Any], *shown: str) -> None:
    """From Back, which has the focus, round to the last button: the one that does it."""
    await pilot.press("left")
    await go(pilot, "enter", *shown)


async def to_review(pilot: Pilot[Any]) -> RegisterScreen:
    """Through all steps of the first example, by Enter alone; no further."""
    wizard = await open_wizard(pilot)
    await go(pilot, "enter", "MEMBERS", "example:reno/ssthresh")
    await go(pilot, "enter", "DATA", "10/15 bytes")
    await go(pilot, "enter", "LIFETIME", "plain map")
    await go(pilot, "enter", "REVIEW", "passed")
    return wizard
