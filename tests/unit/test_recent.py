from __future__ import annotations

import os
from pathlib import Path

import pytest

from stops_tui.screens.files import Entry
from stops_tui.screens.object.recent import KEPT, recent, remember


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the list is kept."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "stops-tui" / "objects.json"


def paths() -> list[str]:
    return [known.path for known in recent()]


@pytest.mark.usefixtures("state")
def test_the_newest_is_first_and_there_once() -> None:
    assert recent() == []
    for path in ("/a.o", "/b.o", "/a.o"):
        remember(path)
    assert paths() == ["/a.o", "/b.o"]


@pytest.mark.usefixtures("state")
def test_old_ones_are_forgotten() -> None:
    for number in range(KEPT + 5):
        remember(f"/{number}.o")
    assert paths() == [f"/{number}.o" for number in range(KEPT + 4, 4, -1)]


@pytest.mark.usefixtures("state")
def test_any_name_comes_back_as_it_is() -> None:
    hostile = os.fsdecode(b"/\xff\x1b[31m\n.o")
    remember(hostile)
    assert paths() == [hostile]


def test_tells_what_is_there(state: Path, tmp_path: Path) -> None:
    there, fifo = tmp_path / "x.o", tmp_path / "pipe.o"
    there.write_bytes(b"1234")
    os.utime(there, (0, 60))
    os.mkfifo(fifo)
    for path in ("/gone.o", str(fifo), str(there)):
        remember(path)
    assert [known.entry for known in recent()] == [Entry("x.o", False, 4, 60), None, None]
    assert state.stat().st_mode & 0o777 == 0o600
    assert list(state.parent.iterdir()) == [state]


@pytest.mark.parametrize("content", [b"", b"{", b"7", b'[1, null, "/a.o"]', b"[" * 99999, b"\xff"])
def test_a_list_that_is_none_is_empty(state: Path, content: bytes) -> None:
    remember("/x.o")
    state.write_bytes(content)
    assert paths() in ([], ["/a.o"])
    remember("/b.o")
    assert paths()[0] == "/b.o"


def test_never_waits_for_a_pipe_nor_follows_a_link(state: Path, tmp_path: Path) -> None:
    state.parent.mkdir()
    os.mkfifo(state)
    assert paths() == []
    state.unlink()
    target = tmp_path / "target"
    target.write_text('["/a.o"]')
    state.symlink_to(target)
    assert paths() == []
    remember("/b.o")
    assert target.read_text() == '["/a.o"]'
    assert paths() == ["/b.o"]


def test_where_it_cannot_be_written_nothing_is_said(state: Path) -> None:
    state.parent.parent.joinpath("stops-tui").write_text("a file in its place")
    remember("/a.o")
    assert paths() == []
