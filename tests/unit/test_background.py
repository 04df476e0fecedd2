"""Work off the screen's thread."""

from __future__ import annotations

from threading import Event

import pytest

from stops_tui import background
from stops_tui.background import Background


def test_how_long_a_job_takes_is_told_also_as_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    gate, ended = Event(), Event()
    work: Background[bool] = Background(lambda _: ended.set())
    monkeypatch.setattr(background, "monotonic", lambda: 1.0)
    assert work.seconds == 0.0
    work.start(lambda: gate.wait(10))

    def clock() -> float:
        gate.set()
        ended.wait(10)
        return 3.0

    monkeypatch.setattr(background, "monotonic", clock)
    assert work.seconds == 2.0
    assert work.seconds == 0.0
