"""Arming, and the changes that the explorer proposes: asked from No on, done, told."""

from __future__ import annotations

import json
import signal
import threading
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from stops_tui.app import StopsApp
from stops_tui.kernels.kernel import RawSubsystems
from stops_tui.kernels.writes import Handle
from stops_tui.screens.ask import AskScreen
from stops_tui.screens.explorer import ExplorerScreen
from stops_tui.screens.proposals import unregistering
from stops_tui.screens.propose import Proposal
from stops_tui.widgets.top_line import TopLine
from tests.support.fake_kernel import FakeKernel
from tests.tui.asking import agree, app_on, ask, told
from tests.tui.pilot import press_at_once, screen_text, until, until_shown

SMALL = (80, 24)


def sent(kernel: FakeKernel) -> list[str]:
    return [call.command for call in kernel.writes.calls if call.command != "close"]


# Arming


async def test_read_only_at_the_start_refuses_and_says_how_to_arm() -> None:
    kernel = FakeKernel.busy()
    async with app_on(kernel, armed=False, map_id=58) as (app, pilot):
        assert "read-only" in app.screen.query_one(TopLine).render().plain
        await pilot.press("u", "w", "T")
        await pilot.pause(0.2)
        assert isinstance(app.screen, ExplorerScreen)
        assert told(app).count("Read-only: W arms writing.") == 3
        assert not kernel.writes.armed
        assert sent(kernel) == []


async def test_arming_asks_once_and_starts_on_no() -> None:
    kernel = FakeKernel.busy()
    async with app_on(kernel, armed=False) as (app, pilot):
        await pilot.press("W")
        assert isinstance(app.screen, AskScreen)
        assert "Arm writing?" in screen_text(pilot)
        await pilot.press("enter")
        await pilot.pause()
        assert not app.armed
        assert not kernel.writes.armed
        await pilot.press("W", "right", "enter")
        await until(pilot, lambda: app.armed)
        assert kernel.writes.armed
        line = app.screen.query_one(TopLine).render()
        assert " WRITE " in line.plain
        assert any("reverse" in str(span.style) for span in line.spans), "seen without colour"
        await pilot.press("W")
        assert not app.armed, "disarming does not ask"
        assert not kernel.writes.armed


async def test_started_armed() -> None:
    kernel = FakeKernel.busy()
    async with app_on(kernel) as (_, pilot):
        assert kernel.writes.armed
        assert " WRITE " in screen_text(pilot).split("\n")[0]


# Unregistering


async def test_unregistering_starts_on_no_and_names_what_it_is_about() -> None:
    kernel = FakeKernel.busy()
    async with app_on(kernel, map_id=58) as (app, pilot):
        text = await ask(pilot, "u")
        for words in (
            "Unregister map 58 dctcp?",
            "58 dctcp",
            "tcp_congestion_ops",
            "registered (INUSE)",
            "5 in the kernel (refcnt 6)",
            "BPF_MAP_DELETE_ELEM",
            "[ No ] [ Unregister ]",
        ):
            assert words in text
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.screen, ExplorerScreen)
        assert sent(kernel) == []


async def test_the_map_that_the_cursor_came_to_just_now_is_meant() -> None:
    kernel = FakeKernel.busy()
    async with app_on(kernel, map_id=58) as (_, pilot):
        press_at_once(pilot, "down", "u")
        await until_shown(pilot, "Unregister map", "[ ")
        assert "Unregister map 61 cubic_old?" in screen_text(pilot)


async def test_unregistering_tells_what_is_there_then() -> None:
    kernel = FakeKernel.busy()
    async with app_on(kernel, map_id=58) as (app, pilot):
        await ask(pilot, "u")
        text = await agree(pilot)
        assert "✓ Unregistered: map 58 dctcp stays until the 5 who use it end." in text
        assert "there now: map 58 dctcp (unregistered, held)" in text
        assert sent(kernel) == ["BPF_MAP_DELETE_ELEM"]
        await pilot.press("enter")
        await until(pilot, lambda: app.snapshot and app.snapshot.maps[58].state == "TOBEFREE")
        assert kernel.writes.open_handles == []


