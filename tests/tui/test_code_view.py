from __future__ import annotations

from textual.app import App, ComposeResult

from stops_tui.struct_ops.listing import ListingLine
from stops_tui.widgets.code_view import CodeView, Lines
from tests.tui.pilot import screen_text


class ViewApp(App[None]):
    def compose(self) -> ComposeResult:
        yield CodeView()


async def test_the_cursor_stays_in_sight_above_the_scrollbar() -> None:
    app = ViewApp()
    async with app.run_test(size=(40, 10)) as pilot:
        view = app.query_one(CodeView)
        view.show(Lines([ListingLine("insn", f"{n} {'x' * 50}", n) for n in range(50)]))
        view.focus()
        await pilot.pause()
        await pilot.press(*["down"] * 9)
        await pilot.pause()
        assert "▶ 9 " in screen_text(pilot).split("\n")[8]
        await pilot.resize_terminal(40, 5)
        await pilot.pause()
        assert "▶ 9 " in screen_text(pilot).split("\n")[3]
