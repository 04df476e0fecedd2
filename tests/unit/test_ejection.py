"""Why a scheduler was ejected, out of the kernel's log."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stops_tui.kernels.kernel import RawSubsystems
from stops_tui.struct_ops.account.ejection import Ejection, ejection
from stops_tui.struct_ops.events import diff
from stops_tui.struct_ops.inventory import Inventory
from stops_tui.struct_ops.reasons import ejected, explained, reasons
from tests.support.fake_kernel import FakeKernel

ENABLED = 'sched_ext: BPF scheduler "simple" enabled'
STALL = 'sched_ext: BPF scheduler "simple" disabled (runnable task stall)'
DETAIL = "sched_ext: simple: python3[136] failed to run for 2.304s"
ENDED = 'sched_ext: BPF scheduler "simple" disabled (unregistered from user space)'
OTHER = 'sched_ext: BPF scheduler "other" disabled (runtime error)'


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ((), ""),
        ((ENABLED,), ""),
        ((ENABLED, STALL), "runnable task stall"),
        ((ENABLED, STALL, DETAIL), "runnable task stall: python3[136] failed to run for 2.304s"),
        ((ENDED, ENABLED, STALL, OTHER), "runnable task stall"),
        ((STALL, DETAIL, ENABLED), ""),
        ((STALL, DETAIL, ENABLED, ENDED), "unregistered from user space"),
        ((OTHER, DETAIL), ""),
        (('BPF scheduler "simple" disabled (a (nested) word)',), "a (nested) word"),
        (('BPF scheduler "simple" disabled (\x1b[31m)',), "\\x1b[31m"),
    ],
)
def test_the_kernels_own_words(log: tuple[str, ...], words: str) -> None:
    assert ejection(log, "simple").words == words


@given(st.lists(st.text()), st.text())
def test_no_log_is_too_strange(log: list[str], name: str) -> None:
    found = ejection(log, name)
    assert isinstance(found, Ejection)
    assert found.words.isprintable()


def stalled() -> tuple[FakeKernel, Inventory]:
    """A scheduler that runs, and is ejected."""
    kernel = FakeKernel()
    kernel.add_map(5, "simple", "sched_ext_ops", "READY", members={"name": b"simple"})
    kernel.add_link(22, 5)
    kernel.subsystems = RawSubsystems("enabled", "simple")
    inventory = Inventory(kernel)
    inventory.sweep()
    kernel.subsystems = RawSubsystems("disabled", None)
    kernel.users.log = STALL, DETAIL
    return kernel, inventory


def test_an_event_is_explained() -> None:
    kernel, inventory = stalled()
    before = inventory._snapshot
    after = inventory.sweep()
    (event,) = explained(diff(before, after), after, kernel)
    assert (event.before, event.after, event.reason) == (
        "attached", "ejected", "runnable task stall",
    )  # fmt: skip
    assert kernel.users.looks == 1


def test_the_log_is_not_read_where_nothing_was_ejected() -> None:
    kernel, inventory = stalled()
    kernel.subsystems = RawSubsystems("enabled", "simple")
    before = inventory._snapshot
    kernel.set(5, refcnt=2)
    (event,) = explained(diff(before, after := inventory.sweep()), after, kernel)
    assert (event.what, event.reason, kernel.users.looks) == ("refcnt", "", 0)


def test_reasons_are_those_of_the_maps_asked_for() -> None:
    kernel, inventory = stalled()
    snapshot = inventory.sweep()
    assert ejected(snapshot) == {5}
    assert reasons(kernel, snapshot, {5, 6}) == {5: "runnable task stall"}
    kernel.users.log = ()
    assert reasons(kernel, snapshot, {5}) == {}
