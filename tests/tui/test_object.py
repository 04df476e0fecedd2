from __future__ import annotations

import os
from collections.abc import Callable
from errno import EINVAL
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from stops_tui.app import StopsApp
from stops_tui.bpf.object_file import ObjectFile, ObjectKfunc, ObjectMap, ObjectMember
from stops_tui.kernels.writes import Handle, Libbpf, NewMap
from stops_tui.screens import path_browser
from stops_tui.screens.explorer import ExplorerScreen
from stops_tui.screens.files import Entry, Listing
from stops_tui.screens.object import chooser
from stops_tui.screens.object.chooser import ChooseObject
from stops_tui.screens.object.screen import ObjectScreen
from stops_tui.screens.path_browser import Known
from stops_tui.screens.register import RegisterScreen
from stops_tui.struct_ops.registration.plan import InObject
from stops_tui.widgets.code_view import CodeView
from stops_tui.widgets.line_table import LineTable
from stops_tui.widgets.object_members import ObjectMembers
from tests.support.fake_kernel import FakeKernel
from tests.support.object_files import PATH, object_file, variable
from tests.tui.conftest import MakeApp
from tests.tui.pilot import screen_text, until, until_shown
from tests.tui.wizard import go, register

SMALL, LARGE = (80, 24), (200, 50)
PROGRAMS = {"ssthresh": "cc_ssthresh", "cong_avoid": "cc_avoid", "undo_cwnd": "cc_undo"}
HOSTILE = "x\x1b[31m[red]\n\u202e"


def tcp_object(kernel: FakeKernel) -> ObjectFile:
    """Two that fit and share programs, one made for another kernel, one for none of its types."""
    tcp = next(type_ for type_ in kernel.types if type_.name == "tcp_congestion_ops")
    other = {**PROGRAMS, "ssthresh": "bold_ssthresh"}
    meek = variable(tcp, "meek", PROGRAMS, {"name": b"meek", "flags": b"\2"})
    bold = variable(tcp, "bold", other, {"name": b"bold"}, section=".struct_ops.link")
    future = variable(tcp, "future", {"ssthresh": "cc_ssthresh"}, section="?.struct_ops")
    flags = next(member for member in future.members if member.name == "flags")
    members = (
        *(each for each in future.members if each.name not in ("flags", "key")),
        flags._replace(size=8),
        ObjectMember("foresee", "func", "void (struct sock *)", 0, 1600, 0, 8, "cc_foresee"),
        ObjectMember("budget", "data", "u32", flags.type_id, 1664, 0, 4),
    )
    future = future._replace(members=members, value=bytes(400), suffix="___v9")
    alien = meek._replace(variable="alien", type_name="alien_ops", section="?.struct_ops.link")
    file = object_file(tcp, meek, bold, future, alien, others=("cc_spare",))
    maps = (ObjectMap("flows", "sk_storage", 4, 20, 0), ObjectMap(".rodata", "array", 4, 4, 1))
    return file._replace(maps=maps, core_relocations=17)


@pytest.fixture
def empty() -> FakeKernel:
    """A kernel without struct_ops maps or programs."""
    return FakeKernel()


async def show(pilot: Pilot[Any], file: ObjectFile) -> ObjectScreen:
    """The object screen, once it was compared with the kernel."""
    app = pilot.app
    assert isinstance(app, StopsApp)
    await until_shown(pilot, "live")
    app._show_object(file)
    await until(pilot, lambda: isinstance(app.screen, ObjectScreen))
    screen = app.screen
    assert isinstance(screen, ObjectScreen)
    await until(pilot, lambda: screen._found)
    return screen


SEVERAL = "A plan in a file is of one map, not of several."


def arm(app: StopsApp) -> StopsApp:
    app.set_reactive(StopsApp.armed, True)
    return app


# What is shown


