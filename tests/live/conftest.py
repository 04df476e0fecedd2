"""Live tests read and change the running kernel: they need root, and must leave nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from stops_tui.bpf.errors import BpfError
from stops_tui.bpf.syscall import Bpf
from tests.support.live import Kit, available, eventually

HERE = Path(__file__).parent
REQUIRED = os.environ.get("STOPS_TUI_REQUIRE_LIVE") == "1"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test in this folder as live."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.live)


@pytest.fixture(scope="session", autouse=True)
def live_kernel() -> None:
    """Skip where the kernel cannot be read; fail if the environment says that it must be."""
    try:
        Bpf().map_get_next_id(0)
    except BpfError as error:
        reason = f"live tests need root on a kernel with BPF: {error}"
        pytest.fail(reason) if REQUIRED else pytest.skip(reason)


@pytest.fixture(scope="session")
def _kit(live_kernel: None) -> Iterator[Kit]:
    kit = Kit()
    before = available()
    yield kit
    assert eventually(lambda: not kit.left()), f"left in the kernel: {', '.join(kit.left())}"
    if REQUIRED:  # a machine of our own: nobody else registers anything meanwhile
        assert available() == before


@pytest.fixture
def kit(_kit: Kit) -> Iterator[Kit]:
    """Makes programs, maps, links and sockets in the running kernel."""
    yield _kit
    assert eventually(lambda: not _kit.left()), f"left in the kernel: {', '.join(_kit.left())}"
