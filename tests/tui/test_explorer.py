from __future__ import annotations

import json

import pytest
from textual import events
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from stops_tui.config import Config
from stops_tui.config.keys import key_name
from stops_tui.screens.choose import ChooseScreen
from stops_tui.screens.program import ProgramScreen
from stops_tui.widgets.detail_bar import DetailBar
from stops_tui.widgets.empty_host import EmptyHost
from stops_tui.widgets.event_strip import EventStrip
from stops_tui.widgets.line_table import LineTable
from tests.support.fake_kernel import FakeKernel
from tests.tui.explorer import FAST, explorer
from tests.tui.pilot import screen_text


async def test_maps_are_told_in_words() -> None:
    async with explorer() as seen:
        await seen.until(lambda: "scx_simple" in seen.text("#maps"))
        rows = seen.text("#maps").replace("▶", " ").split("\n")[1:]
        lines = {row.split()[0]: row for row in rows if row}
        assert "● registered" in lines["58"]
        assert "◐ unregistered, held" in lines["61"]
        assert "✗ ejected" in lines["72"]
        assert "6/9" in lines["58"]
        assert "[red]" in lines["90"]


async def test_80_by_24_shows_the_facts() -> None:
    async with explorer(size=(80, 24)) as seen:
        header = seen.text("#maps").split("\n")[0].split()
        assert header == ["ID↑", "NAME", "TYPE", "STATUS", "REFCNT", "MEMBERS"]
        assert "○ ready, not attached" in seen.text("#maps")
        assert "25 dctcp_ssthresh" in seen.text("#members")


async def test_side_by_side_where_wide() -> None:
    async with explorer(size=(200, 50)) as seen:
        side = seen.app.screen.query_one("#map-sides")
        assert side.region.x > seen.maps.region.x
        assert side.region.y == seen.app.screen.query_one("#map-pane").region.y


async def test_changes_show_by_themselves() -> None:
    kernel = FakeKernel.busy()
    async with explorer(kernel) as seen:
        kernel.set(58, refcnt=9)
        await seen.until(lambda: "•9" in seen.text("#maps"))
        kernel.set(58, state="TOBEFREE", refcnt=8)
        await seen.until(lambda: "•◐ unregistered" in seen.text("#maps"))
        strip = seen.app.screen.query_one(EventStrip)
        assert "58 dctcp refcnt 9 → 8" in strip.render().plain
        await seen.press("4")
        assert "INUSE → TOBEFREE" in seen.text("#map_events")
        kernel.remove(58)
        await seen.until(lambda: 58 not in seen.ids())
        assert seen.maps.cursor_key == 61


async def test_nothing_is_painted_while_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = FakeKernel.busy()
    async with explorer(kernel) as seen:
        await seen.until(lambda: seen.app.raw_holders is not None)
        await seen.pilot.pause(0.1)
        painted: list[object] = []
        render = Widget.render_lines

        def count(self: Widget, crop: Region) -> list[Strip]:
            painted.append(self)
            return render(self, crop)

        monkeypatch.setattr(Widget, "render_lines", count)
        sweeps = kernel.sweeps
        await seen.until(lambda: kernel.sweeps > sweeps + 5)
        assert painted == []
        lines: list[tuple[object, int]] = []
        paint = LineTable.render_line

        def note(self: LineTable, y: int) -> Strip:
            lines.append((self.id, y))
            return paint(self, y)

        monkeypatch.setattr(LineTable, "render_line", note)
        kernel.set(90, refcnt=2)
        await seen.until(lambda: lines)
        assert set(lines) == {("maps", 9)}


async def test_the_cursor_follows_its_map() -> None:
    kernel = FakeKernel.busy()
    async with explorer(kernel) as seen:
        await seen.press("down", "down")
        assert seen.maps.cursor_key == 72
        kernel.add_map(5, "early")
        await seen.until(lambda: seen.ids()[0] == 5)
        assert seen.maps.cursor_key == 72
        await seen.press("s", "down", "enter")
        assert seen.maps.cursor_key == 72
        names = [row.cells[1] for row in seen.maps.rows]
        assert names == sorted(names, key=str)


