"""A recording tells what subsystems said of themselves, and why the kernel ended a scheduler."""

from __future__ import annotations

from pathlib import Path

import pytest

from stops_tui.kernels.kernel import Kernel, RawSubsystems
from stops_tui.kernels.recording.redact import Redacted, Whole
from stops_tui.struct_ops.account import Account, Accounts
from stops_tui.struct_ops.story import tell
from tests.support.fake_kernel import FakeKernel
from tests.support.recorded import Tape


def account_of(kernel: Kernel, map_id: int) -> Account:
    return Accounts(kernel).take([map_id])[map_id]


@pytest.fixture
def kernel() -> FakeKernel:
    return FakeKernel.busy()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "story.stops"


@pytest.mark.parametrize(
    ("keep", "why"),
    [
        (Whole(), "runnable task stall: python3[136] failed to run for 2.304s"),
        (Redacted(), "runnable task stall"),
    ],
)
def test_why_a_scheduler_was_ejected_is_told(
    kernel: FakeKernel, path: Path, keep: Whole, why: str
) -> None:
    kernel.subsystems = RawSubsystems("enabled", "simple", frozenset({0x2A}))
    tape = Tape(kernel, path, keep=keep)
    tape.look()
    kernel.users.log = (
        '[    5.1] sched_ext: BPF scheduler "simple" disabled (runnable task stall)',
        "[    5.2] sched_ext: simple: python3[136] failed to run for 2.304s",
    )
    kernel.subsystems = kernel.subsystems._replace(sched_ext_state="disabled", sched_ext_ops=None)
    tape.look()
    found = tape.play()
    assert account_of(found, 72).reason == why
    (event,) = (event for event in tell(str(path)).events if event.what == "status")
    assert (event.after, event.reason) == ("ejected", "runnable task stall")
    found.playback.seek(1.0)
    running = account_of(found, 72)
    assert (running.map.status, running.reason) == ("attached", "")
    assert {said.what: said.value for said in running.subsystem} == {
        "state": "enabled",
        "root/ops": "simple",
    }


def test_the_log_is_read_where_sched_ext_says_something_else_and_stays(
    kernel: FakeKernel, path: Path
) -> None:
    kernel.users.log = ("[    5.1] sched_ext: it",)
    tape = Tape(kernel, path)
    tape.look()
    kernel.users.log = ()
    kernel.subsystems = kernel.subsystems._replace(hid_ids=frozenset())
    tape.look()
    assert (
        kernel.users.looks == 1
    )  # the log alone: what else sched_ext says costs a walk over /proc
    assert tape.play().users.sched_ext_log().lines == ("[    5.1] sched_ext: it",)


def test_of_a_device_it_is_told_whether_it_was_there(kernel: FakeKernel, path: Path) -> None:
    kernel.subsystems = RawSubsystems(hid_ids=frozenset({0x2A}))
    tape = Tape(kernel, path)
    tape.look()
    kernel.subsystems = RawSubsystems(hid_ids=frozenset())
    tape.look()
    found = tape.play()
    assert "its device is gone" in account_of(found, 83).sentence
    found.playback.seek(1.0)
    assert "its device is not recorded (hid_id 0x002a)" in account_of(found, 83).sentence
