"""Settings: each source, each problem with its file, line and key; nothing a file holds raises."""

from __future__ import annotations

import string
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stops_tui.actions import ACTIONS
from stops_tui.config import COLUMNS, THEMES, Config, config_path, load
from stops_tui.config.keys import PUNCTUATION, as_written, key_name
from stops_tui.config.lines import key_lines


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def read(file: Path, text: str) -> Config:
    file.write_text(text)
    return load(path=file, environ={})


def problems(file: Path, text: str) -> list[str]:
    return [str(problem).removeprefix(f"{file}:") for problem in read(file, text).problems]


def test_without_a_file_everything_has_its_default(file: Path) -> None:
    config = load(path=file, environ={})
    assert config == Config(path=file)
    assert {config.source(name) for name in ("theme", "interval", "columns", "keys.pause")} == {
        "default"
    }


def test_the_folder_is_the_xdg_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert config_path() == tmp_path / "stops-tui" / "config.toml"


def test_every_setting_and_where_it_came_from(file: Path) -> None:
    config = read(
        file,
        '\n# mine\ntheme = "nord"\ninterval = 2\ncolumns = [\n "id",\n "name",\n]\n\n'
        '[keys]\npause = "f8"\nfilter = ["/", "ctrl+f"]\n',
    )
    assert config.problems == ()
    assert (config.theme, config.interval, config.columns) == ("nord", 2.0, ("id", "name"))
    assert config.keys == {"pause": "f8", "filter": "slash,ctrl+f"}
    assert config.sources == {
        "theme": f"{file}:3",
        "interval": f"{file}:4",
        "columns": f"{file}:5",
        "keys.pause": f"{file}:11",
        "keys.filter": f"{file}:12",
    }


def test_the_command_line_is_over_the_environment_is_over_the_file(file: Path) -> None:
    file.write_text('theme = "nord"\ninterval = 5\n')
    config = load(interval=0.5, path=file, environ={"TEXTUAL_THEME": "dracula"})
    assert (config.theme, config.source("theme")) == ("dracula", "environment TEXTUAL_THEME")
    assert (config.interval, config.source("interval")) == (0.5, "command line")


def test_a_wrong_value_in_the_environment_is_told(file: Path) -> None:
    config = load(path=file, environ={"TEXTUAL_THEME": "blak"})
    assert config.theme == Config().theme
    assert str(config.problems[0]).startswith("environment TEXTUAL_THEME: theme: there is no theme")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("interval = 0.01", "1: interval: expected 0.1 to 3600 seconds, not 0.01"),
        ("interval = true", "1: interval: expected 0.1 to 3600 seconds, not True"),
        ("interval = nan", "1: interval: expected 0.1 to 3600 seconds, not nan"),
        ("interval = []", "1: interval: expected 0.1 to 3600 seconds, not []"),
        ('\ntheme = "nrod"', "2: theme: there is no theme 'nrod'; the nearest is 'nord'"),
        ("theme = 3", "1: theme: expected the name of a theme, not 3"),
        ('colums = ["id"]', "1: colums: there is no setting 'colums'; the nearest is 'columns'"),
        ('columns = ["nam"]', "1: columns: there is no column 'nam'; the nearest is 'name'"),
        ("columns = [[]]", "1: columns: there is no column []; the nearest is "),
        ('columns = ["id", "id"]', "1: columns: names a column twice"),
        ("columns = []", f"1: columns: expected a list of columns out of {', '.join(COLUMNS)}"),
        ("keys = 1", '1: keys: expected [keys], and below it lines as pause = "p", not 1'),
        (
            '[keys]\n\npaus = "x"',
            "3: keys.paus: there is no action 'paus'; the nearest is 'pause'",
        ),
        (
            '[keys]\npause = "bogus"',
            "2: keys.pause: 'bogus' is no key; write p, P, /, f5, space or ctrl+f",
        ),
        ("[keys]\npause = []", '2: keys.pause: expected "p" or a list as ["p", "f5"], not []'),
        (
            '[keys]\npause = "s"',
            "2: keys.pause: 's' is a key of 'sort' already",
        ),
        (
            '[keys]\nsort = "<"',
            "2: keys.sort: '<' is a key of 'seek_back' already",
        ),
        ("theme =", "1: invalid value"),
        ('theme = "nord"\n\ninterval = = 2', "3: invalid value"),
        ('theme = "nord', "1: unterminated string"),
        ("\n\x1b[31m = 1", "2: invalid statement"),
        ('"a\\u001bb" = 1', "1: 'a\\x1bb': there is no setting 'a\\x1bb'; the nearest is "),
    ],
)
def test_a_problem_names_line_and_key(file: Path, text: str, problem: str) -> None:
    found = problems(file, text)
    assert len(found) == 1
    assert found[0].startswith(problem)


