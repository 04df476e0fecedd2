from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from errno import EEXIST
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Checkbox, Input

from stops_tui.app import StopsApp
from stops_tui.config import Config
from stops_tui.kernels.kernel import RawConditions
from stops_tui.kernels.writes import Handle
from stops_tui.screens.explorer import ExplorerScreen
from stops_tui.screens.register import RegisterScreen
from stops_tui.screens.register.data_step import DataStep
from stops_tui.screens.register.draft import Draft
from stops_tui.screens.register.picker import ProgramPicker
from stops_tui.screens.register.run_step import RunStep
from stops_tui.screens.register.step import Step
from stops_tui.struct_ops.registration.plan import Example, Loaded, Plan
from stops_tui.widgets.field_row import FieldRow, TextRow
from stops_tui.widgets.line_table import LineTable
from tests.support.fake_kernel import FakeKernel
from tests.tui.pilot import press_at_once, screen_text, until, until_shown
from tests.tui.wizard import go, open_wizard, register, to_review

SMALL, LARGE = (80, 24), (200, 50)


def app_of(kernel: FakeKernel, *, armed: bool = True) -> StopsApp:
    app = StopsApp(kernel, Config(interval=3600, sources={"theme": "tests"}), armed=armed)
    app.animation_level = "none"
    return app


@pytest.fixture
def empty() -> FakeKernel:
    """A kernel without struct_ops maps or programs."""
    return FakeKernel()


def draft_of(wizard: RegisterScreen) -> Draft:
    step = wizard.query_one(Step)
    return step.draft


# From an empty host to a registered map


async def test_registers_an_example(empty: FakeKernel) -> None:
    app = app_of(empty)
    async with app.run_test(size=SMALL) as pilot:
        await to_review(pilot)
        await until_shown(pilot, "[ Register ]")
        await register(pilot, "RUN", "Registered: map", "undo by")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ExplorerScreen))
        await until_shown(pilot, "stops_reno", "registered")
        (map_,) = empty.sweep().maps.values()
        assert map_.name == "stops_reno"
        assert app.screen.query_one("#maps", LineTable).cursor_key == map_.id


async def test_the_new_map_is_selected_among_others(kernel: FakeKernel) -> None:
    app = app_of(kernel)
    async with app.run_test(size=SMALL) as pilot:
        await to_review(pilot)
        await until_shown(pilot, "[ Register ]")
        await register(pilot, "Registered: map")
        await pilot.press("enter")
        new = max(kernel.sweep().maps)
        await until(pilot, lambda: isinstance(app.screen, ExplorerScreen))
        maps = app.screen.query_one("#maps", LineTable)
        await until(pilot, lambda: maps.cursor_key == new)


@pytest.mark.parametrize("size", [SMALL, (100, 30), LARGE])
def test_review_screen(
    empty: FakeKernel, size: tuple[int, int], snap_compare: Callable[..., bool]
) -> None:
    async def run(pilot: Pilot[Any]) -> None:
        await to_review(pilot)
        await until_shown(pilot, "[ Register ]")

    assert snap_compare(app_of(empty, armed=False), terminal_size=size, run_before=run)


def test_run_screen(empty: FakeKernel, snap_compare: Callable[..., bool]) -> None:
    async def run(pilot: Pilot[Any]) -> None:
        await to_review(pilot)
        await until_shown(pilot, "[ Register ]")
        await register(pilot, "Registered: map", "[ Show map")

    assert snap_compare(app_of(empty), terminal_size=SMALL, run_before=run)


# Read-only


async def test_read_only_leads_to_the_finished_plan(empty: FakeKernel) -> None:
    app = app_of(empty, armed=False)
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        await to_review(pilot)
        await until_shown(pilot, "read-only: W arms", "[ Register ]")
        await register(pilot, "Read-only. Nothing was changed: W", "[ Register ]")
        await pilot.press("d")
        await pilot.pause()
        assert "REVIEW" in screen_text(pilot)
        assert empty.writes.calls == []
        app.armed = True
        await until(pilot, lambda: "read-only: W" not in screen_text(pilot))
        await go(pilot, "enter", "Registered: map")