@pytest.mark.parametrize("size", [SMALL, (120, 40), LARGE])
def test_screen(
    empty: FakeKernel,
    make_app: MakeApp,
    size: tuple[int, int],
    snap_compare: Callable[..., bool],
) -> None:
    async def run(pilot: Pilot[Any]) -> None:
        await show(pilot, tcp_object(empty))
        await pilot.press("space", "down", "down")
        await until_shown(pilot, "foresee")

    assert snap_compare(make_app(empty), terminal_size=size, run_before=run)


@pytest.mark.parametrize("key", ["2", "3", "4"])
def test_other_sides(
    empty: FakeKernel, make_app: MakeApp, key: str, snap_compare: Callable[..., bool]
) -> None:
    async def run(pilot: Pilot[Any]) -> None:
        await show(pilot, tcp_object(empty))
        await pilot.press(key)

    assert snap_compare(make_app(empty), terminal_size=SMALL, run_before=run)


async def test_says_what_this_kernel_lacks(empty: FakeKernel, make_app: MakeApp) -> None:
    app = make_app(empty)
    async with app.run_test(size=LARGE) as pilot:
        screen = await show(pilot, tcp_object(empty))
        await until_shown(pilot, "2 members do not fit", "no such type", "by a link")
        screen._maps.move_cursor("future")
        await until_shown(pilot, "missing, left out as it is zero", "4 B, not 8 B: u32")
        await until_shown(pilot, "not in the object", "tcp_congestion_ops___v9")
        await pilot.press("enter")
        members = screen.query_one(ObjectMembers)
        members.move_cursor("foresee")
        await until_shown(pilot, "this kernel's tcp_congestion_ops has no such member")
        await go(pilot, "4", "alien: this kernel has no struct_ops type alien_ops", "libbpf 1.4")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (
            {"kfuncs": (ObjectKfunc("no_such", False),)},
            "programs call no_such, and this kernel has no such function",
        ),
        ({"byteorder": "big"}, "it is for big endian machines, and this one is not"),
    ],
)
async def test_says_what_bars_all_of_an_object(
    empty: FakeKernel, make_app: MakeApp, changed: dict[str, Any], words: str
) -> None:
    app = make_app(empty)
    async with app.run_test(size=SMALL) as pilot:
        await show(pilot, tcp_object(empty)._replace(**changed))
        await until_shown(pilot, "cannot be loaded", words)
        await go(pilot, "4", f"✗ {words}")


async def test_sizes_stand_side_by_side(empty: FakeKernel, make_app: MakeApp) -> None:
    app = make_app(empty)
    async with app.run_test(size=SMALL) as pilot:
        screen = await show(pilot, tcp_object(empty))
        size = len(screen._file.struct_ops[0].value)
        await until_shown(pilot, f"{size} bytes, as in this kernel")
        screen._maps.move_cursor("future")
        await until_shown(pilot, f"400 bytes, {size} in this kernel")
        await pilot.press("2")
        await until(pilot, lambda: " bytes, " not in screen_text(pilot))


async def test_an_object_without_struct_ops_shows_its_programs(
    empty: FakeKernel, make_app: MakeApp
) -> None:
    file = tcp_object(empty)._replace(struct_ops=(), license="")
    app = make_app(empty)
    async with app.run_test(size=SMALL) as pilot:
        screen = await show(pilot, file)
        await until_shown(pilot, "There is no struct_ops map in this object.", "cc_spare")
        await until_shown(pilot, "no license", "[ Another file ]")
        assert "register ]" not in screen_text(pilot)
        await pilot.press("space", "r", "enter", "1", "4")
        assert app.screen is screen
        await go(pilot, "y")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, ExplorerScreen))