async def test_sort_again_turns_round_and_the_header_sorts_too() -> None:
    async with explorer() as seen:
        await seen.press("s", "enter")
        assert seen.ids() == sorted(seen.ids(), reverse=True, key=str)
        assert "ID↓" in seen.text("#maps")
        at = seen.text("#maps").index("REFCNT")
        await seen.pilot.click("#maps", offset=(at + 1, 1))
        await seen.pilot.pause()
        assert "REFCNT↓" in seen.text("#maps")
        assert seen.ids()[0] == 58


async def test_filter_as_one_types() -> None:
    async with explorer() as seen:
        await seen.press("slash", *"type:tcp")
        assert seen.ids() == [58, 61, 80, 81, 82, 90]
        await seen.press(*" held")
        assert seen.ids() == [61, 81]
        await seen.press("enter")
        assert seen.app.focused is seen.maps
        assert seen.ids() == [61, 81]
        await seen.press("escape")
        assert len(seen.ids()) == 9
        await seen.press("slash", *"nosuch[", "enter")
        assert seen.ids() == []
        assert "No map matches 'nosuch['" in seen.text("#maps")
        await seen.press("slash", "escape")
        assert len(seen.ids()) == 9


async def test_a_burst_of_keys_is_a_filter_and_no_commands() -> None:
    async with explorer() as seen:
        for character in "/hsu":  # s sorts and u unregisters, elsewhere
            seen.app.post_message(events.Key(key_name(character), character))
        seen.app.post_message(events.Key("enter", "\r"))
        await seen.until(lambda: "filter: hsu" in screen_text(seen.pilot))
        assert len(seen.app.screen_stack) == 1
        await seen.until(lambda: seen.maps.has_focus)


async def test_deeper_and_back() -> None:
    async with explorer() as seen:
        await seen.press("enter")
        assert seen.app.focused is seen.app.screen.query_one("#members")
        await seen.press("enter")
        assert isinstance(seen.app.screen, ProgramScreen)
        await seen.press("escape", "escape")
        assert seen.app.focused is seen.maps
        await seen.press("escape", "q")


async def test_members_not_set_on_demand() -> None:
    async with explorer() as seen:
        assert "… 3 function and 2 data members not set (. shows)" in seen.text("#members")
        await seen.press("full_stop")
        assert "cong_control" in seen.text("#members")
        assert "not set" not in seen.text("#members")


async def test_value_tree_and_its_bytes() -> None:
    async with explorer() as seen:
        await seen.press("2", "enter")
        tree = seen.text("#value")
        assert "BPF_STRUCT_OPS_STATE_INUSE (1)" in tree
        assert "{.refs = {.counter = 6}}" in tree
        assert "BYTES" not in tree
        await seen.press("x")
        assert "62 70 66 5f 64 63 74 63 70 00" in seen.text("#value")
        await seen.press("enter")
        assert "STATE_INUSE" not in seen.text("#value")
        assert "•" not in seen.text("#value"), "another view is no change"


async def test_sides_are_blank_while_no_map_matches_and_filled_after() -> None:
    async with explorer() as seen:
        await seen.press("2")
        value = seen.text("#value")
        assert "STATE_INUSE" in value
        await seen.press("slash", *"nosuch")
        assert not seen.text("#value").split("\n", 1)[1].strip()
        await seen.press("escape")
        assert seen.text("#value") == value
        await seen.press("3", "slash", *"nosuch")
        await seen.pilot.resize_terminal(100, 34)
        await seen.pilot.pause()
        assert not seen.text("#holders").split("\n", 1)[1].strip()


async def test_holders_and_links_are_told() -> None:
    async with explorer() as seen:
        await seen.until(lambda: seen.app.raw_holders is not None)
        await seen.press("3")
        said = "Registered; used by 5 unexplained holders"
        await seen.until(lambda: said in seen.text("#holders"))
        assert "only the kernel keeps this map" in seen.text("#holders")
        await seen.press("down", "down")
        said = "Ejected; still attached by link 22, kept by scx_simple (pid 812)"
        await seen.until(lambda: said in seen.text("#holders"))
        assert "scx_simple  pid 812, fd 5" in seen.text("#holders")
        await seen.press("5", "down")
        assert "/sys/fs/bpf/[bold]lab" in seen.text("#links")