async def test_the_review_starts_on_back_and_stays_there(empty: FakeKernel) -> None:
    app = app_of(empty)
    async with app.run_test(size=SMALL) as pilot:
        await to_review(pilot)
        await until_shown(pilot, "[ Register ]")
        await go(pilot, "ctrl+n", "REVIEW")
        await go(pilot, "enter", "LIFETIME")
        assert empty.writes.calls == []


# Refusals: back with nothing lost


async def test_a_refusal_says_why_and_leads_back(empty: FakeKernel) -> None:
    app = app_of(empty)
    async with app.run_test(size=SMALL) as pilot:
        wizard = await to_review(pilot)
        await until_shown(pilot, "[ Register ]")
        empty.writes.refuse("BPF_MAP_UPDATE_ELEM", EEXIST)
        await register(pilot, "EEXIST", "Nothing was left behind", "[ Change name ]")
        assert not empty.sweep().maps
        await go(pilot, "enter", "DATA", "10/15 bytes")
        assert isinstance(wizard.focused, Input)
        assert wizard.focused.value == "stops_reno"
        await pilot.press("2")
        await until_shown(pilot, "bytes")
        plan = draft_of(wizard).complete
        assert set(plan.programs) == {"ssthresh", "cong_avoid", "undo_cwnd"}


async def test_a_refusal_leads_to_the_value_it_is_about(empty: FakeKernel) -> None:
    app = app_of(empty)
    async with app.run_test(size=SMALL) as pilot:
        wizard = await open_wizard(pilot)
        await go(pilot, "enter", "MEMBERS")
        await go(pilot, "enter", "DATA")
        wizard.query(Input).last().value = "999"
        await go(pilot, "ctrl+n", "LIFETIME")
        await go(pilot, "ctrl+n", "REVIEW", "[ Register ]")
        await register(pilot, "kernel does not take 999 for flags", "[ Change flags ]")
        await go(pilot, "enter", "DATA")
        assert isinstance(wizard.focused, Input)
        assert wizard.focused.value == "999"


async def test_a_refusal_that_nobody_can_explain_leads_to_no_member(empty: FakeKernel) -> None:
    app = app_of(empty)
    async with app.run_test(size=SMALL) as pilot:
        await to_review(pilot)
        await until_shown(pilot, "[ Register ]")
        empty.writes.refuse("BPF_MAP_UPDATE_ELEM", 12)
        await register(pilot, "ENOMEM", "[ Back to the review ]")
        assert "[ Choose" not in screen_text(pilot)


def test_refusal_screen(empty: FakeKernel, snap_compare: Callable[..., bool]) -> None:
    async def run(pilot: Pilot[Any]) -> None:
        await to_review(pilot)
        await until_shown(pilot, "[ Register ]")
        empty.writes.refuse("BPF_MAP_UPDATE_ELEM", EEXIST)
        await register(pilot, "EEXIST", "[ Change name ]")

    assert snap_compare(app_of(empty), terminal_size=SMALL, run_before=run)


async def test_shows_what_the_verifier_says(empty: FakeKernel) -> None:
    app = app_of(empty)
    async with app.run_test(size=SMALL) as pilot:
        await to_review(pilot)
        await until_shown(pilot, "[ Register ]")
        log = "0: (79) r1 = *(u64 *)(r1 +0)\n[red]\x1b[31m R0 !read_ok\nprocessed 2 insns"
        empty.writes.refuse("BPF_PROG_LOAD", 13, log=log)
        await register(pilot, "EACCES", "What the verifier says", "[red]\\x1b[31m R0 !read_ok")
        await go(pilot, "enter", "MEMBERS")
        table = app.screen.query_one("#slots", LineTable)
        assert table.cursor_key == "ssthresh"


