from __future__ import annotations

import asyncio
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Collection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import RenderableType
from textual._compositor import CompositorUpdate
from textual.screen import Screen

from stops_tui import looking
from stops_tui.app import StopsApp
from stops_tui.bpf.errors import BpfError
from stops_tui.config import Config, Problem
from stops_tui.crash import crash_line, write_crash_file
from stops_tui.kernels.kernel import KernelUnreadable, Obstacle, RawHolders, RawSweep
from stops_tui.screens import program, types
from stops_tui.screens.register import screen as register
from stops_tui.screens.unreadable import UnreadableScreen
from stops_tui.widgets.event_table import AllEvents
from stops_tui.widgets.top_line import TopLine
from tests.support.fake_kernel import FakeKernel
from tests.tui.conftest import MakeApp
from tests.tui.explorer import FAST, explorer
from tests.tui.pilot import until


class Slow(FakeKernel):
    """A kernel whose sweeps wait as long as `gate` is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()
        self.walks = 0
        self.error: Exception | None = None

    def sweep(self, resting: Collection[int] = ()) -> RawSweep:
        self.gate.wait()
        if self.error:
            raise self.error
        return super().sweep(resting)

    def holders(self) -> RawHolders:
        self.walks += 1
        return super().holders()


def slow() -> Slow:
    kernel = Slow()
    kernel.add_map(1, "one", members={"name": b"one"})
    kernel.add_map(2, "two", members={"name": b"two"})
    return kernel


async def test_an_answer_that_comes_while_the_app_ends_is_nobodys() -> None:
    """As its screens are taken apart, nothing is where it would be shown."""
    taken: list[int] = []
    async with StopsApp(FakeKernel.busy(), Config(interval=FAST)).run_test() as pilot:
        app, screen = pilot.app, pilot.app.screen
        assert isinstance(app, StopsApp)
        await app.on_found(looking.Found(screen, taken.append, 1))
    there: Any = SimpleNamespace(is_attached=True)
    await app.on_found(looking.Found(there, taken.append, 2))
    assert taken == [1]


async def test_a_sweep_that_stalls_shows_as_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "LATE", 0.1)
    kernel = slow()
    async with explorer(kernel) as seen:
        assert seen.app.pulse == "live"
        kernel.gate.clear()
        await seen.until(lambda: seen.app.pulse.startswith("stale"))
        await seen.press("down")
        assert seen.maps.cursor_key == 2, "the screen is not frozen"
        kernel.gate.set()
        await seen.until(lambda: seen.app.pulse == "live")


def test_quitting_does_not_wait_for_a_blocked_thread() -> None:
    code = """
import asyncio, threading
from stops_tui.app import StopsApp
from stops_tui.config import Config
from tests.support.fake_kernel import FakeKernel
class Blocked(FakeKernel):
    def sweep(self, resting=()):
        threading.Event().wait()
async def main():
    async with StopsApp(Blocked(), Config()).run_test() as pilot:
        await pilot.press("q")
