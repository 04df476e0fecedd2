"""The page for a kernel that cannot be read: what is missing, what it hides, what mends it."""

from __future__ import annotations

from typing import ClassVar, cast

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Static

from stops_tui.actions import Where
from stops_tui.kernels.kernel import KernelUnreadable, Obstacle
from stops_tui.screens.base import Facts
from stops_tui.struct_ops.text import printable
from stops_tui.widgets.key_line import KeyLine
from stops_tui.widgets.keys import bindings

STILL_POSSIBLE = (
    ("stops-tui --demo", "a simulated kernel, in which nothing can break; Enter opens it"),
    ("stops-tui replay FILE", "what was recorded on another host"),
    ("stops-tui object FILE", "what is in a BPF object file"),
    ("stops-tui config", "each setting, and where it came from"),
    ("stops-tui --help", "what the command can do, with examples"),
)


def obstacle_text(obstacle: Obstacle) -> RenderableType:
    """One obstacle: what is missing, what that hides, the command that mends it."""
    rows = Table.grid(padding=(0, 2))
    if obstacle.hides:
        rows.add_row(Text("hides"), Text(printable(obstacle.hides)))
    remedy = printable(obstacle.remedy)
    rows.add_row(Text("mend"), Text(remedy, "bold") if remedy else Text("nothing on this kernel"))
    return Group(
        Text.assemble(("✗ ", "bold"), (printable(obstacle.what), "bold")),
        Padding(rows, (0, 0, 0, 2)),
    )


class ObstacleCard(Static, can_focus=True):
    """One obstacle; the focused one's command is what gets copied."""

    HELP = """One thing this program needs and does not have. `{copy_remedy}` copies the command
that mends it."""
    DEFAULT_CSS = """
    ObstacleCard {
        height: auto; margin: 1 0 0 0; padding: 0 1;
        border-left: outer $error;
        &:focus { border-left: outer $accent; }
    }
    """

    def __init__(self, obstacle: Obstacle) -> None:
        super().__init__(obstacle_text(obstacle), markup=False)
        self.obstacle = obstacle


class UnreadableScreen(Screen[None]):
    """Each obstacle with its remedy, what still works, and a way to try again."""

    WHERE: ClassVar[Where] = "unreadable"
    BINDINGS: ClassVar[list[BindingType]] = bindings("unreadable")
    HELP = "This kernel cannot be read as it is. Each entry says what is missing and what mends it."
    DEFAULT_CSS = """
    UnreadableScreen {
        & > #title { height: 1; padding: 0 1; dock: top; background: $panel; }
        & > VerticalScroll {
            padding: 1 2;
            & > Static { width: 100%; max-width: 100; height: auto; }
            & > #possible { margin: 1 0 0 0; }
        }
    }
    """

    def __init__(self, unreadable: KernelUnreadable) -> None:
        super().__init__()
        self._obstacles = unreadable.obstacles

    def show(self, obstacles: tuple[Obstacle, ...]) -> None:
        """Show what stands in the way by now."""
        if obstacles != self._obstacles:
            self._obstacles = obstacles
            self.refresh(recompose=True)

    def compose(self) -> ComposeResult:
        """The obstacles, the gravest first."""
        yield Static(Text.assemble(("stops", "bold"), "   no kernel to look at"), id="title")
        with VerticalScroll(can_focus=False):
            yield Static(Text("This kernel cannot be read", "bold"))
            for obstacle in self._obstacles:
                yield ObstacleCard(obstacle)
            yield Static(possible_text(), id="possible")
        yield KeyLine(self.WHERE, cast("Facts", self.app).config.keys)

    def on_mount(self) -> None:
        """Focus the gravest obstacle."""
        for card in self.query(ObstacleCard)[:1]:
            card.focus()

    def action_retry(self) -> None:
        """Look again whether this kernel can be read."""
        cast("Facts", self.app).retry()

    async def action_open_demo(self) -> None:
        """Leave for the demo kernel."""
        await self.app.run_action("app.demo")

    def action_copy_remedy(self) -> None:
        """Copy the command that mends the focused obstacle."""
        card = self.focused
        if isinstance(card, ObstacleCard) and card.obstacle.remedy:
            self.app.copy_to_clipboard(card.obstacle.remedy)
            self.notify(f"Copied: {printable(card.obstacle.remedy)}", markup=False)


def possible_text() -> RenderableType:
    """What works without a kernel."""
    rows = Table.grid(padding=(0, 2))
    for command, meaning in STILL_POSSIBLE:
        rows.add_row(Text(command, "bold"), Text(meaning))
    return Group(Text("What still works", "bold"), Padding(rows, (0, 0, 0, 2)))