async def test_the_form_begins_with_what_is_mandatory(kernel: FakeKernel) -> None:
    app = app_of(kernel)
    async with app.run_test(size=SMALL) as pilot:
        wizard = await open_wizard(pilot)
        await pilot.press("down", "down")
        await go(pilot, "enter", "MEMBERS", "sched_ext_ops")
        await go(pilot, "ctrl+n", "DATA")
        rows = [row.field for row in wizard.query(FieldRow)]
        assert rows[0].member.name == "name"
        assert sorted(rows, key=lambda row: not row.required) == rows
        batch = next(row for row in rows if row.member.name == "dispatch_max_batch")
    assert TextRow(batch, "").note() == "0 … 4294967295"
    assert TextRow(replace(batch, maximum=(1 << 64) - 1), "").note() == "0 … 2^64-1"
    signed = replace(batch, minimum=-(1 << 63), maximum=(1 << 63) - 1)
    assert TextRow(signed, "").note() == "-2^63 … 2^63-1"


async def test_a_failed_check_bars_the_way_and_leads_to_its_member(empty: FakeKernel) -> None:
    app = app_of(empty)
    async with app.run_test(size=SMALL) as pilot:
        wizard = await open_wizard(pilot)
        await go(pilot, "enter", "MEMBERS")
        await go(pilot, "enter", "DATA")
        name = wizard.query(Input).first()
        name.focus()
        name.value = "reno"
        await go(pilot, "ctrl+n", "LIFETIME")
        await go(pilot, "enter", "REVIEW", "is already registered", "1 check failed")
        assert "[ Register ]" not in screen_text(pilot)
        await go(pilot, "enter", "DATA")
        assert isinstance(wizard.focused, Input)
        assert wizard.focused.value == "reno"


# Dry run


async def test_dry_run_registers_nothing(empty: FakeKernel) -> None:
    app = app_of(empty)
    async with app.run_test(size=SMALL) as pilot:
        await to_review(pilot)
        await until_shown(pilot, "[ Dry run ]")
        await go(pilot, "d", "RUN", "The kernel accepts it; nothing was registered")
        assert not empty.sweep().maps
        await go(pilot, "enter", "REVIEW", "[ Register ]")
        await register(pilot, "Registered: map")


# Lifetimes


async def test_a_pinned_link(empty: FakeKernel) -> None:
    app = app_of(empty)
    async with app.run_test(size=SMALL) as pilot:
        wizard = await open_wizard(pilot)
        for step in ("MEMBERS", "DATA", "LIFETIME"):
            await go(pilot, "enter", step)
        await go(pilot, "down", "/sys/fs/bpf/stops_reno keeps the link")
        await pilot.press("enter", "enter")
        await pilot.pause()
        await go(pilot, "enter", "REVIEW", "pinned link", "[ Register ]")
        await register(pilot, "Registered: map")
        assert draft_of(wizard).plan.pin == "/sys/fs/bpf/stops_reno"
        (pin,) = empty.holders().pins
        assert (pin.path, pin.kind) == ("/sys/fs/bpf/stops_reno", "link")
        assert app.held == ()


async def test_an_unpinned_link_is_held_by_the_app(empty: FakeKernel) -> None:
    app = app_of(empty)
    async with app.run_test(size=SMALL) as pilot:
        await open_wizard(pilot)
        for step in ("MEMBERS", "DATA", "LIFETIME"):
            await go(pilot, "enter", step)
        await pilot.press("down")
        await go(pilot, "down", "Nothing but this program holds")
        await go(pilot, "enter", "REVIEW", "[ Register ]")
        await register(pilot, "Registered: map", "[ Show map")
        (held,) = app.held
        assert held.id in empty.sweep().links