def test_one_wrong_value_leaves_the_others(file: Path) -> None:
    config = read(file, 'theme = 1\ninterval = 9\n[keys]\nnope = "x"\npause = "f9"\n')
    assert (config.theme, config.interval, config.keys) == (Config().theme, 9.0, {"pause": "f9"})
    assert len(config.problems) == 2


def test_two_actions_may_swap_keys(file: Path) -> None:
    config = read(file, '[keys]\npause = "s"\nsort = "p"\n')
    assert config.problems == ()
    assert config.keys == {"pause": "s", "sort": "p"}


def test_a_key_taken_back_may_make_another_clash(file: Path) -> None:
    """sort may not have t, so it keeps s, so filter may not have it."""
    config = read(file, '[keys]\nfilter = "s"\nsort = "t"\n')
    assert config.keys == {}
    assert {problem.key for problem in config.problems} == {"keys.filter", "keys.sort"}
    assert config.source("keys.sort") == "default"


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b'theme = "nord"\nx = "\xff"', "cannot be read: line 2 is not UTF-8"),
        (b"#" * 65537, "cannot be read: it is longer than 64 KiB"),
        (b"a = " + b"[" * 5000 + b"]" * 5000, "cannot be read: too long a number, or too deep"),
        (b"a = " + b"9" * 5000, "cannot be read: too long a number, or too deep"),
        (b".".join([b"a"] * 2000) + b" = 1", "cannot be read: too long a number, or too deep"),
    ],
    ids=["bytes", "long", "lists", "digits", "tables"],
)
def test_a_file_that_cannot_be_read_is_told(file: Path, data: bytes, problem: str) -> None:
    file.write_bytes(data)
    config = load(path=file, environ={})
    assert [str(found) for found in config.problems] == [f"{file}: {problem}"]


def test_a_folder_in_place_of_the_file_is_told(tmp_path: Path) -> None:
    assert "cannot be read: Is a directory" in str(load(path=tmp_path, environ={}).problems[0])


