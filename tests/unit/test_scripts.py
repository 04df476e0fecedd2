"""The shell scripts, which no other tool reads."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.clang import tool

PROJECT = Path(__file__).parents[2]
SCRIPTS = (
    *(".ci/run", "setup-venv", "tests/setup-host", "tests/fetch-deb"),
    *("tests/vm/init", "tests/vm/session"),
)


@pytest.mark.parametrize("script", SCRIPTS)
def test_shellcheck_has_nothing_to_say_against_it(script: str) -> None:
    command = [tool("shellcheck"), "--severity=warning", script]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.stdout + done.stderr == ""


def test_a_machine_runs_what_the_readme_says_and_skips_no_live_test() -> None:
    lines = (PROJECT / ".ci/run").read_text().splitlines()
    assert {"set -euo pipefail", "export STOPS_TUI_REQUIRE_LIVE=1", "make test"} <= set(lines)