async def test_a_map_that_changed_meanwhile_is_left_alone() -> None:
    kernel = FakeKernel.busy()
    async with app_on(kernel, map_id=58) as (_, pilot):
        await ask(pilot, "u")
        kernel.set(58, state="TOBEFREE")
        text = await agree(pilot)
        assert "✗ map 58 dctcp was INUSE when you looked and is TOBEFREE now." in text
        assert "Nothing was done." in text
        assert sent(kernel) == []


async def test_a_key_pressed_twice_asks_once() -> None:
    kernel = FakeKernel.busy()
    async with app_on(kernel, map_id=58) as (app, pilot):
        await hold_a_link(app, kernel, pilot)
        for key in ("u", "q"):
            await pilot.press(key, key)
            await until_shown(pilot, "[ No ]" if key == "u" else "[ Stay ]")
            await pilot.pause(0.3)
            await pilot.press("escape")
            assert isinstance(app.screen, ExplorerScreen)


async def test_a_failure_is_told_with_its_errno() -> None:
    kernel = FakeKernel.busy()
    kernel.writes.refuse("BPF_MAP_DELETE_ELEM", 115, "it is unregistered already")
    async with app_on(kernel, map_id=58) as (_, pilot):
        await ask(pilot, "u")
        text = await agree(pilot)
        assert "✗ 2 BPF_MAP_DELETE_ELEM: EINPROGRESS. It is unregistered already." in text


async def test_what_is_not_registered_offers_nothing_to_do() -> None:
    kernel = FakeKernel.busy()
    async with app_on(kernel, map_id=61) as (_, pilot):
        text = await ask(pilot, "u")
        assert "✗ map 61 cubic_old is not registered: it is unregistered, held" in text
        assert "[ Close ]" in text
        assert "[ Unregister ]" not in text


async def test_a_link_map_is_detached_and_its_pins_are_removed() -> None:
    kernel = FakeKernel.busy()
    async with app_on(kernel, map_id=83) as (_, pilot):
        text = await ask(pilot, "u")
        assert "link 23" in text
        assert "/sys/fs/bpf/mouse" in text
        await agree(pilot)
        assert sent(kernel) == ["BPF_LINK_DETACH", "unlink"]
        assert not any(pin.path == "/sys/fs/bpf/mouse" for pin in kernel.holders().pins)


async def test_a_running_scheduler_gets_a_sharper_warning() -> None:
    kernel = FakeKernel.busy()
    kernel.subsystems = RawSubsystems("enabled", "simple", frozenset({0x2B}))
    async with app_on(kernel, map_id=72) as (_, pilot):
        text = await ask(pilot, "u")
        assert '! "simple" schedules tasks of this host now' in text


async def test_a_default_congestion_control_gets_a_sharper_warning() -> None:
    kernel = FakeKernel.busy()
    kernel.conditions_now = kernel.conditions_now._replace(congestion_default="bpf_dctcp")
    async with app_on(kernel, map_id=58) as (_, pilot):
        text = await ask(pilot, "u")
        assert '! "bpf_dctcp" is the default congestion control' in text


async def test_hostile_names_are_shown_as_they_are() -> None:
    kernel = FakeKernel.busy()
    async with app_on(kernel, map_id=90) as (_, pilot):
        text = await ask(pilot, "u")
        assert "Unregister map 90 [red]?" in text
        assert "map 90 [red]" in text
        text = await agree(pilot)
        assert "Unregistered: map 90 [red]" in text
        assert "\x1b" not in text


@pytest.mark.parametrize("action", ["quit", "demo", "arm"])
async def test_what_would_leave_a_change_half_done_waits_for_the_kernel(action: str) -> None:
    kernel = FakeKernel.busy()
    gate = threading.Event()
    delete = kernel.writes.delete_map

    def slowly(target: Handle) -> None:
        gate.wait()
        delete(target)

    kernel.writes.delete_map = slowly  # type: ignore[method-assign]
    async with app_on(kernel, map_id=58) as (app, pilot):
        await ask(pilot, "u")
        await pilot.press("right", "enter", "escape")
        await until(pilot, lambda: isinstance(app.screen, ExplorerScreen))
        await app.run_action(action)
        await until(pilot, lambda: "The kernel is at work" in told(app))
        assert app.is_running
        assert kernel.writes.armed
        gate.set()
        await until(pilot, lambda: "Unregistered: map 58 dctcp" in told(app))
        await app.run_action(action)
        await until(pilot, lambda: not (app.is_running and kernel.writes.armed))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_waits_for_the_kernel_and_leaves_a_clean_terminal(number: int) -> None:
    gate = threading.Event()
    async with app_on(FakeKernel.busy()) as (app, pilot):
        assert signal.getsignal(number) != signal.SIG_DFL
        app.change(gate.wait, lambda _: None)
        signal.raise_signal(number)
        await pilot.pause(0.3)
        assert app.is_running
        gate.set()
        await until(pilot, lambda: not app.is_running)
    assert app.return_code == 128 + number


