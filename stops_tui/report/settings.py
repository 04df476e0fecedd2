"""`config`: every setting, its value, and where that came from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stops_tui.actions import ACTIONS
from stops_tui.config import Config
from stops_tui.config.keys import as_written
from stops_tui.exit_codes import FINE, USAGE
from stops_tui.report.output import note, print_json, print_table


def report(config: Config, *, as_json: bool) -> int:
    """Print the settings; the exit code tells whether something is wrong with them."""
    settings = list(_settings(config))
    if as_json:
        found = [{"name": n, "value": value, "source": source} for n, value, source in settings]
        wrong = [{"where": p.where, "key": p.key, "message": p.message} for p in config.problems]
        print_json({"path": str(config.path), "settings": found, "problems": wrong})
    else:
        rows = [(name, _text(value), source) for name, value, source in settings]
        print_table(("SETTING", "VALUE", "FROM"), rows)
        if config.path:
            note(
                f"the file is {config.path}{' (there is none)' if _is_missing(config.path) else ''}"
            )
    tell_problems(config)
    return USAGE if config.problems else FINE


def tell_problems(config: Config) -> None:
    """One line on standard error for everything wrong in the settings."""
    for problem in config.problems:
        note(str(problem))


def _settings(config: Config) -> Iterator[tuple[str, Any, str]]:
    """(name, value, source) of all, each action's keys among them."""
    yield "theme", config.theme, config.source("theme")
    yield "interval", config.interval, config.source("interval")
    yield "columns", list(config.columns), config.source("columns")
    for action in ACTIONS:
        keys = config.keys.get(action.id, action.keys)
        name = f"keys.{action.id}"
        yield name, [as_written(key) for key in keys.split(",")], config.source(name)


def _text(value: Any) -> str:
    return " ".join(value) if isinstance(value, list) else str(value)


def _is_missing(path: Path) -> bool:
    """Whether there is no such file, as far as this user may know."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False
