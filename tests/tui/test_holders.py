"""Who holds a map, looked up while a person looks: the panel, the sockets, the reasons."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.pilot import Pilot

from stops_tui.app import StopsApp
from stops_tui.config import Config
from stops_tui.kernels.kernel import RawSubsystems
from stops_tui.kernels.recording.error import RecordingError
from stops_tui.kernels.users import RawNetns, RawSchedExt, RawTcpUsers
from stops_tui.screens import repeated
from stops_tui.screens.sockets import SocketsScreen
from stops_tui.struct_ops.account import Account, Accounts
from stops_tui.widgets.line_table import LineTable
from tests.support.fake_kernel import FakeKernel
from tests.support.fake_users import FakeUsers
from tests.tui.pilot import until, until_shown

WEB = RawNetns(4026532001, "web")
STALLED = (
    'sched_ext: BPF scheduler "simple" disabled (runnable task stall)',
    "sched_ext: simple: python3[136] failed to run for 2.304s",
)


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """No waiting between two looks but where a test says so."""
    monkeypatch.setattr(repeated, "APART", 0.01)
    monkeypatch.setattr(repeated, "EVERY", 3600)


@asynccontextmanager
async def opened(
    kernel: FakeKernel, *keys: str, size: tuple[int, int] = (120, 34)
) -> AsyncIterator[tuple[StopsApp, Pilot[None]]]:
    """The app at a map table, some keys later."""
    app = StopsApp(kernel, Config(interval=0.05))
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.snapshot and app.raw_holders)
        await pilot.press(*keys)
        yield app, pilot


@pytest.fixture
def used(kernel: FakeKernel) -> FakeKernel:
    """Map 58 has 4 sockets of two processes in a namespace, and is its default."""
    kernel.users.add_sockets(58, 3, "nginx", 812, WEB)
    kernel.users.add_sockets(58, 1, "curl", 99, WEB)
    kernel.users.add_default(58, WEB)
    return kernel


async def test_nothing_is_looked_up_until_the_holders_are_shown(used: FakeKernel) -> None:
    async with opened(used, "2", "down", "up", "5") as (_, pilot):
        used.set(58, refcnt=7)
        await until_shown(pilot, "refcnt 6 → 7")
        assert used.users.looks == 1  # why map 72 was ejected
        await pilot.press("3")
        await until_shown(pilot, "nginx (pid 812)")


async def test_the_sentence_the_sum_and_the_rows(used: FakeKernel) -> None:
    async with opened(used, "3") as (_, pilot):
        await until_shown(
            pilot,
            "Registered; used by 4 TCP sockets of nginx (pid 812) and curl (pid 99) in netns web",
            "web  net.ipv4.tcp_congestion_control",
            "only the kernel keeps this map",
        )


async def test_the_whole_sentence_is_read_at_80_columns(used: FakeKernel) -> None:
    async with opened(used, "3", size=(80, 24)) as (_, pilot):
        await until_shown(pilot, "and curl (pid 99) in", "netns web and the default of netns web")


async def test_it_follows_the_count_while_it_is_shown_and_no_longer(used: FakeKernel) -> None:
    async with opened(used, "3") as (_, pilot):
        await until_shown(pilot, "4 TCP sockets")
        used.users.add_sockets(58, 1, "curl", 99, WEB)
        used.set(58, refcnt=7)
        await until_shown(pilot, "5 TCP sockets")
        await pilot.press("1")
        looks = used.users.looks
        used.set(58, refcnt=8)
        await until_shown(pilot, "refcnt 7 → 8")
        assert used.users.looks == looks


async def test_it_is_looked_up_again_every_so_often(
    used: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repeated, "EVERY", 0.05)
    taken, take = [], Accounts.take

    def counted(self: Accounts, *what: Any, **more: Any) -> dict[int, Account]:
        taken.append(what)
        return take(self, *what, **more)

    monkeypatch.setattr(Accounts, "take", counted)
    async with opened(used, "3") as (_, pilot):
        await until_shown(pilot, "nginx (pid 812)")
        used.users.close_sockets(58)
        await until_shown(pilot, "4 unexplained holders")
        await pilot.press("e")  # another screen covers it
        await pilot.pause(0.1)
        before = len(taken)
        await pilot.pause(0.3)
        assert len(taken) == before
        await pilot.press("escape")
        await until(pilot, lambda: len(taken) > before)


async def test_not_while_paused(used: FakeKernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeated, "EVERY", 0.05)
    async with opened(used, "3") as (_, pilot):
        await until_shown(pilot, "nginx (pid 812)")
        await pilot.press("p")
        await pilot.pause(0.1)
        looks = used.users.looks
        await pilot.pause(0.3)
        assert used.users.looks == looks
        await pilot.press("p")
        await until(pilot, lambda: used.users.looks > looks)


class SlowUsers(FakeUsers):
    """Users that are found only once the gate is open."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.gate.set()

    def tcp(self, maps: Mapping[int, str]) -> RawTcpUsers:
        self.gate.wait(10)
        return super().tcp(maps)


