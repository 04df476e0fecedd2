"""The man page and the files of the wheel's share folder."""

from __future__ import annotations

import re
import runpy
import subprocess
from pathlib import Path
from typing import Any

import pytest

from stops_tui import exit_codes
from stops_tui.actions import ACTIONS
from tests.support.clang import tool

MANUAL = Path(__file__).parents[2] / "packaging" / "manual.py"


@pytest.fixture(scope="module")
def manual() -> dict[str, Any]:
    return runpy.run_path(str(MANUAL))


@pytest.fixture
def page(manual: dict[str, Any]) -> str:
    return str(manual["man_page"]()).replace("\\-", "-").replace("\\&", "")


def test_the_page_has_every_verb_option_and_action(page: str) -> None:
    verbs = ["list", "dump", "types", "progs", "prog", "watch", "config", "completion"]
    for verb in (*verbs, "register", "unregister", "swap", "examples"):
        assert f"stops-tui {verb}" in page
    for option in (
        "--json",
        "--xlated",
        "--duration",
        "--interval",
        "--dry-run",
        "TEXTUAL_THEME",
        "NO_COLOR",
        "STOPS_TUI_LIBBPF",
    ):
        assert option in page
    for code in vars(exit_codes).values():
        assert not isinstance(code, int) or re.search(rf"\b{code} [a-z]", page)
    for action in ACTIONS:
        assert f"[{action.id}]" in page
        assert action.help in page


def test_troff_has_nothing_to_say_against_it(manual: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "stops-tui.1"
    path.write_text(manual["man_page"]())
    command = [tool("groff"), "-man", "-Tutf8", "-ww", "-Kutf8", str(path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ended.stderr == ""
    assert "sudo stops-tui list --json" in ended.stdout


def test_every_file_has_its_place_in_the_share_folder(
    manual: dict[str, Any], tmp_path: Path
) -> None:
    written = manual["write"](tmp_path)
    assert sorted(written.values()) == [
        "share/bash-completion/completions/stops-tui",
        "share/fish/vendor_completions.d/stops-tui.fish",
        "share/man/man1/stops-tui.1",
        "share/zsh/site-functions/_stops-tui",
    ]
    assert all(Path(path).read_text() for path in written)


def test_the_page_says_what_looking_leaves_behind(page: str) -> None:
    assert "no object of the kernel is changed, but looking leaves traces" in page