# Links and pins


async def test_one_pin_is_removed_and_nothing_else() -> None:
    kernel = FakeKernel.busy()
    async with app_on(kernel, map_id=80) as (_, pilot):
        await pilot.press("5", "tab")
        await until_shown(pilot, "/sys/fs/bpf/[bold]lab")
        await pilot.press("down")
        text = await ask(pilot, "delete")
        assert "Remove the pin of map 80?" in text
        text = await agree(pilot)
        assert "✓ The pin /sys/fs/bpf/[bold]lab is removed." in text
        assert sent(kernel) == ["unlink"]


async def test_removing_the_last_pin_of_a_link_says_that_it_unregisters() -> None:
    kernel = FakeKernel.busy()
    async with app_on(kernel, map_id=83) as (_, pilot):
        await pilot.press("5", "tab")
        await until_shown(pilot, "/sys/fs/bpf/mouse")
        text = await ask(pilot, "delete")
        assert "! nothing else that can be seen keeps link 23" in text
        await agree(pilot)
        assert sent(kernel)[0] == "unlink"


async def test_the_link_at_the_cursor_is_detached() -> None:
    kernel = FakeKernel.busy()
    async with app_on(kernel, map_id=72) as (_, pilot):
        await pilot.press("5", "tab")
        await until_shown(pilot, "link 22")
        text = await ask(pilot, "u")
        assert "Detach link 22?" in text
        assert "scx_simple 812" in text
        await agree(pilot)
        assert sent(kernel) == ["BPF_LINK_DETACH"]


async def test_without_a_pin_at_the_cursor_nothing_is_removed() -> None:
    async with app_on(FakeKernel.busy(), map_id=58) as (app, pilot):
        await pilot.press("delete")
        await pilot.pause()
        assert "Choose a pin" in told(app)


# Swapping


def linked() -> FakeKernel:
    """Link 25 holds map 85; map 80 has the same name in the subsystem."""
    kernel = FakeKernel.busy()
    least: dict[str, int | bytes] = {
        "ssthresh": 25,
        "cong_avoid": 26,
        "undo_cwnd": 29,
        "name": b"lab",
    }
    kernel.add_map(85, "old_lab", state="READY", refcnt=3, members=least)
    kernel.add_link(25, 85)
    return kernel


async def test_a_map_is_put_into_the_place_of_another() -> None:
    kernel = linked()
    async with app_on(kernel, map_id=80) as (_, pilot):
        text = await ask(pilot, "w")
        assert "Put map 80 lab into link 25?" in text
        assert "in place of map 85 old_lab" in text
        assert "2 in the kernel (refcnt 3)" in text
        assert "[ No ] [ Swap ]" in text
        text = await agree(pilot)
        assert "Swapped: link 25 holds map 80" in text
        assert sent(kernel) == ["BPF_LINK_UPDATE"]


async def test_which_link_is_asked_where_there_are_several() -> None:
    kernel = linked()
    kernel.add_map(86, "other", state="READY", refcnt=1, members={"name": b"else"})
    kernel.add_link(26, 86)
    async with app_on(kernel, map_id=80) as (_, pilot):
        await pilot.press("w")
        await until_shown(pilot, "Put map 80 into", "link 25", "link 26")
        await pilot.press("down", "enter")
        await until_shown(pilot, "Put map 80 lab into link 26?")
        assert '✗ link 26 holds "else"' in screen_text(pilot)
        assert "[ Swap ]" not in screen_text(pilot)


async def test_what_cannot_be_swapped_says_so() -> None:
    kernel = FakeKernel.busy()
    async with app_on(kernel, map_id=83) as (app, pilot):
        await pilot.press("w")
        await until(pilot, lambda: "cannot replace a map in a link" in told(app))


# The command log