async def test_a_look_that_takes_long_blocks_nothing(
    kernel: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repeated, "LATE", 0.05)
    kernel.users = users = SlowUsers()
    users.add_sockets(58, 5, "nginx", 812, WEB)
    async with opened(kernel, "3") as (_, pilot):
        await until_shown(pilot, "5 TCP sockets")
        users.gate.clear()
        kernel.set(58, refcnt=7)
        await until_shown(pilot, "looking …", "5 TCP sockets")  # the old rows stay
        await pilot.press("down")
        await until_shown(pilot, "61 cubic_old › holders")
        users.gate.set()
        await until_shown(pilot, "Unregistered; kept by 2 unexplained holders")


@pytest.mark.parametrize(
    "error",
    [PermissionError(1, "Operation not permitted"), RecordingError("night.stops", "it is damaged")],
)
async def test_a_refusal_is_told_and_the_old_rows_stay(
    used: FakeKernel, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(repeated, "EVERY", 0.05)
    async with opened(used, "3") as (_, pilot):
        await until_shown(pilot, "4 TCP sockets")

        def refuse(maps: Mapping[int, str]) -> RawTcpUsers:
            raise error

        monkeypatch.setattr(used.users, "tcp", refuse)
        await until_shown(pilot, f"cannot look: {error}", "4 TCP sockets")
        monkeypatch.undo()


async def test_a_thousand_namespaces_are_bounded(kernel: FakeKernel) -> None:
    for nth in range(1000):
        kernel.users.add_sockets(58, 2, "nginx", 812, RawNetns(nth, f"n{nth}"))
    kernel.set(58, refcnt=2001)
    async with opened(kernel, "3", "tab", "end", size=(120, 60)) as (app, pilot):
        await until_shown(pilot, "901 more like these")
        assert len(app.screen.query_one("#holders", LineTable).rows) < 120


# Sockets


async def test_sockets_are_listed_on_demand(used: FakeKernel) -> None:
    async with opened(used, "3") as (app, pilot):
        await until_shown(pilot, "4 TCP sockets")
        await pilot.press("tab")
        await until(pilot, lambda: app.focused and app.focused.id == "holders")
        app.screen.query_one("#holders", LineTable).move_cursor(("TCP sockets", WEB.inode, ""))
        await pilot.press("enter")
        await until_shown(pilot, "4 TCP sockets in netns web", "curl  pid 99", "198.51.100.4")
        await pilot.press("2")
        await until_shown(
            pilot, "ESTABLISHED", "198.51.100.1:40000", "192.0.2.1:443", "38 µs", "1.5 ms"
        )
        await pilot.press("escape")
        await until_shown(pilot, "58 dctcp › holders")


async def test_of_very_many_sockets_some_are_listed(kernel: FakeKernel) -> None:
    kernel.users.add_sockets(58, 100_000, "nginx", 812, WEB)
    kernel.set(58, refcnt=100_001)
    async with opened(kernel, "3") as (app, pilot):
        await until_shown(pilot, "100,000 TCP sockets")
        await pilot.press("tab")
        app.screen.query_one("#holders", LineTable).move_cursor(("TCP sockets", WEB.inode, ""))
        await pilot.press("enter")
        await until_shown(pilot, "100,000 TCP sockets in netns web")
        await pilot.press("2")
        await until_shown(pilot, "ESTABLISHED")
        await pilot.press("end")
        await until_shown(pilot, "… 99,800 more")


async def test_what_is_asked_last_is_shown(used: FakeKernel) -> None:
    async with opened(used, "3") as (app, pilot):
        await until_shown(pilot, "4 TCP sockets")
        await pilot.press("tab")
        app.screen.query_one("#holders", LineTable).move_cursor(("TCP sockets", WEB.inode, ""))
        await pilot.press("enter", "2", "1", "2")
        await until_shown(pilot, "ESTABLISHED", "198.51.100.1:40000")
        used.users.close_sockets(58)
        await pilot.press("1")
        await until_shown(pilot, "0 TCP sockets", "holds this map any more")
        assert isinstance(app.screen, SocketsScreen)


# Why


async def test_an_ejected_scheduler_and_its_reason(kernel: FakeKernel) -> None:
    kernel.subsystems = RawSubsystems("enabled", "simple", frozenset({0x2A}))
    async with opened(kernel) as (_, pilot):
        assert kernel.users.looks == 0
        kernel.users.sched_ext_now = RawSchedExt("disabled")
        kernel.users.log = STALLED
        kernel.subsystems = RawSubsystems("disabled", None, frozenset({0x2A}))
        await until_shown(pilot, "attached → ejected: runnable task stall", "✗ ejected: runnable")
        assert kernel.users.looks == 1
        await pilot.press("down", "down", "3")
        await until_shown(pilot, "Ejected: runnable task stall: python3[136] failed to run for")


async def test_when_the_last_holder_goes_the_event_says_so(kernel: FakeKernel) -> None:
    async with opened(kernel) as (_, pilot):
        kernel.remove(61)
        await until_shown(pilot, "61 cubic_old freed: its last holder let go")


async def test_when_it_was_unregistered(used: FakeKernel) -> None:
    async with opened(used, "3") as (_, pilot):
        used.set(58, state="TOBEFREE", refcnt=5)
        await until_shown(pilot, "Unregistered just now; kept by 4 TCP sockets of nginx")
