"""Saving a plan to a file, or choosing one to load."""

from __future__ import annotations

from functools import partial

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input, Static

from stops_tui.screens.dialog import FileDialog
from stops_tui.screens.files import TROUBLE, here, place_of
from stops_tui.screens.path_browser import PathBrowser
from stops_tui.struct_ops.registration.plan import Plan, PlanError
from stops_tui.struct_ops.registration.plan_file import from_toml, to_toml
from stops_tui.struct_ops.text import printable
from stops_tui.widgets.line_input import LineInput

SUFFIX = ".toml"
LARGEST = 1 << 20
"""Bytes of a file that can be a plan."""


class SavePlan(FileDialog[str]):
    """Asks for a path and writes the plan there; gives the path, or None."""

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self._text = to_toml(plan)
        self._default = f"{here()}{plan.map_name}{SUFFIX}"
        self._again = ""

    def compose(self) -> ComposeResult:
        """The path, and what is wrong with it."""
        with Vertical(classes="frame") as box:
            box.border_title = "Save the plan as"
            box.border_subtitle = "Enter saves · Esc leaves"
            yield LineInput(self._default, compact=True)
            yield Static(markup=False)

    @on(Input.Submitted)
    def _submit(self) -> None:
        path, text = self.query_one(Input).value, self._text
        replace = path == self._again
        self.facts.lookup(self, lambda: write(path, text, replace), self._wrote)

    def _wrote(self, problem: str) -> None:
        if not problem:
            self.dismiss(self.query_one(Input).value)
            return
        self._again = self.query_one(Input).value
        self.query_one(Static).update(problem)


class LoadPlan(FileDialog[Plan]):
    """Asks for a file, filtered as one types; gives its plan, or None."""

    DEFAULT_CSS = "LoadPlan PathBrowser { height: 16; }"

    def compose(self) -> ComposeResult:
        """The path, the files and folders there, and what is wrong with a file."""
        with Vertical(classes="frame") as box:
            box.border_title = "Load a plan"
            box.border_subtitle = "type a path · Tab completes · Enter opens · Esc leaves"
            yield PathBrowser(SUFFIX, here(), empty="No plan (*.toml) here.")

    @on(PathBrowser.Picked)
    def _open(self, message: PathBrowser.Picked) -> None:
        self.facts.lookup(self, partial(read, message.path), self._read)

    def _read(self, found: Plan | str) -> None:
        if isinstance(found, Plan):
            self.dismiss(found)
        else:
            self.query_one(PathBrowser).say(found)


def write(path: str, text: str, replace: bool) -> str:
    """Write a file; says what is wrong, or "".

    Args:
        path: Where.
        text: What.
        replace: Whether one that is there may be lost.
    """
    try:
        with place_of(path).open("w" if replace else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        return "It exists: Enter again replaces it."
    except TROUBLE as error:
        return f"Not saved: {printable(str(error))}"
    return ""


def read(path: str) -> Plan | str:
    """The plan in a file, or what is wrong with it."""
    try:
        place = place_of(path)
        if place.exists() and not place.is_file():
            return f"{path} is no regular file"
        with place.open(encoding="utf-8") as file:
            return from_toml(file.read(LARGEST), path)
    except (*TROUBLE, PlanError) as error:
        return str(error)