async def test_hostile_names_are_shown_escaped(empty: FakeKernel, make_app: MakeApp) -> None:
    file = tcp_object(empty)
    meek, *rest = file.struct_ops
    members = tuple(m._replace(program=m.program and HOSTILE) for m in meek.members)
    hostile = meek._replace(variable=HOSTILE, members=members)
    programs = tuple(each._replace(name=HOSTILE, section=HOSTILE) for each in file.programs[:1])
    file = file._replace(
        path=f"/{HOSTILE}",
        license=HOSTILE,
        struct_ops=(hostile, *rest),
        programs=programs,
        maps=(ObjectMap(HOSTILE, HOSTILE, 4, 4, 4),),
    )
    app = make_app(empty)
    async with app.run_test(size=LARGE, notifications=True) as pilot:
        await show(pilot, file)
        for keys in ("1", "2", "3", "4", "y", "r"):
            await pilot.press(keys)
            await until_shown(pilot, "x\\x1b[31m[red]\\x0a\\u202e")
            assert "\x1b" not in screen_text(pilot)


async def test_a_type_that_this_kernel_has_not_cannot_be_registered(
    empty: FakeKernel, make_app: MakeApp
) -> None:
    app = arm(make_app(empty))
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await show(pilot, tcp_object(empty))
        screen._maps.move_cursor("alien")
        await until_shown(pilot, "  this kernel has no struct_ops type alien_ops")
        await go(pilot, "r", "REVIEW", "does not offer alien_ops", "1 check failed", "[ Back ]")
        assert "[ Register ]" not in screen_text(pilot)
        assert "[ Change" not in screen_text(pilot)
        await go(pilot, "enter", "LIFETIME")
        for step in ("DATA", "MEMBERS"):
            await go(pilot, "escape", step)


# Registering


async def test_registers_what_is_at_the_cursor(empty: FakeKernel, make_app: MakeApp) -> None:
    app = arm(make_app(empty))
    async with app.run_test(size=SMALL) as pilot:
        await show(pilot, tcp_object(empty))
        await go(pilot, "r", "Register › meek", "REVIEW", "cc_ssthresh of cc.bpf.o", "[ Register ]")
        await register(pilot, "Registered: map", "[ Show map")
        (map_,) = empty.sweep().maps.values()
        assert map_.name == "meek"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ExplorerScreen))
        assert app.unfinished is None


async def test_registers_several_as_one(empty: FakeKernel, make_app: MakeApp) -> None:
    app = arm(make_app(empty))
    async with app.run_test(size=SMALL) as pilot:
        await show(pilot, tcp_object(empty))
        await pilot.press("space", "down", "space")
        await go(pilot, "r", "Register › 2 maps", "map         meek", "[ Register all 2 ]")
        for key in ("ctrl+s", "ctrl+o"):
            await pilot.press(key)
            await pilot.pause()
            assert isinstance(app.screen, RegisterScreen)
        assert [n.message for n in app._notifications] == [SEVERAL] * 2
        await register(pilot, "meek: Registered", "bold: Registered")
        assert {map_.name for map_ in empty.sweep().maps.values()} == {"meek", "bold"}
        (held,) = app.held
        assert held.kind == "link"
        loads = [c for c in empty.writes.calls if c.command == "bpf_object__load"]
        assert len(loads) == 1


async def test_of_several_none_stays_if_one_fails(
    empty: FakeKernel, make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = empty.writes.create_map

    def refuse_bold(new: NewMap, btf: Handle) -> Handle:
        if new.name == "bold":
            empty.writes.refuse("BPF_MAP_CREATE", EINVAL)
        return create(new, btf)

    monkeypatch.setattr(empty.writes, "create_map", refuse_bold)
    app = arm(make_app(empty))
    async with app.run_test(size=SMALL) as pilot:
        await show(pilot, tcp_object(empty))
        await pilot.press("space", "down", "space")
        await go(pilot, "r", "[ Register all 2 ]")
        await register(pilot, "meek: Undone, because bold failed", "EINVAL", "undo: unregister")
        assert not empty.sweep().maps
        assert not empty.programs()


async def test_goes_through_the_steps_of_one_after_the_other(
    empty: FakeKernel, make_app: MakeApp
) -> None:
    app = make_app(empty)
    async with app.run_test(size=SMALL) as pilot:
        screen = await show(pilot, tcp_object(empty))
        await pilot.press("space", "down", "space", "enter")
        screen.query_one(ObjectMembers).move_cursor("ssthresh")
        await go(pilot, "enter", "Register › bold (2 of 2) › MEMBERS")
        await go(pilot, "escape", "meek (1 of 2)", "LIFETIME", "plain map")
        await go(pilot, "ctrl+n", "bold (2 of 2)", "MEMBERS")
        for shown in ("DATA", "LIFETIME", "2 maps"):
            await go(pilot, "ctrl+n", shown)
        await go(pilot, "escape", "bold (2 of 2)", "LIFETIME")
        for shown in ("DATA", "MEMBERS", "meek (1 of 2)", "DATA", "MEMBERS"):
            await go(pilot, "escape", shown)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen)


