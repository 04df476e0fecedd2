from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from textual import events, on
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.strip import Strip

from stops_tui.widgets import marks
from stops_tui.widgets.columns import Column, Row, Span, clip, fit
from stops_tui.widgets.line_table import LineTable
from tests.tui.pilot import until

COLUMNS = (
    Column("id", "ID", 5, right=True),
    Column("name", "NAME", 12, least=6),
    Column("more", "MORE", 10, grow=True, keep=1),
)


def rows(*keys: int, name: str = "n") -> list[Row]:
    return [Row(key, (str(key), f"{name}{key}", "")) for key in keys]


class Counting(LineTable):
    MARKS = frozenset({"name"})

    def __init__(self) -> None:
        super().__init__(COLUMNS, empty="nothing here")
        self.painted: list[int] = []

    def render_line(self, y: int) -> Strip:
        self.painted.append(y)
        return super().render_line(y)

    def texts(self) -> list[str]:
        return [super(Counting, self).render_line(y).text for y in range(self.size.height)]


class TableApp(App[None]):
    def __init__(self) -> None:
        super().__init__()
        self.told: list[object] = []

    def compose(self) -> ComposeResult:
        yield Counting()

    @on(LineTable.Highlighted)
    @on(LineTable.Chosen)
    def _tell(self, message: LineTable.TableMessage) -> None:
        self.told.append((type(message).__name__, message.key))

    @on(LineTable.HeaderClicked)
    def _tell_header(self, message: LineTable.HeaderClicked) -> None:
        self.told.append(("HeaderClicked", message.column))


@asynccontextmanager
async def shown(keys: Sequence[int] = range(10)) -> AsyncIterator[tuple[Counting, Pilot[None]]]:
    app = TableApp()
    async with app.run_test(size=(40, 6)) as pilot:
        table = app.query_one(Counting)
        table.focus()
        table.show_rows(rows(*keys))
        await pilot.pause()
        app.told.clear()
        yield table, pilot


async def test_it_is_painted_whole_before_its_size_is_told() -> None:
    class Hasty(Counting):
        def on_resize(self, event: events.Resize | None = None) -> None:
            """It comes after the first painting, in a terminal."""
            if event:
                event.prevent_default()

    app = App[None]()
    async with app.run_test(size=(40, 6)) as pilot:
        table = Hasty()
        table.show_rows(rows(1, 2))
        await app.mount(table)
        await pilot.pause()
        assert "n2" in table.texts()[2]


def test_columns_shrink_before_they_go() -> None:
    assert [f.width for f in fit(COLUMNS, 31, 2)] == [5, 12, 10]
    assert [f.width for f in fit(COLUMNS, 26, 2)] == [5, 7, 10]
    assert [(f.column.key, f.width) for f in fit(COLUMNS, 20, 2)] == [("id", 5), ("name", 12)]
    assert [f.width for f in fit(COLUMNS, 50, 2)] == [5, 12, 29]
    assert fit(COLUMNS, 0, 2) == ()


def test_text_is_cut_by_cells_and_escaped() -> None:
    assert clip([Span("abcdef")], 4) == ([Span("abc…")], 4)
    assert clip([Span("漢字漢字")], 5) == ([Span("漢字…")], 5)
    assert clip([Span("a\x1b[2J")], 10) == ([Span("a\\x1b[2J")], 8)
    assert clip([Span("ab"), Span("cd", "dim")], 3) == ([Span("ab"), Span("…", "dim")], 3)


async def test_cursor_keeps_its_key_through_sort_insert_and_removal() -> None:
    async with shown() as (table, pilot):
        await pilot.press("down", "down", "down")
        assert table.cursor_key == 3
        table.show_rows(rows(*reversed(range(10))))
        assert (table.cursor_key, table.cursor_index) == (3, 6)
        table.show_rows(rows(*range(-5, 10)))
        assert (table.cursor_key, table.cursor_index) == (3, 8)
        table.show_rows(rows(2, 3, 9))
        assert (table.cursor_key, table.cursor_index) == (3, 1)


