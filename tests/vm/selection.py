"""Which tests run in a guest when nobody names any."""

from __future__ import annotations

from pathlib import Path

EVERYWHERE = ("tests/live", "tests/vm/guest")


def arguments(given: list[str]) -> list[str]:
    """pytest's arguments: those that were given, with the tests to run if they name none."""
    named = any(Path(word.partition("::")[0]).exists() for word in given if word[:1] != "-")
    return given if named else [*given, *EVERYWHERE]
