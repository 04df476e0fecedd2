from __future__ import annotations

import os

import pytest

from stops_tui.kernels.live.host import this_host


def test_the_host_is_this_one() -> None:
    found = this_host()
    assert (found.name, found.release) == (os.uname().nodename, os.uname().release)
    assert found.source == "live"


def test_a_user_without_a_name_is_shown_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 3_000_000_123)
    assert this_host().user == "uid 3000000123"