async def test_every_command_is_logged_and_copied(tmp_path: Path) -> None:
    kernel = FakeKernel.busy()
    kernel.writes.refuse("BPF_MAP_DELETE_ELEM", 16, "[red]\x1b[31m busy")
    async with app_on(kernel, map_id=58) as (app, pilot):
        await ask(pilot, "u")
        await agree(pilot)
        await pilot.press("enter", "e", "2")
        await until_shown(pilot, "BPF_MAP_DELETE_ELEM", "[red]\\x1b[31m busy")
        await pilot.press("y")
        assert app.clipboard.endswith("BPF_MAP_DELETE_ELEM map 58 → EBUSY: [red]\\x1b[31m busy")
        await pilot.press("1")
        await until_shown(pilot, "Events since the start")
    (line,) = (tmp_path / "state" / "stops-tui" / "audit.jsonl").read_text().splitlines()
    assert json.loads(line)["call"] == "BPF_MAP_DELETE_ELEM"
    assert json.loads(line)["arguments"] == {"map": 58}


async def test_an_audit_file_that_cannot_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    async with app_on(FakeKernel.busy(), map_id=58) as (app, pilot):
        await ask(pilot, "u")
        await pilot.press("right", "enter")
        await until(pilot, lambda: "was not written" in told(app))  # before what it covers is seen


# Links that only this program holds


async def hold_a_link(
    app: StopsApp, kernel: FakeKernel, pilot: Pilot[Any], map_id: int = 80
) -> int:
    """As the wizard does: make a link on a map, and let the app hold it."""
    map_ = kernel.writes.open_map(map_id)
    link = kernel.writes.create_link(map_)
    map_.close()
    app.hold(link)
    app.look()
    await until(pilot, lambda: app.snapshot and app.snapshot.maps[map_id].links)
    return link.id


async def test_held_links_are_counted_and_quitting_asks() -> None:
    kernel = FakeKernel.busy()
    async with app_on(kernel) as (app, pilot):
        link_id = await hold_a_link(app, kernel, pilot)
        assert "holds 1 link" in screen_text(pilot).split("\n")[0]
        await pilot.press("q")
        await until_shown(pilot, "Quitting lets go of 1 link", f"link {link_id}: map 80 lab")
        assert "[ Stay ]" in screen_text(pilot)
        await pilot.press("q", "enter")
        await pilot.pause()
        assert isinstance(app.screen, ExplorerScreen), "staying comes first"
        assert f"link {link_id}" in kernel.writes.open_handles
        await pilot.press("q")
        await until_shown(pilot, "Unregister and quit")
        await pilot.press("left", "enter")  # round to the last answer
        await until(pilot, lambda: not app.is_running)
    assert kernel.writes.open_handles == []
    assert link_id not in kernel.sweep().links


async def test_quitting_pins_and_leaves() -> None:
    kernel = FakeKernel.busy()
    async with app_on(kernel) as (app, pilot):
        link_id = await hold_a_link(app, kernel, pilot)
        await pilot.press("q")
        await until_shown(pilot, "Pin and quit")
        await pilot.press("right", "enter")
        await until_shown(pilot, "Pin 1 link and quit?", "/sys/fs/bpf/lab", "[ No ]")
        await pilot.press("right", "enter")
        await until_shown(pilot, "✓ Pinned", "[ Quit ]")
        await pilot.press("enter")
        await until(pilot, lambda: not app.is_running)
    assert kernel.sweep().links[link_id].map_id == 80
    assert any(pin.path == "/sys/fs/bpf/lab" and pin.id == link_id for pin in kernel.holders().pins)


async def test_a_pin_that_fails_keeps_the_app_and_the_link() -> None:
    kernel = FakeKernel.busy()
    async with app_on(kernel) as (app, pilot):
        link_id = await hold_a_link(app, kernel, pilot)
        kernel.writes.refuse("BPF_OBJ_PIN", 28, "no room")
        await pilot.press("q")
        await until_shown(pilot, "Pin and quit")
        await pilot.press("right", "enter")
        await until_shown(pilot, "Pin 1 link and quit?", "[ No ]")
        text = await agree(pilot)
        assert "ENOSPC" in text
        await pilot.press("enter")
        await pilot.pause()
        assert app.is_running
        assert [handle.id for handle in app.held] == [link_id]


