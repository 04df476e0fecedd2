"""Make the pictures of the README from the real app on the running kernel: `make screenshots`.

Needs root, clang and bpftool: a congestion control is compiled and registered, sockets use it, and
all of it is undone at the end. Only what was made here is in the pictures, whatever else this
machine runs, and the host has another name.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from stops_tui.app import StopsApp
from stops_tui.config import Config
from stops_tui.kernels.kernel import Host, Kernel, KernelUnreadable, RawProgram, RawSweep
from stops_tui.kernels.live.access import judge
from stops_tui.kernels.live.facts import Facts
from stops_tui.kernels.live.kernel import LiveKernel
from tests.support.bpftool import registered
from tests.support.clang import bpf_object
from tests.support.live import Kit
from tests.tui.pilot import screen_text, until_shown

PICTURES = Path(__file__).parents[1] / "screenshots"
SIZE = (116, 34)
CLOCK = 1_700_038_800.0
"""2023-11-15 09:00:00 UTC: when the pictures say that they were taken; changes are 7 s apart."""
COMING = (1, 3, 2)
"""How many sockets come at a time, so that there is a history to show."""


class Stage(LiveKernel):
    """The running kernel under another name, of which only the maps on the stage are seen."""

    seen: frozenset[int] = frozenset()

    def __init__(self) -> None:
        super().__init__()
        self._ticks = count(CLOCK, 7)

    def now(self) -> float:
        return next(self._ticks)

    @property
    def host(self) -> Host:
        host = super().host
        return host._replace(name="vm", release=host.release.split("-")[0])

    def sweep(self) -> RawSweep:
        whole = super().sweep()
        maps = {map_id: raw for map_id, raw in whole.maps.items() if map_id in self.seen}
        links = {link_id: raw for link_id, raw in whole.links.items() if raw.map_id in self.seen}
        return RawSweep(maps, links, whole.subsystems)

    def program(self, prog_id: int) -> RawProgram | None:
        raw = super().program(prog_id)
        return raw._replace(load_time=CLOCK) if raw else None


@dataclass
class Scene:
    """What is on the stage: `name` is the congestion control that sockets may use."""

    kit: Kit
    name: str
    stack: ExitStack

    def sockets_come(self, number: int) -> None:
        """Some more sockets use the congestion control, and send something."""
        for client in self.stack.enter_context(self.kit.clients(self.name, number)):
            for _ in range(50):
                client.send(b"hello, kernel")


@contextmanager
def scene(kernel: Stage) -> Iterator[Scene]:
    """A map in each state that a congestion control may have."""
    with ExitStack() as stack:
        kit = Kit()
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        control = stack.enter_context(registered(bpf_object("cc"), scratch, name="bpf_reno"))
        old = stack.enter_context(kit.tcp_map(name="reno_old"))
        stack.enter_context(kit.clients(old.name, 2))
        old.unregister()
        old.drop()
        linked = stack.enter_context(kit.tcp_map(name="reno_linked", link=True))
        stack.enter_context(linked.link())
        following = stack.enter_context(kit.tcp_map(name="reno_next", link=True))
        kernel.seen = frozenset({control.map_id, old.id, linked.id, following.id})
        yield Scene(kit, control.name, stack)


def app_on(kernel: Kernel | KernelUnreadable) -> StopsApp:
    """The app with its default settings, in full colour."""
    app = StopsApp(kernel, Config(sources={"theme": "pictures"}))
    app.animation_level = "none"
    return app


def shoot(pilot: Pilot[Any], name: str, folder: Path = PICTURES) -> None:
    """Keep a picture of the screen."""
    print(pilot.app.save_screenshot(f"{name}.svg", str(folder)))


async def busy_host(kernel: Stage, played: Scene) -> None:
    """The explorer, a program and the types, while sockets come."""
    app = app_on(kernel)
    async with app.run_test(size=SIZE) as pilot:
        await until_shown(pilot, "reno_next", "unregistered, held")
        holders = 1
        for number in COMING:
            played.sockets_come(number)
            await until_shown(pilot, f"refcnt {holders} → {holders + number}")
            holders += number
        await pilot.press("enter", "down")
        shoot(pilot, "explorer")
        await pilot.press("k", "enter")
        await until_shown(pilot, "Implements cong_avoid", "Counting calls")
        while "ns/call" not in told(pilot) or " 0 calls/s" in told(pilot):
            played.sockets_come(1)
            await pilot.pause(0.2)
        shoot(pilot, "program")
        await pilot.press("k", "t")
        await until_shown(pilot, "bpf_dummy_ops")
        await pilot.press("down")
        await until_shown(pilot, "struct tcp_congestion_ops")
        shoot(pilot, "types")


def told(pilot: Pilot[Any]) -> str:
    """The program screen's line about its calls."""
    return next((line for line in screen_text(pilot).splitlines() if "calls/s" in line), "")


async def still_picture(kernel: Kernel | KernelUnreadable, text: str, name: str) -> None:
    """A picture of the first screen, once it shows a text."""
    async with app_on(kernel).run_test(size=SIZE) as pilot:
        await until_shown(pilot, text)
        shoot(pilot, name)


async def review(kernel: Kernel) -> None:
    """The review of the `reno` example: Enter alone leads to it."""
    app = app_on(kernel)
    async with app.run_test(size=SIZE) as pilot:
        await until_shown(pilot, "No struct_ops map")
        await pilot.press("r")
        for step in ("START FROM", "MEMBERS", "DATA", "LIFETIME"):
            await until_shown(pilot, step)
            await pilot.press("ctrl+n")
        await until_shown(pilot, "[ Register ]")
        shoot(pilot, "review")


def unprivileged() -> KernelUnreadable:
    """What a user without capabilities is told."""
    cause = "the caller lacks a capability"
    user = Facts(
        uid=1000, command="/usr/bin/stops-tui", effective=0, probe="EPERM", probe_cause=cause
    )
    return KernelUnreadable(judge(user))


def main() -> int:
    """Make all pictures."""
    if os.geteuid():
        print("make screenshots: needs root, to register a congestion control", file=sys.stderr)
        return 3
    PICTURES.mkdir(exist_ok=True)
    os.environ["TZ"] = "UTC"
    time.tzset()
    kernel = Stage()
    with scene(kernel) as played:
        asyncio.run(busy_host(kernel, played))
    asyncio.run(still_picture(Stage(), "No struct_ops map", "empty"))
    asyncio.run(review(Stage()))
    asyncio.run(still_picture(unprivileged(), "cannot be read", "unreadable"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
