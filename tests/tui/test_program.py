from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from stops_tui.app import StopsApp
from stops_tui.bpf.errors import BpfError
from stops_tui.kernels.kernel import RawCode
from stops_tui.screens.explorer import ExplorerScreen
from stops_tui.screens.program import ProgramScreen
from stops_tui.widgets.code_view import CodeView
from stops_tui.widgets.detail_bar import DetailBar
from stops_tui.widgets.line_table import LineTable
from stops_tui.widgets.places import PlacesTable
from tests.support.fake_kernel import FakeKernel
from tests.tui.pilot import screen_text, until, until_shown
from tests.tui.wizard import go

SIZES = [(80, 24), (120, 40), (200, 60)]


async def open_program(pilot: Pilot[Any], prog_id: int = 25) -> ProgramScreen:
    """Open a program's screen, and wait for the program."""
    await until_shown(pilot, "dctcp")
    screen = ProgramScreen(prog_id)
    await pilot.app.push_screen(screen)
    await until(pilot, lambda: "Reading" not in screen_text(pilot))
    return screen


def code_of(screen: ProgramScreen) -> CodeView:
    return next(view for view in screen.query(CodeView) if view.has_focus)


@pytest.mark.parametrize("size", SIZES)
def test_screen(app: StopsApp, size: tuple[int, int], snap_compare: Callable[..., bool]) -> None:
    async def run(pilot: Pilot[Any]) -> None:
        await open_program(pilot)

    assert snap_compare(app, terminal_size=size, run_before=run)


def test_search_screen(app: StopsApp, snap_compare: Callable[..., bool]) -> None:
    async def run(pilot: Pilot[Any]) -> None:
        await open_program(pilot)
        await pilot.press("slash", "r", "0")
        await until_shown(pilot, "'r0': 1 of 1")

    assert snap_compare(app, terminal_size=(80, 24), run_before=run)


async def test_enter_on_a_member_opens_its_program(app: StopsApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "dctcp_ssthresh")
        await pilot.press("enter", "enter")
        await until_shown(pilot, "Implements ssthresh of tcp_congestion_ops in 5 maps")
        assert isinstance(app.screen, ProgramScreen)
        await until_shown(pilot, "58 dctcp › ssthresh › 25 dctcp_ssthresh › xlated")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, ExplorerScreen))


