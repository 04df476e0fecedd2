"""Damaged objects, 10,000 of them: refused in words, or described, soon and in little memory."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.support.clang import tool


def test_damaged_objects_are_refused_or_described() -> None:
    for each in ("clang", "llvm-readobj"):
        tool(each)
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.mutated_objects", "10000", "1"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=1200,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.fullmatch(
        r"(\d+) described, (\d+) of them compared, (\d+) refused, "
        r"the longest in (\d+) ms, (\d+) MiB\n",
        done.stdout,
    )
    assert found, done.stdout
    described, compared, refused, _, memory = map(int, found.groups())
    assert described > 2000
    assert compared > 100
    assert refused > 2000
    assert memory < 100
