"""The app on a recording."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import count
from pathlib import Path
from threading import Event

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from stops_tui.app import StopsApp
from stops_tui.config import Config
from stops_tui.kernels.recording.kernel import RecordedKernel
from stops_tui.replaying import ReplayApp
from stops_tui.screens.explorer import ExplorerScreen
from stops_tui.struct_ops import story as story_module
from stops_tui.struct_ops.story import Story, tell
from stops_tui.widgets.timeline import Mark, Played, Timeline, clock_text
from tests.support.fake_kernel import FakeKernel
from tests.support.mutated_recordings import payloads, write
from tests.support.recorded import START, Tape, full_after
from tests.tui.conftest import MakeApp
from tests.tui.pilot import screen_text, until, until_shown


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Two minutes: 58 gains users from second 30 on, 61 goes away in second 60."""
    kernel = FakeKernel.busy()
    tape = Tape(kernel, tmp_path / "story.stops")
    tape.look(0)
    for second in range(1, 121):
        if second >= 30 and second % 10 == 0:
            kernel.set(58, refcnt=6 + second // 10)
        if second == 60:
            kernel.remove(61)
        tape.look()
    tape.recorder.close("enough")
    return tape.path


@pytest.fixture
def replay(path: str) -> ReplayApp:
    app = ReplayApp(RecordedKernel(path), Config(interval=3600, sources={"theme": "tests"}))
    app.animation_level = "none"
    return app


async def paused(pilot: Pilot[None], app: ReplayApp) -> None:
    """Paused, at the beginning, its story known."""
    await until(pilot, lambda: app.marks)
    await pilot.press("p")
    app._seek(0.0)
    await until_shown(pilot, "paused    00:00")


async def test_it_begins_at_the_beginning_and_plays(replay: ReplayApp) -> None:
    async with replay.run_test(size=(120, 34), notifications=True) as pilot:
        await until_shown(
            pilot, "RECORDING", "vm · Linux 6.18.44", "61  cubic_old", "▶ 1x", "02:00"
        )
        before = replay.played.position
        await until(pilot, lambda: replay.played.position > before)


async def test_stepping_between_events_shows_each_at_its_time(replay: ReplayApp) -> None:
    async with replay.run_test(size=(120, 34), notifications=True) as pilot:
        await paused(pilot, replay)
        assert "no events yet" in screen_text(pilot)
        await pilot.press("shift+right")
        await until_shown(pilot, "22:13:50", "00:30", "58 dctcp refcnt 6 → 9")
        for _ in range(3):
            await pilot.press("shift+right")
        await until_shown(pilot, "01:00", "61 cubic_old freed")
        assert "61  cubic_old" not in screen_text(pilot)
        await pilot.press("shift+left")
        await until_shown(pilot, "00:50", "61  cubic_old")
        assert "freed" not in screen_text(pilot)  # not yet, at that time


async def test_seeking_and_speed(replay: ReplayApp) -> None:
    async with replay.run_test(size=(120, 34), notifications=True) as pilot:
        await paused(pilot, replay)
        await pilot.press(">", ">", ">", ">", "<")
        assert replay.played.position == 30
        await pilot.press("+", "+", "-", "p")
        await until_shown(pilot, "▶ 2x")
        await pilot.press("p")
        line = screen_text(pilot).splitlines()[1]
        await pilot.click(Timeline, offset=(line.index(" 02:00") - 1, 0))
        assert replay.played.position == 120
        await pilot.press("shift+right")
        await until_shown(pilot, "Nothing happens after this.")


async def test_help_tells_its_keys(replay: ReplayApp) -> None:
    async with replay.run_test(size=(120, 60), notifications=True) as pilot:
        await paused(pilot, replay)
        await pilot.press("?")
        await until_shown(pilot, "In a recording: go to the next event")


async def test_the_past_stays_as_it_was(replay: ReplayApp) -> None:
    async with replay.run_test(size=(120, 34), notifications=True) as pilot:
        await paused(pilot, replay)
        await pilot.press("W")
        await until_shown(pilot, "nothing in it can be changed")
        assert "read-only" in screen_text(pilot)
        replay.clear_notifications()
        await pilot.press("r")
        await until_shown(pilot, "nothing in it can be changed")
        assert isinstance(replay.screen, ExplorerScreen)
        for key in "uT":
            await pilot.press(key)
            await until_shown(pilot, "Read-only: it is a recording.")
            replay.clear_notifications()
            await until(pilot, lambda: "Read-only" not in screen_text(pilot))
        await pilot.press("k")
        await until_shown(pilot, "what ran in it cannot be counted now")
        assert not replay.counting
        await pilot.press("R")
        await until_shown(pilot, "copy its file")


async def test_one_whose_recorder_was_killed_says_so(tmp_path: Path) -> None:
    tape = Tape(FakeKernel.busy(), tmp_path / "killed.stops")
    tape.look()
    app = ReplayApp(RecordedKernel(tape.path), Config())
    async with app.run_test(size=(120, 34), notifications=True) as pilot:
        await until_shown(pilot, "Its recorder was killed")


async def test_of_one_that_is_not_read_to_its_end_no_more_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tape = Tape(FakeKernel.busy(), tmp_path / "long.stops")
    tape.look()
    tape.look(60)
    monkeypatch.setattr("stops_tui.kernels.recording.file.BLOCKS_MOST", 2)
    app = ReplayApp(tape.play(), Config())
    async with app.run_test(size=(120, 34), notifications=True) as pilot:
        await until_shown(pilot, "only its first 2 blocks are read")
        assert "killed" not in screen_text(pilot)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
def test_screen(
    snap_compare: Callable[..., bool], replay: ReplayApp, size: tuple[int, int]
) -> None:
    async def at_an_event(pilot: Pilot[None]) -> None:
        await paused(pilot, replay)
        await pilot.press(*["shift+right"] * 4)
        await until_shown(pilot, "61 cubic_old freed")

    assert snap_compare(replay, terminal_size=size, run_before=at_an_event)


def test_a_story_knows_what_was_and_what_comes(path: str) -> None:
    now = START
    story = Story(lambda: now)
    assert (story.events, story.next_event(), story.refcnts(58)) == ((), None, ())
    story.take(tell(path))
    now = START + 45
    assert [event.after for event in story.events_of(58)] == ["9", "10"]
    assert story.refcnts(58) == (6, 9, 10)
    assert (story.previous_event(), story.next_event()) == (START + 40, START + 50)
    now = START + 50
    assert (story.previous_event(), story.next_event()) == (START + 40, START + 60)
    assert (START + 60, True) in story.marks
    assert (START + 70, False) in story.marks
    now = START + 1000
    assert len(story.refcnts(58)) == 8
    assert story.next_event() is None


def test_a_story_without_end_is_told_as_far_as_one_can_follow(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tell(path)
    monkeypatch.setattr(story_module, "TOLD_MOST", 3)
    told = tell(path)
    assert told.problem == "it has more than 3 events"
    assert 3 < len(told.events) < len(whole.events)
    assert told.events == whole.events[: len(told.events)]


def test_a_story_ends_where_the_damage_begins(path: str) -> None:
    whole, blocks = tell(path), payloads(Path(path).read_bytes())
    blocks[-3] = (blocks[-3][0], b"\xff")
    write(Path(path), blocks)
    told = tell(path)
    assert "is damaged" in told.problem
    assert 0 < len(told.events) <= len(whole.events)


async def test_damage_is_told_in_a_line(path: str) -> None:
    blocks = payloads(Path(path).read_bytes())
    blocks[2] = (blocks[2][0], b"\xff")
    write(Path(path), blocks)
    app = ReplayApp(RecordedKernel(path), Config(interval=3600))
    async with app.run_test(size=(120, 34), notifications=True) as pilot:
        await until_shown(pilot, "No events are known", "is damaged")
        await pilot.press("p")
        app._seek(100.0)
        await until_shown(pilot, "cannot look", "block 2 is damaged")


def test_strong_marks_show_where_weak_ones_are_too() -> None:
    line = Timeline({})
    line.set_reactive(Timeline.played, Played(0, 100))
    line.set_reactive(Timeline.marks, (Mark(1, False), Mark(2, True), Mark(3, False)))
    assert line._marked(10) == {0: True}


def test_times_are_short() -> None:
    assert [clock_text(s) for s in (0, 70.9, 3723)] == ["00:00", "01:10", "1:02:03"]
    assert Mark(1, True) < Mark(2, False)


# Recording, in the app


async def test_what_the_app_sees_is_recorded_until_the_key_again(
    kernel: FakeKernel, make_app: MakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, ticks = tmp_path / "seen.stops", count(START)
    monkeypatch.setattr(kernel, "now", lambda: next(ticks))
    app = make_app(kernel)
    async with app.run_test(size=(120, 34), notifications=True) as pilot:
        await until_shown(pilot, "58  dctcp")
        await pilot.press("R")
        await until_shown(pilot, "Record into")
        pilot.app.screen.query_one(Input).value = str(path)
        await pilot.press("enter")
        await until_shown(pilot, "● REC")
        kernel.set(58, refcnt=44)
        app.look()
        await until_shown(pilot, "refcnt 6 → 44")
        await pilot.press("R")
        await until_shown(pilot, "To see it: stops-tui replay")
        assert "● REC" not in screen_text(pilot)
    events = tell(str(path)).events
    assert [(e.map_id, e.what, e.after) for e in events] == [(58, "refcnt", "44")]
    assert events[0].time == pytest.approx(app.history.events[0].time, abs=2)
    assert RecordedKernel(str(path)).ended == "it was ended by hand"


async def test_leaving_ends_the_recording_and_a_bad_path_is_told(
    app: StopsApp, tmp_path: Path
) -> None:
    path = tmp_path / "seen.stops"
    async with app.run_test(size=(120, 34), notifications=True) as pilot:
        await until_shown(pilot, "58  dctcp")
        for place, says in (("/no/such/folder", "No such file"), (str(path), "● REC")):
            await pilot.press("R")
            await until_shown(pilot, "Record into", "not who uses a map", "paths, code")
            pilot.app.screen.query_one(Input).value = place
            await pilot.press("enter")
            await until_shown(pilot, says)
    assert RecordedKernel(str(path)).ended == "it was ended by hand"


async def test_nobody_home_and_an_end_before_the_beginning(
    kernel: FakeKernel, app: StopsApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, begins = tmp_path / "seen.stops", Event()
    sweep = kernel.sweep
    async with app.run_test(size=(120, 34), notifications=True) as pilot:
        await until_shown(pilot, "58  dctcp")
        app._begin_tape(("~nobody-of-this-name/x", False))
        await until_shown(pilot, "home directory")
        assert not app.taping
        monkeypatch.setattr(kernel, "sweep", lambda: begins.wait(30) and sweep())
        app._begin_tape((str(path), False))
        await until_shown(pilot, "● REC")
        await pilot.press("R")  # while it makes its first look
        await until(pilot, lambda: not app.taping)
        begins.set()
        await until(pilot, lambda: path.exists() and RecordedKernel(str(path)).ended)
        assert app._tape is None


def test_one_without_its_first_look_leaves_nothing(
    app: StopsApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, before = tmp_path / "seen.stops", len(list(Path("/proc/self/fd").iterdir()))
    monkeypatch.setattr(os, "write", full_after(2))
    assert app._make_tape(str(path), False) == f"{path}: the disk is full"
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert not path.exists()


async def test_a_full_disk_ends_it_with_a_word(
    kernel: FakeKernel, app: StopsApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with app.run_test(size=(120, 34), notifications=True) as pilot:
        await until_shown(pilot, "58  dctcp")
        app._begin_tape((str(tmp_path / "seen.stops"), True))
        await until_shown(pilot, "● REC")
        monkeypatch.setattr(os, "write", lambda *_: 0)
        kernel.set(58, refcnt=44)
        app.look()
        await until_shown(pilot, "The recording ended", "the disk is full")
        assert "● REC" not in screen_text(pilot)
