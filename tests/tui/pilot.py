"""Driving the app in tests: waiting for what threads bring, reading what is on the screen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from textual import events
from textual.pilot import Pilot

from tests.support import guest

PATIENCE = 200 * guest.PATIENCE
"""How often to look for something, 20 ms apart."""


def press_at_once(pilot: Pilot[Any], *keys: str) -> None:
    """Press keys that come in one read, as over a slow line: none waits for what another does."""
    for key in keys:
        pilot.app.post_message(events.Key(key, key if len(key) == 1 else None))


async def until(pilot: Pilot[Any], holds: Callable[[], object]) -> None:
    """Wait until something holds; fail with the screen's text if it never does."""
    for _ in range(PATIENCE):
        await pilot.pause(0.02)
        if holds():
            await pilot.pause()
            return
    raise AssertionError(f"never came true; the screen:\n{screen_text(pilot)}")


async def until_shown(pilot: Pilot[Any], *texts: str) -> None:
    """Wait until all these texts are on the screen."""
    await until(pilot, lambda: all(text in screen_text(pilot) for text in texts))


def screen_text(pilot: Pilot[Any]) -> str:
    """What is on the screen, line by line."""
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join(strip.text for strip in strips)
