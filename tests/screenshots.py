"""Make the pictures of the README from the real app: `make screenshots`.

On the demo kernel, and on a recording of it, by a clock that is moved by hand: whoever makes them,
wherever, gets the same ones, byte by byte.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest.mock import patch

from textual.pilot import Pilot

from stops_tui import looking
from stops_tui.app import StopsApp
from stops_tui.config import Config
from stops_tui.kernels.demo.kernel import DemoKernel
from stops_tui.kernels.kernel import Kernel, KernelUnreadable
from stops_tui.kernels.live.access import judge
from stops_tui.kernels.live.facts import Facts
from stops_tui.kernels.recording.file import Writer
from stops_tui.kernels.recording.kernel import RecordedKernel
from stops_tui.kernels.recording.recorder import Recorder
from stops_tui.replaying import ReplayApp
from stops_tui.struct_ops.account import rates
from stops_tui.struct_ops.recording import types_shown
from stops_tui.struct_ops.types import offered_types
from stops_tui.widgets import marks
from tests.support.clock import Clock
from tests.support.object_files import object_file, variable
from tests.tui.pilot import screen_text, until, until_shown

PICTURES = Path(__file__).parents[1] / "screenshots"
SIZE = (116, 34)
CLOCK = 1_700_038_800.0
"""2023-11-15 09:00:00 UTC: when the story of the demo kernel begins."""
SWAPPED = (0, 20, 40, 60, 69, 71, 73, 75)
"""Seconds of the story, until old connections drain after the swap."""
QUIET = 3600.0
"""Seconds between the looks that nobody asked for."""

Drawn = Callable[[Pilot[Any]], Awaitable[None]]

CLOCK_OF_THE_STORY = Clock(1)
"""Seconds of the story; everything that the app shows of time is by it."""


def demo(*, story: bool = True) -> DemoKernel:
    """The demo kernel, at its beginning."""
    CLOCK_OF_THE_STORY.now = 1.0
    return DemoKernel(clock=CLOCK_OF_THE_STORY, epoch=CLOCK, story=story)


def app_on(kernel: Kernel | KernelUnreadable, theme: str = "textual-dark") -> StopsApp:
    """The app with its default settings, in full colour."""
    app = StopsApp(kernel, Config(theme=theme, sources={"theme": "pictures"}))
    app.animation_level = "none"
    return app


def shoot(pilot: Pilot[Any], name: str, folder: Path = PICTURES) -> None:
    """Keep a picture of the screen."""
    print(pilot.app.save_screenshot(f"{name}.svg", str(folder)))


async def play(pilot: Pilot[Any], *seconds: float) -> None:
    """Let the app look at the story at these of its seconds."""
    app = pilot.app
    assert isinstance(app, StopsApp)
    app.interval = QUIET
    for second in seconds:
        CLOCK_OF_THE_STORY.now = 1.0 + second
        app.look()
        await until(pilot, lambda: app._seen == CLOCK_OF_THE_STORY.now and not app._sweeps.seconds)
    app.interval = app.config.interval


async def draw(
    kernel: Kernel | KernelUnreadable, drawn: Drawn, theme: str = "textual-dark"
) -> None:
    """Draw on a kernel, in a theme."""
    async with app_on(kernel, theme).run_test(size=SIZE) as pilot:
        await drawn(pilot)


# What is pictured


async def explorer(pilot: Pilot[Any]) -> None:
    """The explorer after the swap; who holds the map that drains; all events."""
    await play(pilot, *SWAPPED)
    await until_shown(pilot, "web_dctcp", "unregistered, held")
    await pilot.press("enter", "down")
    name = "explorer" if pilot.app.theme == "textual-dark" else "explorer-light"
    shoot(pilot, name)
    if name == "explorer":
        await pilot.press("3")
        await until_shown(pilot, "kept by", "nginx")
        shoot(pilot, "holders")
        await pilot.press("e")
        await until_shown(pilot, "refcnt")
        shoot(pilot, "events")


async def program(pilot: Pilot[Any]) -> None:
    """A program that runs, and the types."""
    await play(pilot, 0, 40, 60)
    await pilot.press("k", "enter", "enter")
    await until_shown(pilot, "Implements cong_avoid", "Counting calls")
    await play(pilot, 61, 62, 63)
    await until_shown(pilot, "calls/s", "ns/call")
    shoot(pilot, "program")
    await pilot.press("k", "t")
    await until_shown(pilot, "bpf_dummy_ops")
    while "struct tcp_congestion_ops" not in screen_text(pilot):
        await pilot.press("down")
    shoot(pilot, "types")


async def empty(pilot: Pilot[Any]) -> None:
    """An empty host, and the review of the `reno` example: Enter alone leads to it."""
    await until_shown(pilot, "No struct_ops map")
    shoot(pilot, "empty")
    await pilot.press("r")
    for step in ("START FROM", "MEMBERS", "DATA", "LIFETIME"):
        await until_shown(pilot, step)
        await pilot.press("ctrl+n")
    await until_shown(pilot, "[ Register ]")
    shoot(pilot, "review")


async def object_of_two(pilot: Pilot[Any]) -> None:
    """An object file with a congestion control that is plain, and one for a link."""
    app = pilot.app
    assert isinstance(app, StopsApp)
    await until_shown(pilot, "live")
    tcp = next(t for t in offered_types(app.kernel) if t.name == "tcp_congestion_ops")
    programs = {name: f"cc_{name}" for name in ("ssthresh", "cong_avoid", "undo_cwnd")}
    calm = variable(tcp, "calm", programs, {"name": b"calm", "flags": b"\2"})
    eager = {**programs, "ssthresh": "eager_ssthresh", "init": "eager_init"}
    linked = variable(tcp, "eager", eager, {"name": b"eager"}, section=".struct_ops.link")
    app._show_object(object_file(tcp, calm, linked)._replace(data=bytes(9_344)))
    await until_shown(pilot, "eager", "cc_cong_avoid")
    shoot(pilot, "object")


async def unreadable(pilot: Pilot[Any]) -> None:
    """What a user without capabilities is told."""
    await until_shown(pilot, "cannot be read")
    shoot(pilot, "unreadable")


def no_privilege() -> KernelUnreadable:
    """A kernel as a user without capabilities finds it."""
    cause = "the caller lacks a capability"
    user = Facts(
        uid=1000, command="/usr/bin/stops-tui", effective=0, probe="EPERM", probe_cause=cause
    )
    return KernelUnreadable(judge(user))


async def replay(folder: Path) -> None:
    """A recording of a round of the story, at the moment of the swap."""
    path, kernel = str(folder / "demo.stops"), demo()
    recorder = Recorder(kernel, Writer(path), types_shown(kernel), interval=1, most=1 << 24)
    while CLOCK_OF_THE_STORY.now < 300:
        recorder.look()
        CLOCK_OF_THE_STORY.now += 1
    recorder.close("the story begins anew")
    with closing(RecordedKernel(path)) as recorded:
        app = ReplayApp(recorded, Config(interval=QUIET, sources={"theme": "pictures"}))
        app.animation_level = "none"
        async with app.run_test(size=SIZE) as pilot:
            await until(pilot, lambda: app.marks)
            await pilot.press("p")
            app._seek(78.0)
            await until_shown(pilot, "paused    01:18", "unregistered, held")
            shoot(pilot, "replay")


def main() -> int:
    """Make all pictures."""
    PICTURES.mkdir(exist_ok=True)
    os.environ["TZ"] = "UTC"
    time.tzset()
    with (
        patch.object(looking, "monotonic", CLOCK_OF_THE_STORY),
        patch.object(rates, "monotonic", CLOCK_OF_THE_STORY),
        patch.object(marks, "MARK_SECONDS", QUIET),
    ):
        _make()
    return 0


def _make() -> None:
    asyncio.run(draw(demo(), explorer))
    asyncio.run(draw(demo(), explorer, "textual-light"))
    asyncio.run(draw(demo(), program))
    asyncio.run(draw(demo(story=False), empty))
    asyncio.run(draw(demo(), object_of_two))
    asyncio.run(draw(no_privilege(), unreadable))
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(replay(Path(folder)))


if __name__ == "__main__":
    sys.exit(main())
