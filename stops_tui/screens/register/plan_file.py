"""Saving a plan to a file, or choosing one to load."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input, Static

from stops_tui.screens.ask import Answer, AskScreen
from stops_tui.screens.dialog import FileDialog
from stops_tui.screens.files import TROUBLE, here, place_of
from stops_tui.screens.path_browser import PathBrowser
from stops_tui.struct_ops.registration.plan import Plan, PlanError
from stops_tui.struct_ops.registration.plan_file import from_toml
from stops_tui.struct_ops.text import printable
from stops_tui.widgets.line_input import LineInput

SUFFIX = ".toml"
LARGEST = 1 << 20
"""Bytes of a file that can be a plan."""
EXISTS = "It exists."


class SavePlan(FileDialog[str]):
    """Asks for a path and writes the plan there, in place of a file only if told to.

    Gives the path, or None.
    """

    def __init__(self, name: str, text: str) -> None:
        """Args: name: What the plan is called. text: The plan."""
        super().__init__()
        self._text = text
        self._default = f"{here()}{name}{SUFFIX}"
        self._writing = False

    def compose(self) -> ComposeResult:
        """The path, and what is wrong with it."""
        with Vertical(classes="frame") as box:
            box.border_title = "Save the plan as"
            box.border_subtitle = "Enter saves · Esc leaves"
            yield LineInput(self._default, compact=True)
            yield Static(markup=False)

    @on(Input.Submitted)
    def _submit(self) -> None:
        if self.is_active and not self._writing:  # two Enters write, and ask, once
            self._write(self.query_one(Input).value, replace=False)

    def _write(self, path: str, replace: bool) -> None:
        self._writing = True
        job = partial(write, path, self._text, replace)
        self.facts.lookup(self, job, partial(self._wrote, path))

    def _wrote(self, path: str, problem: str) -> None:
        self._writing = False
        if not problem:
            self.dismiss(path)
        elif problem != EXISTS:
            self.query_one(Static).update(problem)
        else:
            self.app.push_screen(_ask_to_replace(path), partial(self._answered, path))

    def _answered(self, path: str, answer: str | None) -> None:
        if answer == "replace":
            self._write(path, replace=True)


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


def _ask_to_replace(path: str) -> AskScreen:
    return AskScreen(
        "Replace the file?",
        Text(f"{printable(path)} exists: what is in it would be lost."),
        [Answer("keep", "No"), Answer("replace", "Replace it")],
    )


def write(path: str, text: str, replace: bool) -> str:
    """Write a file; says what is wrong, EXISTS among it, or "".

    Args:
        path: Where.
        text: What.
        replace: Whether one that is there may be lost.
    """
    try:
        place = place_of(path)
        if replace:
            place.write_text(text, encoding="utf-8")
        else:
            _write_new(place, text)
    except FileExistsError:
        return EXISTS
    except TROUBLE as error:
        return f"Not saved: {printable(str(error))}"
    return ""


def _write_new(place: Path, text: str) -> None:
    """Write a file that is not there; a disk that is full leaves none behind."""
    with place.open("x", encoding="utf-8") as file:
        try:
            file.write(text)
            file.flush()
        except TROUBLE:
            place.unlink()
            raise


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