async def test_offers_to_mount_a_bpffs(empty: FakeKernel) -> None:
    empty.conditions_now = empty.conditions_now._replace(bpffs=())
    app = app_of(empty)
    async with app.run_test(size=SMALL) as pilot:
        wizard = await open_wizard(pilot)
        for step in ("MEMBERS", "DATA", "LIFETIME"):
            await go(pilot, "enter", step)
        assert not wizard.query_one("#mount", Checkbox).display
        await go(pilot, "down", "mount a bpffs on /sys/fs/bpf", "no bpffs is there yet")
        await pilot.press("enter", "enter")
        assert wizard.focused is wizard.query_one("#mount")
        await pilot.press("space")
        await until(pilot, lambda: "no bpffs is" not in screen_text(pilot))
        await go(pilot, "ctrl+n", "REVIEW", "[ Register ]", "mount")
        await register(pilot, "Registered: map")
        assert [b.path for b in empty.conditions().bpffs] == ["/sys/fs/bpf"]


async def test_replaces_what_a_link_runs(empty: FakeKernel) -> None:
    empty.add_program(25, "a_ssthresh")
    empty.add_program(26, "a_cong_avoid")
    empty.add_program(29, "a_undo_cwnd")
    members: dict[str, int | bytes] = {"ssthresh": 25, "cong_avoid": 26, "undo_cwnd": 29}
    empty.add_map(60, "linked", state="READY", members={**members, "name": b"stops_reno"})
    empty.add_link(22, 60)
    app = app_of(empty)
    async with app.run_test(size=SMALL) as pilot:
        await open_wizard(pilot)
        for step in ("MEMBERS", "DATA", "LIFETIME"):
            await go(pilot, "enter", step)
        await go(pilot, "end", 'replaces map 60 linked, "stops_reno"')
        await go(pilot, "enter", "REVIEW", "[ Replace ]")
        await pilot.press("pagedown", "pagedown")
        await until_shown(pilot, "swap link 22 map 60, if anything else keeps that map")
        await register(pilot, "Swapped: map")
        assert empty.sweep().links[22].map_id != 60


# Composing from programs that are loaded


async def test_composes_from_loaded_programs(kernel: FakeKernel) -> None:
    app = app_of(kernel)
    async with app.run_test(size=SMALL) as pilot:
        await until_shown(pilot, "dctcp")
        await pilot.press("t")
        await until_shown(pilot, "5 types")
        await go(pilot, "r", "MEMBERS", "still mandatory: ssthresh, cong_avoid")
        wizard = app.screen
        assert isinstance(wizard, RegisterScreen)
        for _ in range(3):
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, ProgramPicker))
            await until_shown(pilot, "serves")
            await pilot.press("enter")
            await until(pilot, lambda: app.screen is wizard)
        await until(pilot, lambda: "still mandatory" not in screen_text(pilot))
        plan = draft_of(wizard).plan
        assert plan.programs == {
            "ssthresh": Loaded(25),
            "cong_avoid": Loaded(26),
            "undo_cwnd": Loaded(29),
        }
        await go(pilot, "enter", "DATA", "still mandatory: name")
        await pilot.press("m", "i", "n", "e")
        await until(pilot, lambda: draft_of(wizard).plan.data == {"name": "mine"})
        await go(pilot, "ctrl+n", "LIFETIME")
        await go(pilot, "ctrl+n", "REVIEW", "[ Register ]")
        await register(pilot, "Registered: map")


async def test_an_empty_slot_of_a_map_begins_another_like_it(kernel: FakeKernel) -> None:
    app = app_of(kernel)
    async with app.run_test(size=LARGE) as pilot:
        await until_shown(pilot, "dctcp")
        await pilot.press("enter", "full_stop")
        await until_shown(pilot, "pkts_acked")
        table = app.screen.query_one("#members", LineTable)
        table.move_cursor(4)
        await pilot.press("enter")
        await until_shown(pilot, "MEMBERS")
        wizard = app.screen
        assert isinstance(wizard, RegisterScreen)
        plan = draft_of(wizard).complete
        assert plan.data == {"name": "bpf_dctcp", "flags": 2}
        assert plan.programs["ssthresh"] == Loaded(25)
        assert wizard.query_one("#slots", LineTable).cursor_key == "pkts_acked"


# The picker


