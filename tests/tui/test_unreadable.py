from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from stops_tui.app import StopsApp
from stops_tui.config import Config
from stops_tui.kernels.kernel import Kernel, KernelUnreadable, Obstacle
from stops_tui.screens.explorer import ExplorerScreen
from stops_tui.screens.unreadable import UnreadableScreen
from tests.support.fake_kernel import FakeKernel
from tests.tui.conftest import MakeApp
from tests.tui.pilot import screen_text, until, until_shown

UNREADABLE = KernelUnreadable(
    [
        Obstacle(
            "CAP_SYS_ADMIN is missing",
            "every map, program and link: without it their ids cannot be listed",
            "sudo /usr/local/bin/stops-tui",
            3,
        ),
        Obstacle("this kernel's BTF is missing", "types and members", "", 4),
    ]
)


@pytest.fixture
def unreadable(make_app: MakeApp) -> StopsApp:
    return make_app(UNREADABLE)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_screen(
    unreadable: StopsApp, size: tuple[int, int], snap_compare: Callable[..., bool]
) -> None:
    assert snap_compare(unreadable, terminal_size=size)


async def test_says_what_is_missing_and_what_mends_it(unreadable: StopsApp) -> None:
    async with unreadable.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "CAP_SYS_ADMIN is missing", "sudo /usr/local/bin/stops-tui")
        await until_shown(pilot, "this kernel's BTF is missing", "nothing on this kernel")


async def test_copies_the_command(unreadable: StopsApp) -> None:
    async with unreadable.run_test(size=(80, 24)) as pilot:
        await pilot.press("y")
        assert unreadable.clipboard == "sudo /usr/local/bin/stops-tui"
        await pilot.press("tab", "y")
        assert unreadable.clipboard == "sudo /usr/local/bin/stops-tui"


async def test_keys_that_need_a_kernel_do_nothing(unreadable: StopsApp) -> None:
    async with unreadable.run_test(size=(80, 24)) as pilot:
        await pilot.press("t", "e", "p", "p", "k", "plus", "minus", "escape", "enter")
        assert isinstance(unreadable.screen, UnreadableScreen)
        assert " t types" not in screen_text(pilot)


async def test_help_and_quit_work(unreadable: StopsApp) -> None:
    async with unreadable.run_test(size=(80, 24)) as pilot:
        await pilot.press("question_mark")
        await until_shown(pilot, "What is focused", "Look again whether this kernel can be read.")
        await pilot.press("escape", "q")
        await until(pilot, lambda: not unreadable.is_running or unreadable._exit)


async def test_trying_again_opens_the_explorer(kernel: FakeKernel) -> None:
    answers: list[Kernel | KernelUnreadable] = [UNREADABLE, kernel]

    def reopen() -> Kernel:
        answer = answers.pop(0)
        if isinstance(answer, KernelUnreadable):
            raise answer
        return answer

    app = StopsApp(UNREADABLE, Config(interval=3600), reopen)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await pilot.press("r")
        await until_shown(pilot, "It still cannot be read.")
        await pilot.press("r")
        await until_shown(pilot, "dctcp")
        assert isinstance(app.screen, ExplorerScreen)
        await pilot.press("t")
        await until_shown(pilot, "5 types")
    assert kernel.closed


async def test_trying_again_twice_opens_one_kernel(kernel: FakeKernel) -> None:
    gate, slower = threading.Event(), FakeKernel()
    kernels = [slower, kernel]

    def reopen() -> Kernel:
        if (found := kernels.pop()) is slower:
            gate.wait()
        return found

    app = StopsApp(UNREADABLE, Config(interval=3600), reopen)
    async with app.run_test(size=(80, 24)) as pilot:
        app.retry()
        app.retry()
        await until_shown(pilot, "dctcp")
        gate.set()
        await pilot.pause(0.2)
        assert app.kernel is kernel


async def test_hostile_obstacles_are_literal(make_app: MakeApp) -> None:
    app = make_app(KernelUnreadable([Obstacle("[red]\x1b[2J", "[/]", "[bold]rm", 3)]))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until_shown(pilot, "[red]\\x1b[2J", "[/]", "[bold]rm")
        await pilot.press("y")
        await until_shown(pilot, "Copied: [bold]rm")