asyncio.run(main())
"""
    start = time.monotonic()
    subprocess.run([sys.executable, "-c", code], check=True, timeout=20)
    assert time.monotonic() - start < 10


async def test_pause_stops_looking() -> None:
    kernel = slow()
    async with explorer(kernel) as seen:
        await seen.press("p")
        await seen.pilot.pause(3 * FAST)
        sweeps = kernel.sweeps
        assert seen.app.pulse == "paused 00:00"
        await seen.pilot.pause(5 * FAST)
        assert kernel.sweeps == sweeps
        await seen.press("p")
        await seen.until(lambda: kernel.sweeps > sweeps)
        assert seen.app.pulse == "live"


async def test_a_refusal_is_told_and_tried_again() -> None:
    kernel = slow()
    async with explorer(kernel) as seen:
        kernel.error = BpfError("BPF_MAP_GET_NEXT_ID", 1)
        await seen.until(lambda: "BPF_MAP_GET_NEXT_ID" in seen.app.pulse)
        kernel.error = None
        await seen.until(lambda: seen.app.pulse == "live")


async def test_holders_are_looked_up_on_change_and_selection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(looking, "HOLDERS_APART", 0.0)
    kernel = slow()
    async with explorer(kernel) as seen:
        await seen.until(lambda: kernel.walks)
        await seen.pilot.pause(0.2)
        walks = kernel.walks
        await seen.pilot.pause(0.3)
        assert kernel.walks == walks, "nothing changed"
        await seen.press("down")
        await seen.until(lambda: kernel.walks == walks + 1)
        kernel.set(1, refcnt=7)
        await seen.pilot.pause(0.3)
        assert kernel.walks == walks + 1, "a refcnt is no change of maps"
        kernel.add_map(3, "three", members={"name": b"three"})
        await seen.until(lambda: kernel.walks == walks + 2)


async def test_holders_are_looked_up_every_so_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looking, "HOLDERS_EVERY", 0.1)
    kernel = slow()
    async with explorer(kernel) as seen:
        await seen.until(lambda: kernel.walks > 3)


async def test_what_a_change_did_to_pins_is_shown_also_while_paused() -> None:
    kernel = slow()
    kernel.pin("/sys/fs/bpf/one", "map", 1)
    async with explorer(kernel) as seen:
        await seen.until(lambda: seen.app.holders)
        await seen.press("p")
        kernel.unpin("/sys/fs/bpf/one")
        seen.app.look()
        await seen.until(lambda: not seen.app.holders)
        walks = kernel.walks
        await seen.press("down")
        await seen.pilot.pause(0.3)
        assert kernel.walks == walks


async def test_nobody_is_looked_for_on_an_empty_host() -> None:
    kernel = Slow()
    async with explorer(kernel) as seen:
        await seen.pilot.pause(0.3)
        assert kernel.walks == 0


async def test_the_interval_changes() -> None:
    async with explorer(config=Config(interval=1.0)) as seen:
        top = seen.app.screen.query_one(TopLine)
        assert "every 1 s · live" in top.render().plain
        await seen.press("plus")
        assert "every 500 ms" in top.render().plain
        await seen.press("minus", "minus")
        assert "every 2 s" in top.render().plain


async def test_the_kernel_is_closed_on_exit() -> None:
    kernel = slow()
    async with explorer(kernel):
        pass
    assert kernel.closed


async def test_an_unreadable_kernel_opens_its_page() -> None:
    obstacle = Obstacle("CAP_SYS_ADMIN is missing", "all maps", "sudo /usr/bin/stops-tui", 3)
    app = StopsApp(KernelUnreadable([obstacle]), Config())
    async with app.run_test() as pilot:
        assert isinstance(app.screen, UnreadableScreen)
        await pilot.press("p", "k", "t", "e", "plus", "escape", "q")
    assert app.return_code == 0


class Sent(StopsApp):
    """Keeps what it would write to a terminal: nothing leaves an app without one."""

    sent = ""
    first = ""

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        if isinstance(renderable, CompositorUpdate) and not self._batch_count:
            self.sent += renderable.render_segments(self.console)
            self.first = self.first or self.sent
        super()._display(screen, renderable)


async def sends(app: Sent, text: str) -> bool:
    """Whether the app would write this in two seconds, left alone: a pilot would wake it up."""
    running = asyncio.create_task(app.run_async(headless=True, size=(80, 24)))
    for _ in range(100):
        await asyncio.sleep(0.02)
        if text in app.sent:
            break
    app.exit()
    await running
    return text in app.sent


async def test_the_first_frame_is_painted_when_there_is_no_first_look() -> None:
    obstacle = Obstacle("CAP_SYS_ADMIN is missing", "all maps", "sudo /usr/bin/stops-tui", 3)
    assert await sends(Sent(KernelUnreadable([obstacle]), Config()), "CAP_SYS_ADMIN is missing")
    kernel = slow()
    kernel.gate.clear()
    assert await sends(Sent(kernel, Config()), "Looking at the kernel")
    kernel.gate.set()


async def test_the_first_look_is_in_the_first_frame() -> None:
    app = Sent(FakeKernel.busy(), Config())
    assert await sends(app, "live")
    assert "dctcp" in app.first


async def test_problems_of_the_configuration_are_told() -> None:
    problem = Problem("/root/[x]/config.toml:3", "keys.pause", "no key")
    app = StopsApp(slow(), Config(problems=(problem,)))
    async with app.run_test(notifications=True) as pilot:
        await pilot.pause()
        told = [notification.message for notification in app._notifications]
        assert told == ["/root/[x]/config.toml:3: keys.pause: no key"]


@pytest.mark.parametrize(("env", "theme"), [({}, "textual-dark"), ({"NO_COLOR": "1"}, "ansi-dark")])
async def test_theme_by_terminal(
    env: dict[str, str], theme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    app = StopsApp(slow(), Config())
    async with app.run_test():
        assert app.theme == theme


async def test_an_unknown_failure_ends_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = slow()
    kernel.error = ZeroDivisionError("a bug")
    with pytest.raises(ZeroDivisionError):
        async with StopsApp(kernel, Config()).run_test() as pilot:
            await pilot.pause(0.3)


def test_crash_file_is_private_and_holds_no_locals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    secret = "hunter"
    secret += "2"
    try:
        raise ValueError("line one\nline two")
    except ValueError as error:
        line = crash_line(error)
    (path,) = tmp_path.rglob("crash-*.txt")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "ValueError: line one" in path.read_text()
    assert secret not in path.read_text()
    assert line == f"stops-tui: internal error: ValueError: line one (details: {path})"


def test_crash_without_a_place_to_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with pytest.raises(OSError):
        write_crash_file(ValueError())
    assert "no crash file" in crash_line(ValueError("x"))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("keys", [("t",), ("r",), ("enter", "enter")])
async def test_what_a_screen_asked_for_may_come_when_it_is_gone(
    keys: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, asked = threading.Event(), threading.Event()

    def wait(*_: object, **__: object) -> None:
        asked.set()
        gate.wait()

    monkeypatch.setattr(types, "offered_types", wait)
    monkeypatch.setattr(register, "RegistrationFacts", SimpleNamespace(gather=wait))
    monkeypatch.setattr(program, "load", wait)
    async with explorer() as seen:
        await seen.press(*keys)
        await seen.until(asked.is_set)
        await seen.press("escape")
        await seen.until(lambda: len(seen.app.screen_stack) == 1)
        gate.set()
        await seen.pilot.pause(0.2)


async def test_lists_do_not_pile_up(make_app: MakeApp, kernel: FakeKernel) -> None:
    app = make_app(kernel)
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.snapshot)
        await pilot.press(*"teteette")
        assert [type(screen).__name__ for screen in app.screen_stack] == [
            "ExplorerScreen", "TypesScreen", "EventsScreen",
        ]  # fmt: skip
        await pilot.press("escape", "escape")
        assert len(app.screen_stack) == 1


async def test_events_that_nobody_sees_are_not_listed(kernel: FakeKernel) -> None:
    app = StopsApp(kernel, Config(interval=0.05))
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.snapshot)
        await pilot.press("e")
        table = app.screen.query_one(AllEvents)
        await pilot.press("t")
        kernel.set(58, refcnt=7)
        await until(pilot, lambda: app.history.events_of(58))
        assert not table.rows
        await pilot.press("escape")
        await until(pilot, lambda: table.rows)
