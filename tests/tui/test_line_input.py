from __future__ import annotations

from pathlib import Path

import pytest
from textual import events
from textual.app import App, ComposeResult
from textual.widgets import Input

from stops_tui.screens.register.plan_file import LoadPlan, SavePlan
from stops_tui.widgets.line_input import LineInput
from tests.support.fake_kernel import FakeKernel
from tests.tui.conftest import MakeApp
from tests.tui.pilot import screen_text, until, until_shown

HOSTILE = "a\x1b]0;x\x07b\u202ec\udcff[red]"


class OneLine(App[None]):
    def compose(self) -> ComposeResult:
        yield LineInput(HOSTILE)


async def test_what_does_not_print_is_kept_but_never_sent_to_the_terminal() -> None:
    app = OneLine()
    async with app.run_test(size=(40, 5)) as pilot:
        text = screen_text(pilot)
        assert "a�]0;xb�c�[red]" in text
        assert text.replace("\n", "").isprintable()
        assert {len(line) for line in text.split("\n")} == {40}
        assert app.query_one(Input).value == HOSTILE


async def test_a_map_with_hostile_data_can_be_composed_anew(make_app: MakeApp) -> None:
    kernel = FakeKernel()
    kernel.add_map(1, "one", members={"name": b"a\x1b[31m[b]\xff"})
    app = make_app(kernel)
    async with app.run_test(size=(100, 30)) as pilot:
        await until_shown(pilot, "one")
        app.register(map_id=1)
        for step, key in (("MEMBERS", "ctrl+n"), ("DATA", "ctrl+n"), ("LIFETIME", "ctrl+n")):
            await until_shown(pilot, step)
            assert screen_text(pilot).replace("\n", "").isprintable()
            await pilot.press(key)
        await until_shown(pilot, "REVIEW", "[b]\\xff")
        assert screen_text(pilot).replace("\n", "").isprintable()


async def test_plans_are_saved_and_loaded_from_a_folder_that_was_removed(
    make_app: MakeApp, kernel: FakeKernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    app = make_app(kernel)
    async with app.run_test(size=(100, 30)) as pilot:
        app.push_screen(SavePlan("one", ""))
        await until_shown(pilot, "one.toml")
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, SavePlan))
        app.push_screen(LoadPlan())
        await until_shown(pilot, "No such file or directory")


@pytest.mark.parametrize("screen", [SavePlan("one", ""), LoadPlan()])
async def test_the_home_of_nobody_is_no_folder(
    make_app: MakeApp, kernel: FakeKernel, screen: SavePlan | LoadPlan
) -> None:
    app = make_app(kernel)
    async with app.run_test(size=(100, 30)) as pilot:
        app.push_screen(screen)
        await pilot.pause()
        app.screen.query_one(Input).value = "~nobody_is_called_so/one.toml"
        await pilot.press("enter")
        await until_shown(pilot, "home directory")


async def test_keys_that_come_together_are_taken_in_their_order() -> None:
    app = OneLine()
    async with app.run_test(size=(40, 5)) as pilot:
        line = app.query_one(Input)
        line.value = "flags 2"
        line.action_end()
        for key in ("backspace", "3", "left", "left", "delete", "=", "end", "7"):
            app.post_message(events.Key(key, key if len(key) == 1 else None))
        await until(pilot, lambda: line.value == "flags=37")
