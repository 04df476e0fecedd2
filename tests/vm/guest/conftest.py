"""Tests that may break the kernel they run on: in a throw-away guest of `make test-vm` alone.

Plain pytest does not come here (norecursedirs in pyproject.toml); asked for by name outside of a
guest, every test fails.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from stops_tui.kernels.live.kernel import LiveKernel
from tests.live.conftest import _kit, kit, live_kernel
from tests.support import guest as this_guest
from tests.support.live import Kit
from tests.vm.guest.stage import Stage, command

__all__ = ["_kit", "guest", "kit", "live_kernel"]

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test in this folder as one for a guest."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.vm)


@pytest.fixture(scope="session", autouse=True)
def guest() -> str:
    """The name of the guest's kernel; fails outside of a guest."""
    kernel = this_guest.kernel()
    if kernel is None:
        pytest.fail("this may break a kernel, so it runs in a guest alone: make test-vm")
    return kernel


@pytest.fixture
def stage(kit: Kit, tmp_path: Path) -> Iterator[Stage]:
    """A kernel that may be changed, and a bpffs for this test alone."""
    bpffs = tmp_path / "bpffs"
    bpffs.mkdir()
    command(f"mount -t bpf bpf {bpffs}")
    try:
        with closing(LiveKernel.open()) as kernel:
            kernel.writes.armed = True
            yield Stage(kit, kernel, bpffs)
    finally:
        command(f"umount {bpffs}")