async def test_a_terminal_made_smaller_keeps_the_cursor_in_sight() -> None:
    async with shown(range(100)) as (table, pilot):
        await pilot.press(*["down"] * 4)
        assert "▶ " in table.texts()[5]
        await pilot.resize_terminal(40, 4)
        await until(pilot, lambda: table.scroll_offset.y == 2)
        assert "▶     4" in table.texts()[3]


async def test_rows_above_the_cursor_do_not_move_it_on_the_screen() -> None:
    async with shown(range(100)) as (table, pilot):
        table.move_cursor(50)
        await pilot.pause()
        before = next(y for y, text in enumerate(table.texts()) if "▶" in text)
        table.show_rows(rows(*range(-7, 100)))
        await pilot.pause()
        assert "n50" in table.texts()[before]


async def test_a_cursor_whose_row_goes_takes_the_next_and_tells() -> None:
    async with shown(range(10)) as (table, pilot):
        table.move_cursor(2)
        table.show_rows(rows(1, 3, 4, 5))
        assert (table.cursor_key, table.cursor_index) == (3, 1), "though one above went, too"
        table.show_rows(rows(7, 8))
        assert (table.cursor_key, table.cursor_index) == (8, 1), "of others, the one in its place"
        table.show_rows(rows(0, 1, 2, 3))
        table.move_cursor(3)
        table.show_rows(rows(0, 1))
        await pilot.pause()
        assert (table.cursor_key, table.cursor_index) == (1, 1)
        assert pilot.app.told[-1] == ("Highlighted", 1)  # type: ignore[attr-defined]
        table.show_rows([])
        assert table.cursor_key is None
        assert "nothing here" in table.texts()[2]


async def test_only_what_changed_is_painted() -> None:
    async with shown() as (table, pilot):
        same = list(table.rows)
        table.painted.clear()
        table.show_rows(same)
        table.show_rows(rows(*range(10)))
        await pilot.pause()
        assert table.painted == []
        changed = rows(*range(10))
        changed[2] = Row(2, ("2", "other", ""))
        table.show_rows(changed)
        await pilot.pause()
        assert set(table.painted) == {3}


async def test_a_change_is_marked_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marks, "MARK_SECONDS", 0.05)
    async with shown(range(3)) as (table, pilot):
        table.show_rows([*rows(0, 1), Row(2, ("2", "other", "unmarked"))])
        assert "•other" in table.texts()[3]
        await pilot.pause(0.3)
        assert "•" not in "".join(table.texts())


async def test_keys_and_pages() -> None:
    async with shown(range(100)) as (table, pilot):
        for key, at in {"end": 99, "up": 98, "home": 0, "pagedown": 5, "pageup": 0}.items():
            await pilot.press(key)
            assert table.cursor_key == at, key
        await pilot.press("enter")
        assert pilot.app.told[-1] == ("Chosen", 0)  # type: ignore[attr-defined]


async def test_mouse() -> None:
    async with shown() as (table, pilot):
        await pilot.click(Counting, offset=(5, 3))
        assert table.cursor_key == 2
        await pilot.click(Counting, offset=(5, 3))
        await pilot.click(Counting, offset=(10, 0))
        assert pilot.app.told == [  # type: ignore[attr-defined]
            ("Highlighted", 2),
            ("Chosen", 2),
            ("HeaderClicked", "name"),
        ]
        await pilot.hover(Counting, offset=(5, 2))
        assert "▶" in table.texts()[3]


async def test_markup_and_escapes_are_text() -> None:
    async with shown(range(1)) as (table, _):
        table.show_rows([Row(0, ("0", "[red][/]", "\x1b[31m\n"))])
        assert "[red][/]" in table.texts()[1]
        assert r"\x1b[31m\x0a" in table.texts()[1]
