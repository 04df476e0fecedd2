"""Choosing a BPF object file: those opened before, and what is in a folder."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical

from stops_tui.bpf.object_file import ObjectFile, ObjectFileError, read
from stops_tui.screens.dialog import Dialog
from stops_tui.screens.files import TROUBLE, place_of, words_of
from stops_tui.screens.object.recent import recent, remember
from stops_tui.screens.path_browser import PathBrowser, title_of

SUFFIX = ".o"


class ChooseObject(Dialog[ObjectFile]):
    """Gives what is in the chosen file, or None; a file that cannot be read is told of here."""

    HELP = """An object file that clang made of a BPF program (`.bpf.o`). Type its path, or go to it
with the arrows: folders and files that end in `.o` are shown, hidden ones once a dot is typed. What
is typed without a slash also finds files that were opened before.

`Tab` completes a path, `Enter` opens the file at the cursor or goes into the folder."""
    DEFAULT_CSS = """
    ChooseObject > .frame { width: 96%; max-width: 120; height: 92%; max-height: 40; }
    """

    def compose(self) -> ComposeResult:
        """The path, and what is there."""
        with Vertical(classes="frame") as box:
            box.border_title = "Open an object file"
            box.border_subtitle = "type a path · Tab completes · Enter opens · Esc leaves"
            yield PathBrowser(
                SUFFIX,
                placeholder="path of a .bpf.o",
                empty="No object file (*.o) and no folder here.",
            )

    def on_mount(self) -> None:
        """Offer what was opened before."""
        self.facts.lookup(self, recent, self.query_one(PathBrowser).offer)

    @on(PathBrowser.Entered)
    def _show_folder(self, message: PathBrowser.Entered) -> None:
        where = f" in {title_of(message.path)}" if message.path else ""
        self.query_one(".frame").border_title = f"Open an object file{where}"

    @on(PathBrowser.Picked)
    def _open(self, message: PathBrowser.Picked) -> None:
        self.query_one(PathBrowser).say("Reading…")
        self.facts.lookup(self, partial(open_object, message.path), self._take)

    def _take(self, found: ObjectFile | str) -> None:
        if isinstance(found, str):
            self.query_one(PathBrowser).say(found)
        else:
            self.dismiss(found)


def open_object(path: str) -> ObjectFile | str:
    """What is in the file, which is remembered; else why that cannot be told."""
    try:
        found = read(str(place_of(path)))
    except ObjectFileError as error:
        return f"{Path(path).name}: {error.reason}"
    except TROUBLE as error:
        return words_of(error)
    remember(found.path)
    return found
