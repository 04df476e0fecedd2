from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from textual.pilot import Pilot

import stops_tui
from stops_tui.actions import ACTIONS, actions_on
from stops_tui.app import StopsApp
from stops_tui.screens.help import HelpScreen
from stops_tui.struct_ops.inventory import Inventory
from stops_tui.widgets.key_help import STATUS_WORDS, help_text, marked
from tests.support.fake_kernel import FakeKernel
from tests.tui.pilot import screen_text, until, until_shown


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_screen(app: StopsApp, size: tuple[int, int], snap_compare: Callable[..., bool]) -> None:
    async def run(pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "dctcp")
        await pilot.press("question_mark")
        await until_shown(pilot, "What is focused")

    assert snap_compare(app, terminal_size=size, run_before=run)


async def test_is_about_what_is_focused(app: StopsApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "dctcp")
        await pilot.press("t")
        await until_shown(pilot, "5 types")
        await pilot.press("question_mark")
        await until_shown(pilot, "What this kernel lets BPF programs implement")
        await pilot.press("escape", "tab", "question_mark")
        await until_shown(pilot, "The members of the chosen type")


async def test_scrolls_to_the_rule_of_the_refcnt(app: StopsApp) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "dctcp")
        await pilot.press("question_mark")
        await until_shown(pilot, "What is focused")
        await pilot.press("end")
        await until_shown(pilot, "holders is REFCNT less registration and links")


@pytest.mark.parametrize("key", ["escape", "question_mark", "q"])
async def test_leads_back(app: StopsApp, key: str) -> None:
    async with app.run_test(size=(80, 24)) as pilot:
        await until_shown(pilot, "dctcp")
        before = app.screen
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        await pilot.press(key)
        await until(pilot, lambda: app.screen is before)


def text_of(about: str = "", keys: Mapping[str, str] | None = None) -> str:
    console = Console(width=300, color_system=None, legacy_windows=False)
    with console.capture() as captured:
        console.print(help_text(about, actions_on("explorer"), keys or {}))
    return captured.get()


def test_lists_every_key_of_the_screen() -> None:
    text = text_of()
    for action in ACTIONS:
        assert (action.help in text) == (action.where in ("explorer", "everywhere")), action.id


def test_shows_configured_keys() -> None:
    lines = text_of(keys={"pause": "f9"}).splitlines()
    assert ["f9", "Stop"] in [line.split()[:2] for line in lines]


def test_what_is_focused_tells_configured_keys() -> None:
    text = text_of("`{raw}` and `{arm}`", keys={"raw": "exclamation_mark", "arm": "ctrl+f"})
    assert "! and ^f" in text


def test_what_can_be_focused_names_no_action_that_is_not_there() -> None:
    sources = Path(stops_tui.__file__).parent.rglob("*.py")
    named = {name for each in sources for name in re.findall(r"`\{(\w+)\}`", each.read_text())}
    assert {"raw", "unregister"} <= named <= {action.id for action in ACTIONS}


def test_explains_every_status_word(kernel: FakeKernel) -> None:
    kernel.add_map(95, "linked", state="READY")
    kernel.add_link(96, 95)
    words = {found.status for found in Inventory(kernel).sweep().maps.values()}
    assert words == {word for word, _ in STATUS_WORDS}


def test_help_of_a_widget_is_no_markup() -> None:
    assert marked("[red]`a[/]`\nb\n\nc").plain == "[red]a[/] b\n\nc"


async def test_a_click_on_a_key_does_it_and_one_beside_all_does_nothing(app: StopsApp) -> None:
    async with app.run_test(size=(200, 40)) as pilot:
        await until_shown(pilot, "dctcp", "q quit")
        footer = screen_text(pilot).split("\n")[39]
        await pilot.click(offset=(190, 39))
        await pilot.pause()
        assert app.is_running
        await pilot.click(offset=(footer.index("? help") + 2, 39))
        await until_shown(pilot, "What is focused")
