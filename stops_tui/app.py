"""The app: its settings, its screens and its actions, around what `looking` and `changing` do."""

from __future__ import annotations

import gc
from asyncio import get_running_loop
from collections.abc import Callable, Iterable
from functools import partial
from os import environ
from pathlib import Path
from signal import SIGHUP, SIGTERM
from typing import TYPE_CHECKING, Any, ClassVar, cast

from rich.text import Text
from textual import events
from textual.app import SystemCommand
from textual.binding import BindingType
from textual.screen import Screen

from stops_tui.actions import WITHOUT_KERNEL, Action, Where, actions_of, actions_on
from stops_tui.changing import ChangingApp
from stops_tui.config import Config
from stops_tui.config.keys import key_text
from stops_tui.kernels.kernel import Kernel, KernelUnreadable, Obstacle
from stops_tui.looking import LATE
from stops_tui.screens.explorer import ExplorerScreen
from stops_tui.widgets.key_line import scoped
from stops_tui.widgets.keys import bindings

if TYPE_CHECKING:
    from stops_tui.bpf.object_file import ObjectFile
    from stops_tui.screens.unreadable import UnreadableScreen
    from stops_tui.struct_ops.inventory import Inventory
    from stops_tui.struct_ops.registration.plan import Plan


class StopsApp(ChangingApp):
    """The explorer of one kernel, or the page that says why it cannot be read.

    What screens may take from it is `screens.base.Facts`.
    """

    CSS_PATH = Path(__file__).with_name("app.tcss")
    TITLE = "stops"
    BINDINGS: ClassVar[list[BindingType]] = bindings("everywhere")

    def __init__(
        self,
        kernel: Kernel | KernelUnreadable,
        config: Config,
        reopen: Callable[[], Kernel] | None = None,
        inventory: Inventory | None = None,
        armed: bool = False,
    ) -> None:
        """Read-only, unless armed.

        Args:
            kernel: What is looked at.
            config: The settings.
            reopen: Tries once more to open a kernel that could not be read.
            inventory: The kernel's, where its first sweep is begun already.
            armed: Whether the kernel may be changed from the start.
        """
        # NO_COLOR: with the terminal's own colours Textual paints none, else it paints greys
        super().__init__(config, armed, ansi_color="NO_COLOR" in environ or None)
        self._reopen = reopen
        self.unreadable = kernel if isinstance(kernel, KernelUnreadable) else None
        if not isinstance(kernel, KernelUnreadable):
            self.take_kernel(kernel, inventory)
        self.unfinished: Plan | None = None
        self.wants_demo = False

    def get_default_screen(self) -> Screen[Any]:
        """The first screen, without a blank one before it."""
        if self.unreadable is None:
            return ExplorerScreen()
        from stops_tui.screens.unreadable import UnreadableScreen

        return UnreadableScreen(self.unreadable)

    def on_load(self) -> None:
        """See the kernel before the first frame is painted."""
        if self.unreadable is None:
            self.first_look()

    def on_mount(self) -> None:
        """Take on the settings; once the first frame is painted, what it did not need."""
        for number in (SIGHUP, SIGTERM):
            get_running_loop().add_signal_handler(number, self.end_by_signal, number)
        self._choose_theme()
        self.set_keymap(self.config.keys)
        for problem in self.config.problems:
            self.notify(str(problem), title="configuration", severity="warning", markup=False)
        self.call_after_refresh(_collect_garbage)
        if self.unreadable is None:
            self.call_after_refresh(self.take_writes)

    def on_unmount(self) -> None:
        """Release links and run statistics; end a recording."""
        self.let_all_go()
        self.end_tape(LATE)
        if self.unreadable is None:
            self.kernel.close()

    def _choose_theme(self) -> None:
        """The configured theme; on a terminal of 16 colours its own ones, unless one was chosen."""
        few = self.console.color_system == "standard" or self.no_color
        chosen = self.config.source("theme") != "default"
        self.theme = "ansi-dark" if few and not chosen else self.config.theme

    # Where there is no kernel to look at

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Without a kernel, what needs one cannot be done."""
        if self.unreadable and action in _NEEDS_KERNEL:
            return False
        return super().check_action(action, parameters)

    def retry(self) -> None:
        """Try again to open the kernel."""
        if self._reopen:
            self.lookup(self, partial(_open_again, self._reopen), self._take_opened)

    def _take_opened(self, kernel: Kernel | tuple[Obstacle, ...]) -> None:
        if self.unreadable is None:
            return  # a try before this one was answered first
        if isinstance(kernel, tuple):
            cast("UnreadableScreen", self.screen_stack[0]).show(kernel)
            self.notify("It still cannot be read.", severity="warning")
            return
        self.unreadable = None
        self.take_kernel(kernel)
        self.take_writes()
        self.add_mode("explorer", ExplorerScreen)
        self.switch_mode("explorer")
        self.look(holders=False)

    # Screens and actions

    def on_key(self, event: events.Key) -> None:
        """Text for a line that got the focus only while it was on its way: keys come in bursts."""
        insert = getattr(self.focused, "insert_text_at_cursor", None)
        if insert and event.is_printable and event.character:
            event.prevent_default()
            insert(event.character)

    def action_demo(self) -> None:
        """Leave this kernel for the demo kernel, which can be tried without fear."""
        if self.unreadable is None and self.kernel.host.source == "demo":
            self.notify("This is the demo kernel.")
        elif self.held:
            self.notify("It would unregister what this program holds: quit first.")
        elif self.at_rest():
            self.wants_demo = True
            self.exit()

    def action_types(self) -> None:
        """Open the types."""
        from stops_tui.screens.types import TypesScreen

        self._open(TypesScreen)

    def register(self, type_name: str = "", map_id: int = 0, member: str = "") -> None:
        """Open the wizard: from the start, with a type, or with what a map has."""
        from stops_tui.screens.register import RegisterScreen

        self._open(partial(RegisterScreen, type_name, map_id, member))

    def action_open_object(self) -> None:
        """Choose an object file, and show what is in it in place of what was shown."""
        from stops_tui.screens.object.chooser import ChooseObject

        self.push_screen(ChooseObject(), self._show_object)

    def _show_object(self, found: ObjectFile | None) -> None:
        from stops_tui.screens.object.screen import ObjectScreen

        if found:
            self._explorer()
            self.push_screen(ObjectScreen(found))

    def action_events(self) -> None:
        """Open the events."""
        from stops_tui.screens.events import EventsScreen

        self._open(EventsScreen)

    def action_help(self) -> None:
        """Explain the focused thing and the keys."""
        from stops_tui.screens.help import HelpScreen
        from stops_tui.widgets.key_help import focused_help

        about = focused_help(self.screen.focused or self.screen)
        self.push_screen(HelpScreen(about, self.actions_here(self.screen), self.config.keys))

    def _open(self, screen: Callable[[], Screen[Any]]) -> None:
        """Show a screen; come back to one that only lists cover: `t e t` opens two, not three."""
        if self.unreadable is not None:
            return
        stack = self.screen_stack
        at = next((nth for nth, each in enumerate(stack) if type(each) is screen), None)
        if at is not None and all(_where(each) in ("types", "events") for each in stack[at + 1 :]):
            for _ in stack[at + 1 :]:
                self.pop_screen()
        else:
            self.push_screen(screen())

    async def action_back(self) -> None:
        """Come back from a screen."""
        if len(self.screen_stack) > 1:
            self.pop_screen()

    def _explorer(self) -> ExplorerScreen:
        """Come back to the explorer from wherever."""
        while len(self.screen_stack) > 1:
            self.pop_screen()
        return cast("ExplorerScreen", self.screen)

    def show_map(self, map_id: int) -> None:
        """Come back to the explorer, the cursor on this map, as soon as it is seen there."""
        self._explorer().show_map(map_id)

    def action_show_map(self, map_id: int) -> None:
        """Come back to the explorer, the cursor on this map."""
        self.show_map(map_id)

    def action_try_map(self, map_id: int) -> None:
        """Come back to the explorer, the cursor on this map, and try it."""
        from stops_tui.screens.try_it import open_trial

        explorer = self._explorer()
        explorer.show_map(map_id)
        if self.snapshot and map_id in self.snapshot.maps:
            open_trial(self, explorer.facts, self.snapshot.maps[map_id])

    def show_maps_of(self, type_name: str) -> None:
        """Come back to the explorer, with only the maps of this type."""
        self._explorer().show_maps_of(type_name)

    def actions_here(self, screen: Screen[Any]) -> list[Action]:
        """What can be done on a screen."""
        return actions_on(_where(screen))

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Every action that can be taken here, for the palette."""
        for action in self.actions_here(screen):
            if action.id not in ("command_palette", "back"):
                key = key_text(action, self.config.keys)
                title = f"{action.label[0].upper()}{action.label[1:]}  {key}"
                run = partial(screen.run_action, scoped(action))
                barred = action.writes and not self.armed
                help_ = f"Read-only: {self.how_to_arm}. " if barred else ""
                yield SystemCommand(title, help_ + action.help, run)
        yield SystemCommand("Theme", "Other colours, until the end.", self.action_change_theme)

    # When it fails

    def _fatal_error(self) -> None:
        """Leave with one line and a crash file, where Textual would print all local variables."""
        from stops_tui.crash import crash_line

        line = crash_line(self._exception or RuntimeError("unknown"))
        self.panic(Text(line, no_wrap=True, overflow="ignore"))


_NEEDS_KERNEL = frozenset(a.id for a in actions_of("everywhere")) - WITHOUT_KERNEL - {"back"}


def _collect_garbage() -> None:
    """Look for garbage from now on, but not among what the start made: that stays."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def _open_again(reopen: Callable[[], Kernel]) -> Kernel | tuple[Obstacle, ...]:
    """The kernel, or what still stands in the way."""
    try:
        return reopen()
    except KernelUnreadable as unreadable:
        return unreadable.obstacles


def _where(screen: Screen[Any]) -> Where:
    """Which actions a screen has besides those that all have."""
    return getattr(screen, "WHERE", "everywhere")