async def open_picker(pilot: Pilot[Any], member: str) -> RegisterScreen:
    await until_shown(pilot, "dctcp")
    app = pilot.app
    assert isinstance(app, StopsApp)
    app.register("tcp_congestion_ops")
    await until_shown(pilot, "MEMBERS")
    wizard = app.screen
    assert isinstance(wizard, RegisterScreen)
    wizard.query_one("#slots", LineTable).move_cursor(member)
    await pilot.press("enter")
    await until(pilot, lambda: isinstance(app.screen, ProgramPicker))
    await until_shown(pilot, "(none)", "fit")
    return wizard


@pytest.mark.parametrize("size", [SMALL, (120, 40)])
def test_picker_screen(
    kernel: FakeKernel, size: tuple[int, int], snap_compare: Callable[..., bool]
) -> None:
    async def run(pilot: Pilot[Any]) -> None:
        await open_picker(pilot, "ssthresh")
        await pilot.press("ctrl+t")

    assert snap_compare(app_of(kernel), terminal_size=size, run_before=run)


async def test_picker_filters_as_one_types(kernel: FakeKernel) -> None:
    app = app_of(kernel)
    async with app.run_test(size=(120, 40)) as pilot:
        wizard = await open_picker(pilot, "ssthresh")
        table = app.screen.query_one(LineTable)
        await pilot.press(*"reno")
        await until(pilot, lambda: [row.key for row in table.rows] == ["example:reno/ssthresh"])
        await until_shown(pilot, "call tcp_reno_ssthresh")
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is wizard)
        assert draft_of(wizard).plan.programs == {"ssthresh": Example("reno", "ssthresh")}


async def test_picker_tells_why_another_does_not_fit(kernel: FakeKernel) -> None:
    app = app_of(kernel)
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        wizard = await open_picker(pilot, "ssthresh")
        table = app.screen.query_one(LineTable)
        assert "24" not in {row.key for row in table.rows}
        await pilot.press("ctrl+t", *"dctcp_init")
        await until(pilot, lambda: [row.key for row in table.rows] == ["24"])
        await pilot.press("enter")
        await until_shown(pilot, "It does not fit: serves init in map 58")
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is wizard)
        assert draft_of(wizard).plan.programs == {}


async def test_a_member_is_left_empty_again(kernel: FakeKernel) -> None:
    app = app_of(kernel)
    async with app.run_test(size=SMALL) as pilot:
        wizard = await open_wizard(pilot)
        await go(pilot, "enter", "MEMBERS")
        table = wizard.query_one("#slots", LineTable)
        table.focus()
        table.move_cursor("cong_avoid")
        await go(pilot, "delete", "still mandatory: cong_avoid or")
        assert set(draft_of(wizard).plan.programs) == {"ssthresh", "undo_cwnd"}


# The form


async def test_form_counts_ranges_and_names_flags(kernel: FakeKernel) -> None:
    app = app_of(kernel)
    async with app.run_test(size=SMALL) as pilot:
        await until_shown(pilot, "dctcp")
        app.register("sched_ext_ops")
        await until_shown(pilot, "MEMBERS")
        wizard = app.screen
        assert isinstance(wizard, RegisterScreen)
        await go(pilot, "ctrl+n", "DATA", "still mandatory: name")
        assert isinstance(wizard.focused, Input)
        number = wizard.query(TextRow).last()
        number.query_one(Input).value = "9" * 5000
        await until(pilot, lambda: number.has_class("-wrong"))
        number.query_one(Input).value = ""
        await go(pilot, "a", "1/127 bytes")
        await go(pilot, "space", "letters, digits, _")
        box = next(box for box in wizard.query(Checkbox) if str(box.label) == "SWITCH_PARTIAL")
        box.focus()
        await pilot.press("space")
        await until(pilot, lambda: "flags" in draft_of(wizard).plan.data)
        assert isinstance(wizard.query_one(Step), DataStep)
        bit = draft_of(wizard).plan.data["flags"]
        box.value = False
        await until(pilot, lambda: "flags" not in draft_of(wizard).plan.data)
        assert bit == 8