async def test_a_changed_member_is_kept_and_told(empty: FakeKernel, make_app: MakeApp) -> None:
    app = arm(make_app(empty))
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await show(pilot, tcp_object(empty))
        await pilot.press("enter")
        screen.query_one(ObjectMembers).move_cursor("flags")
        await go(pilot, "enter", "DATA", "needs ECN")
        assert isinstance(app.screen.focused, Input)
        assert app.screen.focused.value == "2"
        await pilot.press("backspace", "3")
        await go(pilot, "escape", "MEMBERS", "cc_avoid of cc.bpf.o")
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen)
        await until_shown(pilot, "3, changed", "flags is 0x2 in the object")
        await go(pilot, "r", "REVIEW", "[ Register ]")
        await register(pilot, "Registered: map")
        (raw,) = empty.maps.values()
        type_ = next(t for t in empty.types if t.name == "tcp_congestion_ops")
        at = type_.data_offset + next(m.offset for m in type_.members if m.name == "flags")
        assert raw.value[at] == 3


async def test_another_program_of_the_object_serves_a_member(
    empty: FakeKernel, make_app: MakeApp
) -> None:
    app = make_app(empty)
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await show(pilot, tcp_object(empty))
        await pilot.press("enter")
        screen.query_one(ObjectMembers).move_cursor("ssthresh")
        await go(pilot, "enter", "MEMBERS", "cc_ssthresh of cc.bpf.o")
        await go(pilot, "enter", "Program for ssthresh", "fits    cc.bpf.o")
        table = app.screen.query_one(LineTable)
        table.move_cursor(f"object:{PATH}#bold_ssthresh")
        await until_shown(pilot, "ssthresh of bold in the object file", "struct_ops/x")
        await go(pilot, "enter", "bold_ssthresh of cc.bpf.o")
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is screen)
        await until_shown(pilot, "bold_ssthresh, changed")
        assert screen._found
        draft = screen._found.drafts["meek"]
        assert draft.plan.programs["ssthresh"] == InObject(PATH, "bold_ssthresh")


async def test_what_a_plan_cannot_take_over_is_left_out_on_demand(
    empty: FakeKernel, make_app: MakeApp
) -> None:
    file = tcp_object(empty)
    meek = file.struct_ops[0]
    foresee = ObjectMember("foresee", "func", "void (struct sock *)", 0, 1600, 0, 8, "cc_spare")
    file = file._replace(struct_ops=(meek._replace(members=(*meek.members, foresee)),))
    app = make_app(empty)
    async with app.run_test(size=SMALL) as pilot:
        await show(pilot, file)
        await go(pilot, "r", "foresee: the object gives it", "[ Leave foresee out ]")
        assert "[ Register ]" not in screen_text(pilot)
        await go(pilot, "enter", "[ Register ]")
        assert "foresee" not in screen_text(pilot)


async def test_a_member_that_is_missing_cannot_be_adjusted(
    empty: FakeKernel, make_app: MakeApp
) -> None:
    app = make_app(empty)
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        screen = await show(pilot, tcp_object(empty))
        screen._maps.move_cursor("future")
        await pilot.press("enter")
        screen.query_one(ObjectMembers).move_cursor("foresee")
        await go(pilot, "enter", "It cannot be set: foresee is")
        assert app.screen is screen