async def test_what_could_not_be_seen_is_not_denied() -> None:
    kernel = FakeKernel.busy()
    kernel.hide("open files of process 1: Permission denied")
    async with explorer(kernel) as seen:
        await seen.until(lambda: seen.app.raw_holders is not None)
        await seen.press("3")
        assert "No pin and no open file descriptor among what can be seen." in seen.text("#holders")
        assert "not seen: open files of process 1: Permission denied" in seen.text("#holders")


async def test_only_what_refcnt_counts_is_counted() -> None:
    async with explorer() as seen:
        await seen.until(lambda: seen.app.raw_holders is not None)
        await seen.press("3", "down", "down")
        lines = seen.text("#holders").split("\n")
        (link,) = (line for line in lines if "fd of link 22" in line)
        assert link.split() == ["fd", "of", "link", "22", "scx_simple", "pid", "812,", "fd", "5"]
        assert [line.split()[1] for line in lines if line.startswith("  refcnt")] == ["1"]


async def test_ids_of_many_digits_are_never_cut() -> None:
    kernel = FakeKernel()
    kernel.add_map(2147483646, "one", state="READY", members={"name": b"one"})
    kernel.add_link(2147483645, 2147483646)
    async with explorer(kernel, size=(120, 34)) as seen:
        line = next(line for line in seen.text("#maps").split("\n") if "one" in line)
        assert "2147483646" in line
        assert "2147483645" in line
        kernel.set(2147483646, refcnt=3)
        await seen.until(lambda: seen.app.history.events)
        await seen.press("e")
        await seen.until(lambda: "2147483646  one" in screen_text(seen.pilot))


async def test_state_and_type_at_80_columns() -> None:
    async with explorer(size=(80, 24)) as seen:
        await seen.press("2")
        assert "BPF_STRUCT_OPS_STATE_INUSE (1)" in seen.text("#value")


async def test_run_statistics_on_demand() -> None:
    kernel = FakeKernel.busy()
    async with explorer(kernel) as seen:
        assert "CALLS/S" not in seen.text("#members")
        await seen.press("k")
        await seen.until(lambda: kernel.counting)
        await seen.until(lambda: seen.app.rates)
        kernel.run(25, 1000, 50_000)
        await seen.until(lambda: " 50" in seen.text("#members").split("\n")[1])
        await seen.press("k")
        await seen.until(lambda: not kernel.counting)
        await seen.press("k")
        await seen.until(lambda: kernel.counting)
    assert not kernel.counting


async def test_copy() -> None:
    async with explorer() as seen:
        await seen.press("y")
        assert '{ "id": 58, "name": "dctcp"' in screen_text(seen.pilot)
        await seen.press("enter")
        assert seen.app.clipboard == "58"
        await seen.press("y", "down", "down", "enter")
        assert json.loads(seen.app.clipboard)["name"] == "dctcp"
        await seen.press("enter", "y")
        assert isinstance(seen.app.screen, ChooseScreen)
        await seen.press("down", "down", "down", "enter")
        assert seen.app.clipboard == "dctcp_ssthresh"


async def test_empty_host_and_its_end() -> None:
    kernel = FakeKernel()
    async with explorer(kernel) as seen:
        await seen.until(lambda: seen.app.screen.query(EmptyHost))
        assert not seen.app.screen.query_one("#panes").display
        kernel.add_map(7, "first", members={"name": b"first"})
        await seen.until(lambda: seen.ids() == [7])
        assert seen.app.screen.query_one("#panes").display
        assert not seen.app.screen.query_one(EmptyHost).display
        assert seen.app.screen.query_one(DetailBar).crumbs == "7 first"


async def test_events_lead_to_their_map() -> None:
    kernel = FakeKernel.busy()
    async with explorer(kernel) as seen:
        kernel.set(84, refcnt=3)
        await seen.until(lambda: seen.app.history.events)
        await seen.press("e", "enter")
        assert seen.maps.cursor_key == 84


async def test_columns_and_keys_of_the_configuration() -> None:
    config = Config(interval=FAST, columns=("name", "id"), keys={"events": "v"})
    async with explorer(config=config) as seen:
        assert seen.text("#maps").split("\n")[0].split() == ["NAME", "ID↑"]
        await seen.press("e")
        assert len(seen.app.screen_stack) == 1
        await seen.press("v")
        assert len(seen.app.screen_stack) == 2