# Back, save, load


async def test_back_and_forth_loses_nothing(empty: FakeKernel) -> None:
    app = app_of(empty)
    async with app.run_test(size=SMALL) as pilot:
        wizard = await to_review(pilot)
        before = draft_of(wizard).complete
        for step in ("LIFETIME", "DATA", "MEMBERS", "TYPE"):
            await go(pilot, "escape", step)
        table = wizard.query_one("#starts", LineTable)
        table.move_cursor(("type", "sched_ext_ops"))
        await go(pilot, "enter", "MEMBERS", "sched_ext_ops")
        await go(pilot, "escape", "TYPE")
        wizard.query_one("#starts", LineTable).move_cursor(("type", "tcp_congestion_ops"))
        await go(pilot, "enter", "MEMBERS", "example:reno/ssthresh")
        assert draft_of(wizard).complete == before
        await go(pilot, "escape", "TYPE")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, ExplorerScreen))


async def test_the_breadcrumb_is_clicked(empty: FakeKernel) -> None:
    app = app_of(empty)
    async with app.run_test(size=SMALL) as pilot:
        await to_review(pilot)
        await pilot.click("Breadcrumb", offset=(36, 0))
        await until_shown(pilot, "MEMBERS")


async def test_saves_and_loads_a_plan(
    empty: FakeKernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    app = app_of(empty)
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        wizard = await to_review(pilot)
        plan = draft_of(wizard).complete
        await go(pilot, "ctrl+s", "Save the plan as")
        await go(pilot, "enter", "Saved as")
        saved = tmp_path / "stops_reno.toml"
        assert "example:reno/ssthresh" in saved.read_text()
        await go(pilot, "ctrl+s", "Save the plan as")
        press_at_once(pilot, "enter", "enter")
        await until_shown(pilot, "Replace the file?", "would be lost")
        saved.write_text("")
        await go(pilot, "enter", "Save the plan as")
        assert saved.read_text() == ""
        await go(pilot, "enter", "Replace the file?")
        await pilot.press("right", "enter")
        await until(pilot, lambda: app.screen is wizard)
        assert "example:reno/ssthresh" in saved.read_text()
        await pilot.press(*["escape"] * 5)
        await until(pilot, lambda: isinstance(app.screen, ExplorerScreen))
        wizard = await open_wizard(pilot)
        await go(pilot, "ctrl+o", "Load a plan", "stops_reno.toml")
        await go(pilot, "enter", "REVIEW", "example:reno/ssthresh", "[ Register ]")
        assert draft_of(wizard).complete == plan
        draft_of(wizard).change(pin="/sys/fs/bpf/\udce9")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: any("no Unicode" in n.message for n in app._notifications))


@pytest.mark.parametrize("key", ["ctrl+o", "ctrl+s"])
async def test_plans_wait_until_the_kernel_has_been_looked_at(empty: FakeKernel, key: str) -> None:
    app = app_of(empty)
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        await until(pilot, lambda: app.snapshot)
        gate, conditions = threading.Event(), empty.conditions

        def slowly() -> RawConditions:
            gate.wait()
            return conditions()

        empty.conditions = slowly  # type: ignore[method-assign]
        await pilot.press("r")
        wizard = app.screen
        await go(pilot, key, "Wait until the kernel")
        assert app.screen is wizard
        gate.set()
        await until_shown(pilot, "What to register", "example")


async def test_a_file_that_is_no_plan_is_refused(
    empty: FakeKernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "wrong.toml").write_text("type = 3")
    app = app_of(empty)
    async with app.run_test(size=SMALL) as pilot:
        await open_wizard(pilot)
        await go(pilot, "ctrl+o", "Load a plan", "wrong.toml")
        await go(pilot, "enter", "type")
        assert "REVIEW" not in screen_text(pilot)
        await go(pilot, "escape", "What to register")


