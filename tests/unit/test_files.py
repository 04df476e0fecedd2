from __future__ import annotations

import os
from pathlib import Path

import pytest

from stops_tui.screens import files
from stops_tui.screens.files import Entry, above, completed, look, matching, split

HOSTILE = "\x1b[31m[red]\n\u202e.o"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with objects, folders, and all that is neither."""
    for name in ("b.o", "a.bpf.o", HOSTILE, ".hidden.o", "notes.txt"):
        (tmp_path / name).write_bytes(b"12345")
    (tmp_path / "z.o").mkdir()
    (tmp_path / "src").mkdir()
    (tmp_path / "broken.o").symlink_to("nowhere")
    (tmp_path / "linked.o").symlink_to("b.o")
    os.mkfifo(tmp_path / "pipe.o")
    os.utime(tmp_path / "b.o", (0, 86_400))
    return tmp_path


def names(folder: str) -> list[str]:
    return [entry.name for entry in look(folder, ".o").entries]


def test_shows_folders_and_regular_files_of_the_kind(folder: Path) -> None:
    found = look(f"{folder}/", ".o")
    assert names(f"{folder}/") == ["src", "z.o", HOSTILE, ".hidden.o", "a.bpf.o", "b.o", "linked.o"]
    assert found.entries[5] == Entry("b.o", False, 5, 86_400)
    assert (found.path, found.problem) == (str(folder), "")


def test_a_folder_may_be_relative_or_ones_home(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder / "src")
    monkeypatch.setenv("HOME", str(folder))
    assert names("../") == names("~/") == names(f"{folder}/")
    assert look("", ".o").path == f"{folder}/src"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/no/such/folder/", "No such file or directory"),
        ("~nobody-of-this-name/", "home"),
        ("a\0b/", "null"),
        ("/etc/passwd/", "Not a directory"),
        ("/" + "x" * 300 + "/", "File name too long"),
    ],
)
def test_says_why_there_is_nothing_to_see(path: str, words: str) -> None:
    found = look(path, ".o")
    assert found.entries == ()
    assert words in found.problem


def test_a_folder_without_end_is_cut(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST", 3)
    found = look(str(folder), ".o")
    assert len(found.entries) <= 3
    assert "only the first 3 entries" in found.problem


def test_hidden_ones_show_when_they_are_asked_for() -> None:
    entries = [Entry("a.o", False), Entry(".b.o", False), Entry("abc", True)]
    assert [e.name for e in matching(entries, "")] == ["a.o", "abc"]
    assert [e.name for e in matching(entries, ".")] == [".b.o"]
    assert [e.name for e in matching(entries, "ab")] == ["abc"]


@pytest.mark.parametrize(
    ("typed", "to"),
    [
        ("", ""),
        ("x/d", "x/dctcp"),
        ("/d", "/dctcp"),
        ("dctcp_", "dctcp_old.o"),
        ("s", "src/"),
        ("nothing", "nothing"),
        ("..", "../"),
        ("x/..", "x/../"),
        ("~", "~/"),
        ("~root", "~root/"),
        (".h", ".hid.o"),
    ],
)
def test_completes_what_is_certain(typed: str, to: str) -> None:
    entries = [
        Entry("src", True),
        Entry("dctcp.o", False),
        Entry("dctcp_old.o", False),
        Entry(".hid.o", False),
    ]
    assert completed(typed, entries) == to


@pytest.mark.parametrize(
    ("folder", "to"),
    [
        ("", "../"),
        ("../", "../../"),
        ("./", "./../"),
        ("a/", "./"),
        ("a/b/", "a/"),
        ("/", "/"),
        ("/a/", "/"),
        ("/a/b/", "/a/"),
        ("~/", "/home/"),
        ("~/x/", "~/"),
    ],
)
def test_the_folder_above(folder: str, to: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert above(folder) == to


def test_splits_at_the_last_slash() -> None:
    assert split("/a/b") == ("/a/", "b")
    assert split("b") == ("", "b")
