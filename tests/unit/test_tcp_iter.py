"""Walks over sockets: what they use while they hang, and whose addresses are remembered."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stops_tui.bpf.syscall import opened
from stops_tui.kernels.live import tcp_iter, tcp_programs
from stops_tui.kernels.live.netns import Namespace, NoAnswerError, inside
from stops_tui.kernels.live.shared import Shared
from stops_tui.kernels.live.tcp_iter import TcpWalks
from stops_tui.kernels.users import RawNetns
from tests.support.btf_builder import BtfBuilder
from tests.support.live import eventually

OURS = Namespace(RawNetns(0, ours=True), "")


class FakeBpf:
    """A kernel with some maps. What it makes are files, so that one left open is noticed."""

    maps: set[int] = {7}  # noqa: RUF012 (one kernel)

    def map_get_next_id(self, after: int) -> int | None:
        return min((map_id for map_id in self.maps if map_id > after), default=None)

    def map_create(self, **_: Any) -> int:
        return os.open("/dev/null", os.O_RDONLY)

    def map_update_elem(self, fd: int, value: bytes, key: bytes) -> None:
        os.fstat(fd)

    def map_lookup_elem(self, fd: int, size: int, key: bytes) -> bytes:
        os.fstat(fd)
        return bytes(size)

    def map_delete_elem(self, fd: int, key: bytes) -> None:
        os.fstat(fd)


@pytest.fixture
def walks(monkeypatch: pytest.MonkeyPatch) -> TcpWalks:
    builder = BtfBuilder()
    builder.integer("int", 4)
    monkeypatch.setattr(FakeBpf, "maps", {7})
    monkeypatch.setattr(tcp_iter, "Bpf", FakeBpf)
    monkeypatch.setattr(tcp_iter, "iterator", lambda *_: opened(os.open("/dev/null", os.O_RDONLY)))
    monkeypatch.setattr(tcp_programs, "count", lambda *_: [])
    walks = TcpWalks(builder.btf())
    monkeypatch.setattr(walks, "_look_up", lambda _: {7: 0x700})
    return walks


def test_what_a_look_that_hangs_uses_stays_open(
    walks: TcpWalks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else its numbers may be somebody else's when it goes on: a map that is being registered."""
    release, used, counted = threading.Event(), list[int](), list[object]()

    def run(_: object, link: int) -> Iterator[bytes]:
        used.append(link)
        release.wait()
        yield b""

    monkeypatch.setattr(tcp_iter, "run", run)
    with walks.counting([7]) as count, pytest.raises(NoAnswerError):
        inside(OURS, lambda: counted.append(count(1)), 0.2)
    assert Path(f"/proc/self/fd/{used[0]}").exists()
    release.set()
    assert eventually(lambda: not Path(f"/proc/self/fd/{used[0]}").exists())
    assert counted == [({}, frozenset())]


def test_a_look_that_begins_too_late_touches_nothing(walks: TcpWalks) -> None:
    with walks.counting([7]) as count:
        pass
    with pytest.raises(TimeoutError, match="has gone"):
        count(1)


def test_the_last_user_closes() -> None:
    shared, ends = Shared(), list[str]()
    with shared as stack:
        stack.callback(ends.append, "closed")
        with shared:
            pass
        assert ends == []
    assert ends == ["closed"]


def test_where_a_map_is_is_asked_once(walks: TcpWalks, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def look_up(_: object) -> dict[int, int]:
        asked.append(1)
        return {map_id: map_id << 8 for map_id in FakeBpf.maps}

    monkeypatch.setattr(walks, "_look_up", look_up)
    assert walks._addresses([7]) == walks._addresses([7]) == {7: 0x700}
    assert len(asked) == 1
    FakeBpf.maps.add(8)
    assert walks._addresses([7, 8]) == {7: 0x700, 8: 0x800}
    assert len(asked) == 2


def test_another_map_may_be_where_one_was(walks: TcpWalks) -> None:
    assert walks._addresses([7]) == {7: 0x700}
    FakeBpf.maps.clear()
    assert walks._addresses([7]) == {}
