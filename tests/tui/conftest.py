"""What makes screens the same on every machine and in every run: clock, zone, theme, cursor."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from textual.widgets import Input

from stops_tui.app import StopsApp
from stops_tui.config import Config
from stops_tui.kernels.kernel import Kernel, KernelUnreadable
from tests.support import fake_kernel
from tests.support.fake_kernel import FakeKernel

NOON = 1_700_049_600.0
"""2023-11-15 12:00:00 UTC: when every sweep of a test takes place."""

MakeApp = Callable[[Kernel | KernelUnreadable], StopsApp]


@pytest.fixture(autouse=True)
def _same_everywhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """One time zone, one clock, one terminal, and nothing of the developer's own settings."""
    for name in ("NO_COLOR", "COLORTERM", "TEXTUAL_THEME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setattr(fake_kernel, "time", SimpleNamespace(time=lambda: NOON))
    monkeypatch.setattr(Input.cursor_blink, "_default", False)
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.fixture
def make_app() -> MakeApp:
    """Makes an app of any kernel that looks at it once, and again only when told to."""

    def make(kernel: Kernel | KernelUnreadable) -> StopsApp:
        app = StopsApp(kernel, Config(interval=3600, sources={"theme": "tests"}))
        app.animation_level = "none"
        return app

    return make


@pytest.fixture
def kernel() -> FakeKernel:
    """A kernel where much is going on."""
    return FakeKernel.busy()


@pytest.fixture
def app(kernel: FakeKernel, make_app: MakeApp) -> StopsApp:
    """The app on that kernel."""
    return make_app(kernel)
