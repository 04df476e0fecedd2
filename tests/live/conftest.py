"""Live tests read and change the running kernel: they need root, and must leave nothing."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from stops_tui.bpf.errors import BpfError
from stops_tui.bpf.syscall import Bpf
from stops_tui.kernels.live.kernel import LiveKernel
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from tests.support.clang import tool
from tests.support.command import Cli
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
    if REQUIRED:  # a machine of our own: nobody else registers anything meanwhile
        assert available() == before


@pytest.fixture
def kit(_kit: Kit) -> Iterator[Kit]:
    """Makes programs, maps, links and sockets in the running kernel."""
    yield _kit
    if not eventually(lambda: not _kit.left()):
        left = ", ".join(_kit.left())
        _kit.free_ours()  # the next test is not to blame
        pytest.fail(f"left in the kernel: {left}")


@pytest.fixture(scope="session")
def _kernel(live_kernel: None) -> Iterator[LiveKernel]:
    with closing(LiveKernel.open()) as kernel:
        yield kernel


@pytest.fixture
def armed(_kernel: LiveKernel) -> LiveKernel:
    """The product's view of the running kernel, which it may change; its types are read once."""
    _kernel.writes.armed = True
    return _kernel


@pytest.fixture
def facts(armed: LiveKernel) -> RegistrationFacts:
    """All that a plan is judged by, as of the test's beginning."""
    return RegistrationFacts.gather(armed)


@pytest.fixture
def cli(kit: Kit, tmp_path: Path) -> Iterator[Cli]:
    """The command; whatever a failed test leaves registered is taken away."""
    cli = Cli(tmp_path / "state")
    yield cli
    for call in cli.audit:
        if call["call"] == "BPF_MAP_CREATE" and call["result"]:
            kit.free(call["result"])
    assert eventually(lambda: not cli.left(kit)), cli.left(kit)


@pytest.fixture
def bpffs(cli: Cli, tmp_path: Path) -> Iterator[tuple[Cli, Path]]:
    """The command in a mount namespace of its own, and a bpffs that only that one has."""
    point = tmp_path / "bpffs"
    point.mkdir()
    script = f"mount -t bpf bpf {point} && echo mounted && exec sleep infinity"
    with subprocess.Popen(
        [tool("unshare"), "--mount", "--propagation", "private", "sh", "-c", script],
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        try:
            assert holder.stdout
            assert holder.stdout.readline() == "mounted\n"
            yield Cli(cli.state, (tool("nsenter"), f"--mount=/proc/{holder.pid}/ns/mnt")), point
        finally:
            holder.kill()