@pytest.mark.parametrize("size", [SMALL, LARGE])
@pytest.mark.parametrize("steps", [0, 1, 2, 3])
def test_step_screens(
    kernel: FakeKernel, size: tuple[int, int], steps: int, snap_compare: Callable[..., bool]
) -> None:
    async def run(pilot: Pilot[Any]) -> None:
        await open_wizard(pilot)
        for step in ("MEMBERS", "DATA", "LIFETIME")[:steps]:
            await go(pilot, "enter", step)

    assert snap_compare(app_of(kernel), terminal_size=size, run_before=run)


def test_draft_keeps_a_name_that_was_given() -> None:
    plan = Plan("tcp_congestion_ops", "given", data={"name": "x"})
    from stops_tui.struct_ops.registration.facts import RegistrationFacts

    draft = Draft(RegistrationFacts.gather(FakeKernel()), plan)
    assert draft.complete.map_name == "given"
    draft.change(map_name="")
    assert draft.complete.map_name == "x"


async def test_the_one_who_has_the_name_is_shown_and_the_plan_kept(empty: FakeKernel) -> None:
    members: dict[str, int | bytes] = {"name": b"stops_reno"}
    empty.add_map(60, "theirs", members=members)
    app = app_of(empty)
    async with app.run_test(size=SMALL) as pilot:
        await open_wizard(pilot)
        for step in ("MEMBERS", "DATA", "LIFETIME"):
            await go(pilot, "enter", step)
        await go(pilot, "enter", "REVIEW", "[ Look at map 60 ]", "[ Change name ]")
        await pilot.press("left")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ExplorerScreen))
        assert app.screen.query_one("#maps", LineTable).cursor_key == 60
        wizard = await open_wizard(pilot)
        await until_shown(pilot, "yours, as you left it")
        await go(pilot, "enter", "MEMBERS", "example:reno/ssthresh")
        assert draft_of(wizard).plan.data == {"name": "stops_reno"}


async def test_what_was_registered_is_not_offered_again(empty: FakeKernel) -> None:
    app = app_of(empty)
    async with app.run_test(size=SMALL) as pilot:
        await to_review(pilot)
        await until_shown(pilot, "[ Register ]")
        await register(pilot, "Registered: map", "[ Show map")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ExplorerScreen))
        await open_wizard(pilot)
        assert "as you left it" not in screen_text(pilot)


async def test_a_call_that_is_told_late_is_shown_once(empty: FakeKernel) -> None:
    app = app_of(empty)
    async with app.run_test(size=SMALL) as pilot:
        wizard = await to_review(pilot)
        await until_shown(pilot, "[ Register ]")
        await register(pilot, "Registered: map", "[ Show map")
        run = wizard.query_one(RunStep)
        (ended,) = run.outcomes
        run.post_message(RunStep.Told(ended.steps[-1]))
        await pilot.pause()
        assert screen_text(pilot).count("read back") == 1


async def test_a_wizard_that_was_left_at_work_tells_what_came_of_it(empty: FakeKernel) -> None:
    gate, update = threading.Event(), empty.writes.update_map

    def slowly(target: Handle, value: bytes, programs: Mapping[int, Handle]) -> None:
        gate.wait()
        update(target, value, programs)

    empty.writes.update_map = slowly  # type: ignore[method-assign]
    app = app_of(empty)
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        await to_review(pilot)
        await until_shown(pilot, "[ Register ]")
        await register(pilot, "What is done")
        app.show_map(0)
        await until(pilot, lambda: isinstance(app.screen, ExplorerScreen))
        gate.set()
        await until_shown(pilot, "Registered: map")
        assert app.unfinished is None


async def test_the_mouse_is_enough(empty: FakeKernel) -> None:
    app = app_of(empty)
    async with app.run_test(size=SMALL) as pilot:
        await open_wizard(pilot)
        for step in ("MEMBERS", "DATA", "LIFETIME", "REVIEW"):
            await pilot.click(".-go")
            await until_shown(pilot, step)
        await until_shown(pilot, "[ Register ]")
        await pilot.click("ButtonLine > Button:last-child")
        await until_shown(pilot, "Registered: map")
