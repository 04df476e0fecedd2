"""A damaged recording plays as far as it is right, or is refused in words; it harms nobody."""

from __future__ import annotations

import re
import subprocess
import sys


def test_mutants_are_refused_or_played() -> None:
    """In a process of its own, whose memory is counted; `… 10000 1` takes three minutes."""
    command = [sys.executable, "-m", "tests.support.mutated_recordings", "400", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = re.fullmatch(r"(\d+) played, (\d+) refused, (\d+) MiB\n", done.stdout)
    assert found
    played, refused, memory = map(int, found.groups())
    assert played > 50
    assert refused > 50
    assert memory < 200