async def test_a_link_detached_while_quitting_asks_pins_none_and_keeps_the_others() -> None:
    kernel = FakeKernel.busy()
    kernel.add_map(85, "other", state="READY", refcnt=0, members={"name": b"other"})
    async with app_on(kernel) as (app, pilot):
        link_id = await hold_a_link(app, kernel, pilot)
        other_id = await hold_a_link(app, kernel, pilot, 85)
        await pilot.press("q")
        await until_shown(pilot, "Quitting lets go of 2 links")
        await pilot.press("right", "enter")
        await until_shown(pilot, "Pin 2 links and quit?", "[ No ]")
        kernel.detach(other_id)
        await until(pilot, lambda: [handle.id for handle in app.held] == [link_id])
        text = await agree(pilot)
        assert f"link {other_id} is gone since you looked. Nothing was done." in text
        assert "BPF_OBJ_PIN" not in sent(kernel)
        await pilot.press("enter")
        assert [handle.id for handle in app.held] == [link_id]


async def test_where_all_links_were_detached_by_others_quitting_does_not_ask() -> None:
    kernel = FakeKernel.busy()
    async with app_on(kernel) as (app, pilot):
        link_id = await hold_a_link(app, kernel, pilot)
        await pilot.press("p")
        kernel.detach(link_id)
        await pilot.press("q")
        await until(pilot, lambda: not app.is_running)


async def test_what_is_at_work_finds_its_links_open() -> None:
    kernel, gate = FakeKernel.busy(), threading.Event()
    async with app_on(kernel) as (app, pilot):
        link_id = await hold_a_link(app, kernel, pilot)
        app.change(gate.wait, lambda _: None)
        kernel.detach(link_id)
        await until(pilot, lambda: app.snapshot and not app.snapshot.links[link_id].map_id)
        assert [handle.id for handle in app.held] == [link_id]
        gate.set()
        await until(pilot, lambda: not app.held)


async def test_a_link_that_is_unregistered_here_is_let_go() -> None:
    kernel = FakeKernel.busy()
    async with app_on(kernel, map_id=80) as (app, pilot):
        await hold_a_link(app, kernel, pilot)
        await pilot.press("5")
        await until_shown(pilot, "this program, with which it ends")
        await pilot.press("3")
        await until_shown(pilot, "this program, with which it ends")
        asked = await ask(pilot, "u")
        assert "held by this program, " in asked
        assert ", nobody in the kernel (refcnt 1)" in asked
        await agree(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: not app.held)
        assert kernel.writes.open_handles == []
        await pilot.press("q")
        await until(pilot, lambda: not app.is_running)


async def test_read_only_offers_no_pinning() -> None:
    kernel = FakeKernel.busy()
    async with app_on(kernel) as (app, pilot):
        await hold_a_link(app, kernel, pilot)
        await pilot.press("W", "q")
        await until_shown(pilot, "Quitting lets go of 1 link", "stay first: W arms writing.")
        assert "Pin and quit" not in screen_text(pilot)


async def test_a_change_that_began_while_it_was_asked_is_not_left_half_done() -> None:
    kernel = FakeKernel.busy()
    gate = threading.Event()
    async with app_on(kernel) as (app, pilot):
        await hold_a_link(app, kernel, pilot)
        await pilot.press("q")
        await until_shown(pilot, "Unregister and quit")
        app.change(gate.wait, lambda _: None)
        await pilot.press("left", "enter")  # round to the last answer
        await until(pilot, lambda: "The kernel is at work" in told(app))
        assert app.is_running
        gate.set()
        await until(pilot, lambda: not app.at_work)
        await pilot.press("q")
        await until_shown(pilot, "Unregister and quit")
        await pilot.press("left", "enter")
        await until(pilot, lambda: not app.is_running)


async def test_no_change_is_proposed_over_the_question_whether_to_leave() -> None:
    kernel = FakeKernel.busy()
    gate = threading.Event()
    async with app_on(kernel, map_id=58) as (app, pilot):
        await hold_a_link(app, kernel, pilot)

        def make() -> Proposal:
            gate.wait()
            return unregistering(kernel, (), map_id=58)

        app.propose(make)
        await pilot.press("q")
        await until_shown(pilot, "[ Stay ]")
        gate.set()
        await pilot.pause(0.3)
        assert isinstance(app.screen, AskScreen)