@pytest.mark.parametrize(
    "library",
    [
        Libbpf("", problem="libbpf.so.1 is not there: install the package libbpf1"),
        Libbpf("libbpf.so.1", "1.1", (1, 1)),
    ],
)
async def test_without_a_libbpf_that_can_it_is_said_what_is_missing(
    empty: FakeKernel, make_app: MakeApp, library: Libbpf
) -> None:
    empty.writes.library = library
    words = library.problem or "that needs libbpf 1.2 or later"
    app = arm(make_app(empty))
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await show(pilot, tcp_object(empty))
        screen._maps.move_cursor("bold")
        await until_shown(pilot, "cannot be loaded", words, "by a link")
        await go(pilot, "r", "REVIEW", "1 check failed", "[ Back ]")
        assert "[ Register ]" not in screen_text(pilot)
        assert "[ Change" not in screen_text(pilot)
        await pilot.press("enter")
        await until_shown(pilot, "LIFETIME")
        assert not empty.writes.calls


# A refused program


@pytest.mark.parametrize("size", [SMALL, (120, 40)])
def test_refusal_screen(
    empty: FakeKernel,
    make_app: MakeApp,
    size: tuple[int, int],
    snap_compare: Callable[..., bool],
) -> None:
    async def run(pilot: Pilot[Any]) -> None:
        empty.writes.refused_program = "cc_undo"
        await show(pilot, tcp_object(empty))
        await go(pilot, "r", "[ Register ]")
        await register(pilot, "What the verifier says", "return 0;")

    assert snap_compare(arm(make_app(empty)), terminal_size=size, run_before=run)


async def test_a_refusal_brings_the_instruction_forward(
    empty: FakeKernel, make_app: MakeApp
) -> None:
    empty.writes.refused_program = "cc_undo"
    app = arm(make_app(empty))
    async with app.run_test(size=SMALL, notifications=True) as pilot:
        await show(pilot, tcp_object(empty))
        await go(pilot, "r", "[ Register ]")
        await register(pilot, "cc_undo", "instruction 3: (95) exit", "a.c:7   return 0;")
        view = app.screen.query_one(CodeView)
        assert view.line == "3: (95) exit"
        await pilot.press("down")
        await until(pilot, lambda: view.line == "R0 !read_ok")
        await go(pilot, "y", "Copied the log.")
        assert app.clipboard.startswith("; return 0; @ a.c:7\n3: (95) exit\n")
        assert not empty.sweep().maps
        assert not empty.programs()
        await go(pilot, "enter", "MEMBERS")
        assert app.screen.query_one("#slots", LineTable).cursor_key == "undo_cwnd"