@given(st.binary(max_size=300))
def test_no_bytes_make_it_raise(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "any.toml"
    file.write_bytes(data)
    for problem in load(path=file, environ={}).problems:
        assert str(problem).isprintable()


values = st.recursive(
    st.integers() | st.booleans() | st.text(max_size=5) | st.floats(),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)
names = st.sampled_from(
    ["theme", "interval", "columns", "keys.pause", "keys.sort", '"x y"', '"keys.pause"', "keys.a.b"]
)


def toml(value: object) -> str:
    if isinstance(value, list):
        return "[\n" + ",\n".join(map(toml, value)) + "\n]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + "".join(f"\\U{ord(char):08x}" for char in value) + '"'
    return str(value)


@given(st.lists(st.tuples(names, values), max_size=5, unique_by=lambda pair: pair[0]))
def test_no_value_makes_it_raise(
    tmp_path_factory: pytest.TempPathFactory, settings: list[tuple[str, object]]
) -> None:
    file = tmp_path_factory.getbasetemp() / "values.toml"
    file.write_text("".join(f"{name} = {toml(value)}\n" for name, value in settings))
    config = load(path=file, environ={})
    assert config.theme in THEMES
    assert 0.1 <= config.interval <= 3600
    assert set(config.columns) <= set(COLUMNS)


bare = st.text(string.ascii_lowercase, min_size=1, max_size=4)
written = st.one_of(
    st.integers(0, 99).map(str),
    st.text(string.ascii_letters + " #[]=", max_size=6).map(lambda text: f'"{text}"'),
    st.text(string.ascii_letters + " #[]=\n", max_size=9).map(lambda text: f'"""\n{text}"""'),
    st.lists(st.integers(0, 9), max_size=3).map(
        lambda some: "[\n" + ",\n".join(map(str, some)) + "]"
    ),
)
statements = st.lists(st.tuples(bare, written), max_size=4, unique_by=lambda pair: pair[0])


@given(statements, st.dictionaries(bare.map("t_{}".format), statements, max_size=2))
def test_key_lines_are_those_the_keys_were_written_on(
    top: list[tuple[str, str]], tables: dict[str, list[tuple[str, str]]]
) -> None:
    text, expected = "# first\n\n", {}

    def write(table: tuple[str, ...], pairs: list[tuple[str, str]]) -> None:
        nonlocal text
        for name, value in pairs:
            expected[(*table, name)] = text.count("\n") + 1
            text += f'"{name}" = {value} # comment\n\n'

    write((), top)
    for name, pairs in tables.items():
        expected[(name,)] = text.count("\n") + 1
        text += f"[{name}]\n"
        write((name,), pairs)
    tomllib.loads(text)
    assert key_lines(text) == expected


def test_key_lines_of_dotted_and_inline_tables() -> None:
    text = "a.b = 1\r\nc = { d = 1, e.f = 2 }\r\n[g.h]\r\ni = '''\r\n[x]\r\n'''\r\nj = 1\r\n"
    assert key_lines(text) == {
        ("a",): 1,
        ("a", "b"): 1,
        ("c",): 2,
        ("c", "d"): 2,
        ("c", "e"): 2,
        ("c", "e", "f"): 2,
        ("g",): 3,
        ("g", "h"): 3,
        ("g", "h", "i"): 4,
        ("g", "h", "j"): 7,
    }


def test_characters_are_named_as_textual_names_them() -> None:
    from textual.keys import _character_to_key

    for character in PUNCTUATION + string.ascii_letters + string.digits + "é":
        assert key_name(character) == _character_to_key(character)


@pytest.mark.parametrize(
    ("written", "name"),
    [("ctrl+F", "ctrl+f"), ("PageUp", "pageup"), ("Ctrl+Shift+up", "ctrl+shift+up"),
     ("Shift+Ctrl+up", "ctrl+shift+up"), ("ctrl+ctrl+p", "ctrl+p"), ("alt+P", "alt+shift+p"),
     ("+", "plus"), ("ctrl++", "ctrl+plus"), ("slash", "slash"), ("P", "P"), (" f5 ", "f5")],
)  # fmt: skip
def test_keys_may_be_written_as_people_do(written: str, name: str) -> None:
    assert key_name(written) == name


@pytest.mark.parametrize(
    "person", [*PUNCTUATION, "ctrl++", "ctrl+/", "ctrl+p", "f5", "P", "escape"]
)
def test_keys_are_told_as_people_write_them(person: str) -> None:
    assert as_written(key_name(person)) == person


@pytest.mark.parametrize(
    "written", ["", "hyperspace", "ctrl+", "foo+a", "a,b", "\x1b", "ab", "p q"]
)
def test_what_is_no_key_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="is no key"):
        key_name(written)


@pytest.mark.parametrize(
    ("written", "says"),
    [("shift+p", "write that one, as in P"), ("shift+P", "as in P"), ("shift+/", "as in P or ?"),
     ("ctrl+i", "the same as 'tab'"), ("Ctrl+M", "'enter'"), ("ctrl+[", "'escape'")],
)  # fmt: skip
def test_what_no_terminal_sends_is_refused(written: str, says: str) -> None:
    with pytest.raises(ValueError) as refused:
        key_name(written)
    assert says in str(refused.value)


def test_every_key_of_a_plain_terminal_has_a_name() -> None:
    from textual._ansi_sequences import ANSI_SEQUENCES_KEYS

    tuples = (keys for keys in ANSI_SEQUENCES_KEYS.values() if isinstance(keys, tuple))
    sent = {key.value for keys in tuples for key in keys}
    for key in sent - {"<scroll-up>", "<scroll-down>", "ctrl+@"}:
        assert key_name(key) == key


def test_every_default_key_has_a_name_that_may_be_written() -> None:
    for action in ACTIONS:
        for key in action.keys.split(","):
            assert key_name(key) == key


def test_themes_are_those_of_the_terminal_library() -> None:
    from textual.theme import BUILTIN_THEMES

    assert set(BUILTIN_THEMES) <= set(THEMES)


def test_columns_are_those_of_the_map_table() -> None:
    from stops_tui.widgets.map_table import COLUMNS as TABLE

    assert {column.key for column in TABLE} - {"history"} == set(COLUMNS)
