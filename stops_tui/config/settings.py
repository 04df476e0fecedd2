"""The settings, their checks, and how they are gathered.

Values come from, each over the one before: the defaults, `stops-tui/config.toml` in the XDG
configuration folder, the environment, the command line. A wrong value is a `Problem`, never an
exception: the rest of the file still counts, and the app still opens.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from stops_tui.actions import ACTIONS, OF_THE_APP, Action
from stops_tui.config.keys import as_written, key_name
from stops_tui.record import Record

if TYPE_CHECKING:
    from stops_tui.config.lines import KeyPath

THEMES: Final = (
    "textual-dark",
    "textual-light",
    "nord",
    "gruvbox",
    "catppuccin-mocha",
    "dracula",
    "tokyo-night",
    "monokai",
    "flexoki",
    "catppuccin-latte",
    "catppuccin-frappe",
    "catppuccin-macchiato",
    "solarized-light",
    "solarized-dark",
    "rose-pine",
    "rose-pine-moon",
    "rose-pine-dawn",
    "atom-one-dark",
    "atom-one-light",
    "ansi-dark",
    "ansi-light",
)
COLUMNS: Final = ("id", "name", "type", "status", "refcnt", "members", "link", "held_by")
SHORTEST_INTERVAL: Final = 0.1
LONGEST_INTERVAL: Final = 3600.0
LARGEST_FILE: Final = 64 * 1024


class Problem(Record):
    """One thing wrong in the configuration.

    Attributes:
        where: `/root/.config/stops-tui/config.toml:3`, or `environment TEXTUAL_THEME`.
        key: The key it is about, `keys.pause`; "" if the file as a whole cannot be read.
        message: What is wrong and what would be right, one line.
    """

    where: str
    key: str
    message: str

    def __str__(self) -> str:
        """The whole of it on one line."""
        return ": ".join(part for part in (self.where, self.key, self.message) if part)


class Config(Record):
    """Every setting; the defaults work on any host.

    Attributes:
        theme: A name out of `THEMES`.
        interval: Seconds between two sweeps.
        columns: The map table's columns, out of `COLUMNS`, from left to right.
        keys: Action id → its keys between commas, for actions that were given other keys.
        sources: Setting (`theme`, `keys.pause`) → where its value came from; what is not in it
            has its default.
        problems: What was wrong; such a setting keeps the value it had before.
        path: The file, whether or not it exists.
    """

    theme: str = "textual-dark"
    interval: float = 1.0
    columns: tuple[str, ...] = COLUMNS
    keys: Mapping[str, str] = MappingProxyType({})
    sources: Mapping[str, str] = MappingProxyType({})
    problems: tuple[Problem, ...] = ()
    path: Path | None = None

    def source(self, name: str) -> str:
        """Where the value of `theme`, `interval`, `columns` or `keys.ACTION` came from."""
        return self.sources.get(name, "default")


def config_path() -> Path:
    """Where the file would be: `$XDG_CONFIG_HOME/stops-tui/config.toml`."""
    from platformdirs import user_config_path

    return user_config_path("stops-tui") / "config.toml"


def load(
    interval: float | None = None,
    path: Path | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Config:
    """Gather the settings; what a person wrote never makes it raise.

    Args:
        interval: What `--interval` said.
        path: The file to read instead of `config_path()`.
        environ: The environment; TEXTUAL_THEME sets the theme, as for every Textual app.
    """
    path = path or config_path()
    config = _free_of_clashes(_from_file(Config(path=path), path))
    if theme := environ.get("TEXTUAL_THEME"):
        config = _with(config, ("theme",), theme, "environment TEXTUAL_THEME")
    if interval is not None:
        config = _with(config, ("interval",), interval, "command line")
    return config


def seconds(value: object) -> float:
    """An interval out of a TOML value or the text of an argument.

    Raises:
        ValueError: It is no number, or one that makes no sense; the text says what would.
    """
    expected = f"expected {SHORTEST_INTERVAL} to {LONGEST_INTERVAL:.0f} seconds"
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(f"{expected}, not {_short(value)}")
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise ValueError(f"{expected}, not {_short(value)}") from None
    if not SHORTEST_INTERVAL <= number <= LONGEST_INTERVAL:
        raise ValueError(f"{expected}, not {_short(value)}")
    return number


def _from_file(config: Config, path: Path) -> Config:
    shown = str(path)
    try:
        text = _read(path)
    except (FileNotFoundError, NotADirectoryError):
        return config
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        return _with_problem(config, shown, "", f"cannot be read: {reason}")
    import tomllib  # not at the top: most hosts have no file

    from stops_tui.config.lines import key_lines, syntax_error

    try:
        table = tomllib.loads(text)
        lines = key_lines(text)
    except tomllib.TOMLDecodeError as error:
        line, message = syntax_error(error, text)
        return _with_problem(config, f"{shown}:{line}", "", message)
    except (ValueError, RecursionError):
        return _with_problem(config, shown, "", "cannot be read: too long a number, or too deep")
    for key, value in _settings(table):
        config = _with(config, key, value, f"{shown}:{lines[key]}")
    return config


def _read(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise ValueError(f"it is longer than {LARGEST_FILE // 1024} KiB")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"line {line} is not UTF-8") from None


def _settings(table: Mapping[str, Any]) -> Iterator[tuple[KeyPath, object]]:
    """Each setting with the path of its key: those of `[keys]` one by one."""
    for name, value in table.items():
        if name == "keys" and isinstance(value, dict):
            yield from (((name, action), keys) for action, keys in value.items())
        else:
            yield (name,), value


def _with(config: Config, key: KeyPath, value: object, where: str) -> Config:
    """`config` with one setting taken from `where`, or with the problem there is with it."""
    name = ".".join(key)
    try:
        if len(key) == 1:
            _one_of(name, _CHECKS, "setting")
            config = config._replace(**{name: _CHECKS[name](value)})
        else:
            action = key[1]
            _one_of(action, [action.id for action in ACTIONS], "action")
            config = config._replace(keys={**config.keys, action: _keys(value)})
    except ValueError as error:
        return _with_problem(config, where, name, str(error))
    return config._replace(sources={**config.sources, name: where})


def _with_problem(config: Config, where: str, key: str, message: str) -> Config:
    return config._replace(problems=(*config.problems, Problem(where, _plain(key), message)))


def _free_of_clashes(config: Config) -> Config:
    """Take back, one by one, keys that another action on the same screen has too."""
    while clash := _first_clash(config.keys):
        action, other, key = clash
        kept = {of: keys for of, keys in config.keys.items() if of != action}
        name = f"keys.{action}"
        where = config.source(name)
        message = f"{as_written(key)!r} is a key of {other!r} already"
        sources = {of: source for of, source in config.sources.items() if of != name}
        config = config._replace(keys=kept, sources=sources)
        config = _with_problem(config, where, name, message)
    return config


def _first_clash(keys: Mapping[str, str]) -> tuple[str, str, str] | None:
    """An action that was given a key of another one, that other, and the key."""
    given = (action for action in ACTIONS if action.id in keys)
    pairs = ((action, other) for action in given for other in ACTIONS)
    clashes = ((a.id, b.id, key) for a, b in pairs for key in _clashes(a, b, keys))
    return next(clashes, None)


def _clashes(one: Action, other: Action, keys: Mapping[str, str]) -> list[str]:
    meet = one.where == other.where or not OF_THE_APP.isdisjoint((one.where, other.where))
    if one is other or not meet:
        return []
    of_one, of_other = (keys.get(action.id, action.keys).split(",") for action in (one, other))
    return [key for key in of_one if key in of_other]


def _theme(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"expected the name of a theme, not {_short(value)}")
    _one_of(value, THEMES, "theme")
    return value


def _columns(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError(f"expected a list of columns out of {', '.join(COLUMNS)}")
    for name in value:
        _one_of(name, COLUMNS, "column")
    if len(set(value)) < len(value):
        raise ValueError("names a column twice")
    return tuple(value)


def _keys(value: object) -> str:
    keys = value if isinstance(value, list) else [value]
    if not keys or not all(isinstance(key, str) for key in keys):
        raise ValueError(f'expected "p" or a list as ["p", "f5"], not {_short(value)}')
    return ",".join(dict.fromkeys(map(key_name, keys)))


def _keys_table(value: object) -> None:
    raise ValueError(f'expected [keys], and below it lines as pause = "p", not {_short(value)}')


_CHECKS: Final[Mapping[str, Callable[[object], Any]]] = {
    "theme": _theme,
    "interval": seconds,
    "columns": _columns,
    "keys": _keys_table,
}


def _one_of(name: object, known: Iterable[str], what: str) -> None:
    """Refuse a name that is none of the known ones, and say which it may have been meant for."""
    names = list(known)
    if name in names:
        return
    from difflib import get_close_matches

    near = get_close_matches(str(name), names, n=1, cutoff=0.0)
    raise ValueError(f"there is no {what} {_short(name)}; the nearest is {near[0]!r}")


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:39] + "…"


def _plain(text: str) -> str:
    """A key as it may be printed: what cannot be is escaped, and what is long is cut."""
    return text if text.isprintable() and len(text) <= 60 else _short(text)
