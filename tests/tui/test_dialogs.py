"""What all dialogs have in common: each gives its answer once, and closes nothing but itself."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from stops_tui.app import StopsApp
from stops_tui.screens.choose import ChooseScreen, Option
from stops_tui.screens.dialog import Dialog
from stops_tui.screens.program import ProgramScreen
from stops_tui.screens.register import RegisterScreen, plan_file
from stops_tui.screens.register.picker import ProgramPicker
from stops_tui.widgets.line_table import LineTable
from tests.tui.pilot import press_at_once, until, until_shown


async def enter_twice(pilot: Pilot[Any]) -> None:
    """Both in one read; until no dialog is open."""
    press_at_once(pilot, "enter", "enter")
    await until(pilot, lambda: not isinstance(pilot.app.screen, Dialog))
    await pilot.pause(0.1)


@pytest.mark.parametrize("key", ["s", "y", "R"])
async def test_two_enters_answer_once(
    app: StopsApp, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.snapshot)
        await pilot.press(key)
        assert isinstance(app.screen, Dialog)
        await enter_twice(pilot)
        assert len(app.screen_stack) == 1


async def test_two_enters_save_a_plan_once(
    app: StopsApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    gate, write = threading.Event(), plan_file.write

    def slowly(path: str, text: str, replace: bool) -> str:
        problem = write(path, text, replace)
        if not problem:
            gate.wait()
        return problem

    monkeypatch.setattr(plan_file, "write", slowly)
    saved: list[str | None] = []
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.snapshot)
        dialog = plan_file.SavePlan("lab", "text")
        app.push_screen(dialog, saved.append)
        await until_shown(pilot, "lab.toml")
        press_at_once(pilot, "enter", "enter")
        await pilot.pause(0.3)
        assert app.screen is dialog, "it asks nothing about the file it makes itself"
        gate.set()
        await until(pilot, lambda: saved == [f"{tmp_path}/lab.toml"])


async def test_two_enters_leave_the_wizard_open(app: StopsApp) -> None:
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.snapshot)
        wizard = RegisterScreen("tcp_congestion_ops")
        app.push_screen(wizard)
        await until_shown(pilot, "MEMBERS")
        draft = wizard._draft
        assert draft and draft.type
        app.push_screen(ProgramPicker(draft.facts, draft.type, "ssthresh", None))
        await until(pilot, lambda: app.screen.query_one(LineTable).cursor_key)
        await enter_twice(pilot)
        assert app.screen is wizard


async def test_two_enters_open_one_screen(app: StopsApp) -> None:
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.snapshot)
        await pilot.press("enter")
        await enter_twice(pilot)
        await until(pilot, lambda: isinstance(app.screen, ProgramScreen))
        assert len(app.screen_stack) == 2


async def test_an_answer_that_comes_late_closes_nothing_on_top(app: StopsApp) -> None:
    first, second = (ChooseScreen(title, [Option("a", "a")]) for title in ("first", "second"))
    given: list[str | None] = []
    async with app.run_test() as pilot:
        await until(pilot, lambda: app.snapshot)
        app.push_screen(first, given.append)
        app.push_screen(second)
        await pilot.pause()
        first.dismiss("late")
        await pilot.pause()
        assert app.screen is second
        second.dismiss()
        await pilot.press("enter")
        await until(pilot, lambda: len(app.screen_stack) == 1)
        assert given == ["a"]