async def test_a_map_it_serves_is_one_key_away(app: StopsApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await open_program(pilot)
        places = screen.query_one(PlacesTable)
        places.focus()
        await pilot.press("down", "enter")
        await until(pilot, lambda: isinstance(app.screen, ExplorerScreen))
        assert app.screen.query_one("#maps", LineTable).cursor_key == 61


async def test_code_has_both_forms(app: StopsApp) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        await open_program(pilot)
        await until_shown(pilot, "; return 10; /* [b] */", "1: (b7) r0 = 10")
        await pilot.press("2")
        await until_shown(pilot, "bpf_prog_0000000000000019_dctcp_ssthresh:", "%rsp, %rbp")
        await pilot.press("1")
        await until_shown(pilot, "1: (b7) r0 = 10")


async def test_search_goes_on_and_around(app: StopsApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await open_program(pilot)
        await pilot.press("slash", *"SOCK")
        await until_shown(pilot, "'SOCK': 1 of 2")
        await pilot.press("enter", "n")
        await until_shown(pilot, "'SOCK': 2 of 2")
        await pilot.press("n")
        await until_shown(pilot, "'SOCK': 1 of 2")
        await pilot.press("N")
        assert code_of(screen).line == "; u32 BPF_PROG(dctcp_ssthresh, struct sock *sk)"
        await pilot.press("slash", "%")
        await until_shown(pilot, "not found")
        await pilot.press("escape")
        assert screen.query_one(Input).value == ""
        assert app.screen is screen


async def test_jumps_by_source_line_and_function(app: StopsApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        code = code_of(await open_program(pilot))
        await pilot.press("]", "]")
        assert code.line == "; return 10; /* [b] */"
        await until_shown(pilot, "dctcp.bpf.c:14")
        await pilot.press("[")
        assert code.line.startswith("; u32 BPF_PROG")
        await pilot.press("end", "{")
        assert code.cursor == 0


async def test_copies_the_line_and_the_code(app: StopsApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        code = code_of(await open_program(pilot))
        await pilot.press("down", "down", "y")
        assert app.clipboard == "   0: (79) r6 = *(u64 *)(r1 +0)"
        await pilot.press("Y")
        assert app.clipboard == code.text
        assert len(code.text.splitlines()) == 6


async def test_a_click_moves_the_cursor(app: StopsApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        code = code_of(await open_program(pilot))
        await pilot.click(code, offset=(5, 4))
        assert code.line == "   1: (b7) r0 = 10"


async def test_says_why_code_is_withheld(app: StopsApp, kernel: FakeKernel) -> None:
    why = "CAP_SYSLOG is missing: [red]\x1b[31m withheld."
    kernel.set_code(26, RawCode(b"", b"", withheld=why))
    async with app.run_test(size=(80, 24)) as pilot:
        await open_program(pilot, 26)
        await until_shown(pilot, "  CAP_SYSLOG is missing: [red]\\x1b[31m withheld.")
        await pilot.press("2")
        await until_shown(pilot, "  CAP_SYSLOG is missing: [red]\\x1b[31m withheld.")


async def test_a_program_that_is_gone(app: StopsApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await open_program(pilot, 4711)
        await until_shown(pilot, "Program 4711 is gone.")
        await go(pilot, "2", "The program is gone, and its code with it.")
        await pilot.press("y", "n", "]", "z", "z", "enter", "escape")
        await until(pilot, lambda: isinstance(app.screen, ExplorerScreen))


async def test_machine_code_that_is_wanted_before_the_program_is_read(
    app: StopsApp, kernel: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, code = Event(), kernel.code
    monkeypatch.setattr(kernel, "code", lambda prog_id: gate.wait(10) and code(prog_id))
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "dctcp")
        await app.push_screen(ProgramScreen(25))
        await pilot.press("2")
        gate.set()
        await until_shown(pilot, "%rsp, %rbp")


async def test_code_that_cannot_be_read_says_why(
    app: StopsApp, kernel: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> RawCode:
        raise BpfError("BPF_OBJ_GET_INFO_BY_FD", 1)

    monkeypatch.setattr(kernel, "code", refuse)
    async with app.run_test(size=(80, 24)) as pilot:
        await open_program(pilot)
        await until_shown(pilot, "BPF_OBJ_GET_INFO_BY_FD: EPERM")


async def test_hostile_code_is_literal(app: StopsApp, kernel: FakeKernel) -> None:
    code = kernel.code(25)
    assert code
    names = dict.fromkeys(code.symbols, "[red]\x1b[2Jsym[/]")
    kernel.set_code(25, code._replace(symbols=names))
    async with app.run_test(size=(80, 24)) as pilot:
        await open_program(pilot)
        await pilot.press("2")
        await until_shown(pilot, "[red]\\x1b[2Jsym[/]:")


async def test_counts_calls_when_asked(app: StopsApp, kernel: FakeKernel) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await open_program(pilot)
        await until_shown(pilot, "Run statistics are off: k counts")
        await pilot.press("k")
        await until_shown(pilot, "Counting calls")
        assert kernel.counting
        for _ in range(2):
            kernel.run(25, times=1000, ns=41_000)
            app._sweep()
            await pilot.pause(0.1)
        await until_shown(pilot, "calls/s   41 ns/call", "times, 41 ns each")


async def test_a_long_program_scrolls(app: StopsApp, kernel: FakeKernel) -> None:
    insns = bytes.fromhex("b70000000a000000") * 100_000
    code = kernel.code(25)
    assert code
    kernel.set_code(25, code._replace(xlated=insns, func_info=(), line_info=()))
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await open_program(pilot)
        await until_shown(pilot, "0: (b7) r0 = 10")
        await pilot.press("end")
        await until_shown(pilot, "99999: (b7) r0 = 10")
        await pilot.press("slash", *"12345:", "enter")
        await until_shown(pilot, "12345: (b7) r0 = 10")
        assert code_of(screen).cursor == 12345


async def test_tabs_can_be_clicked(app: StopsApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await open_program(pilot)
        bar = screen.query_one(DetailBar)
        await pilot.click(bar, offset=(bar.size.width - 3, 0))
        await until_shown(pilot, "› jited", "%rsp, %rbp")


async def test_says_when_its_last_map_is_gone(app: StopsApp, kernel: FakeKernel) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        screen = await open_program(pilot, 27)
        await until_shown(pilot, "Implements set_state of tcp_congestion_ops in 1 map")
        kernel.remove(58)
        app._sweep()
        await until_shown(pilot, "Serves no map any more")
        assert not screen.query_one(PlacesTable).display
        await pilot.press("enter")
        assert app.screen is screen


async def test_the_palette_knows_its_actions(app: StopsApp) -> None:
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await open_program(pilot)
        await pilot.press("ctrl+p", *"zoom")
        await until_shown(pilot, "Give the whole screen to the code")
        await pilot.press("enter", "enter")
        await until(pilot, lambda: screen.has_class("-zoomed"))