# Choosing a file


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with files that are no objects, and a folder that has two."""
    build = tmp_path / "work" / "build"
    build.mkdir(parents=True)
    for path in ("dctcp.bpf.o", "dctcp_old.bpf.o"):
        (build / path).write_bytes(b"\x7fELF, by its first bytes")
        os.utime(build / path, (0, 86_400))
    (tmp_path / "work" / "notes.txt").write_text("no object")
    monkeypatch.chdir(tmp_path / "work")
    return build


async def open_chooser(pilot: Pilot[Any]) -> LineTable:
    await until_shown(pilot, "live")
    await go(pilot, "o", "Open an object file in", "NAME", "../")
    assert isinstance(pilot.app.screen, ChooseObject)
    return pilot.app.screen.query_one(LineTable)


async def test_completes_a_path_and_opens_it(
    empty: FakeKernel, make_app: MakeApp, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chooser, "read", lambda path: tcp_object(empty)._replace(path=path))
    app = make_app(empty)
    async with app.run_test(size=SMALL) as pilot:
        table = await open_chooser(pilot)
        assert [row.key for row in table.rows] == ["../", "build/"]
        await pilot.press("b", "tab")
        await until_shown(pilot, "dctcp_old.bpf.o", "1970-01-02 00:00")
        line = app.screen.query_one(Input)
        assert line.value == "build/"
        await pilot.press("d", "tab")
        assert line.value == "build/dctcp"
        await pilot.press("down", "enter")
        await until(pilot, lambda: isinstance(app.screen, ObjectScreen))
        await until_shown(pilot, "dctcp_old.bpf.o")
        await pilot.press("o")
        await until_shown(pilot, "opened before, in")
        await pilot.press(*"old")
        table = app.screen.query_one(LineTable)
        await until(pilot, lambda: [r.key for r in table.rows] == [f"{folder}/dctcp_old.bpf.o"])
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ObjectScreen))
        assert len(app.screen_stack) == 2


async def test_goes_through_folders_by_arrows(
    empty: FakeKernel, make_app: MakeApp, folder: Path
) -> None:
    app = make_app(empty)
    async with app.run_test(size=SMALL) as pilot:
        table = await open_chooser(pilot)
        await pilot.press("down", "enter")
        await until(pilot, lambda: table.cursor_key == "build/dctcp.bpf.o")
        await pilot.press("up", "enter")
        await until(pilot, lambda: "./build/" in {row.key for row in table.rows})
        assert app.screen.query_one(Input).value == "./"
        app.screen.query_one(Input).value = "~no-such-user/"
        await until_shown(pilot, "home directory")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/bin/ls", "ls:"),
        ("nothing.o", "No such file"),
        ("build", "build/"),
        ("notes.txt", "notes.txt:"),
        ("pipe.o", "pipe.o:"),
        ("/dev/zero", "zero:"),
        ("build/dctcp.bpf.o", "dctcp.bpf.o:"),
    ],
)
async def test_a_file_that_is_none_is_told_of(
    empty: FakeKernel, make_app: MakeApp, path: str, words: str
) -> None:
    os.mkfifo("pipe.o")
    app = make_app(empty)
    async with app.run_test(size=SMALL) as pilot:
        await open_chooser(pilot)
        app.screen.query_one(Input).value = path
        await go(pilot, "enter", words)
        assert isinstance(app.screen, ChooseObject)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, ExplorerScreen))


def test_chooser_screen(
    empty: FakeKernel,
    make_app: MakeApp,
    monkeypatch: pytest.MonkeyPatch,
    snap_compare: Callable[..., bool],
) -> None:
    async def run(pilot: Pilot[Any]) -> None:
        await until_shown(pilot, "live")
        await go(pilot, "o", "gone from /old/")
        await until_shown(pilot, "cc.bpf.o")

    files = (Entry("src", True), Entry("cc.bpf.o", False, 671_000, 0), Entry(HOSTILE, False, 9, 0))
    monkeypatch.setattr(path_browser, "look", lambda *_: Listing("/home/me/build", files))
    old = [Known("/old/cc.bpf.o", None), Known("/my/cc.o", Entry("cc.o", False, 20_000, 0))]
    monkeypatch.setattr(chooser, "recent", lambda: old)
    assert snap_compare(make_app(empty), terminal_size=SMALL, run_before=run)


async def test_the_wizard_offers_object_files(
    empty: FakeKernel, make_app: MakeApp, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chooser, "read", lambda path: tcp_object(empty)._replace(path=path))
    app = make_app(empty)
    async with app.run_test(size=SMALL) as pilot:
        await until_shown(pilot, "live", "Open a BPF object file")
        await go(pilot, "r", "what is in a BPF object file")
        assert isinstance(app.screen, RegisterScreen)
        app.screen.query_one("#starts", LineTable).move_cursor(("object", ""))
        await go(pilot, "enter", "Open an object file in")
        app.screen.query_one(Input).value = f"{folder}/dctcp.bpf.o"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ObjectScreen))
        assert len(app.screen_stack) == 2
