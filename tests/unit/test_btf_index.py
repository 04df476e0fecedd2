"""Where types start is found once, whoever asks meanwhile."""

from __future__ import annotations

from array import array
from threading import Thread

import pytest

from stops_tui.btf.header import read_header
from stops_tui.btf.index import TypeIndex
from tests.support.btf_builder import BtfBuilder


def test_a_length_asked_for_while_another_thread_counts() -> None:
    b = BtfBuilder()
    b.typedef("a", b.integer("int", 4))
    index = TypeIndex(b.data(), read_header(b.data(), split=False))
    told: list[int] = []
    other = Thread(target=lambda: told.append(len(index)))
    walk = index._walk

    def interrupted(count: int, found: array[int]) -> None:
        walk(count, found)
        if other.ident is None:
            other.start()
            other.join(0.1)  # it has to wait: what was found is not known yet

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index, "_walk", interrupted)
        assert len(index) == 2
    other.join()
    assert told == [2]
