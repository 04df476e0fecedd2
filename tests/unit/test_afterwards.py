"""What is told where the last look at the kernel, after all steps, fails."""

from __future__ import annotations

from errno import EIO, EMFILE

import pytest

from stops_tui.bpf.errors import BpfError
from stops_tui.kernels.kernel import RawSweep
from stops_tui.struct_ops.examples import example_plan
from stops_tui.struct_ops.registration import swap, unpin, unregister
from stops_tui.struct_ops.registration.execute import dry_run, execute
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.outcome import READ_BACK, StepResult, Tell
from stops_tui.struct_ops.registration.plan import Plan
from tests.support.fake_kernel import FakeKernel

UNREAD = (
    "not known, as it could not be read again (BPF_MAP_GET_FD_BY_ID: EMFILE (this process has too "
    "many open files (see `ulimit -n`)))"
)


@pytest.fixture
def kernel() -> FakeKernel:
    kernel = FakeKernel.busy()
    kernel.writes.armed = True
    return kernel


@pytest.fixture
def blind(kernel: FakeKernel, monkeypatch: pytest.MonkeyPatch) -> Tell:
    """Lets every look fail once the last step was taken, or one failed."""

    def fail(*_: object) -> RawSweep:
        raise BpfError("BPF_MAP_GET_FD_BY_ID", EMFILE)

    def tell(result: StepResult) -> None:
        if result.step.call == READ_BACK or not result.ok:
            monkeypatch.setattr(kernel, "sweep", fail)

    return tell


def reno(facts: RegistrationFacts) -> Plan:
    return example_plan("reno", facts.types, link=True)


def test_a_link_that_was_made_is_handed_over(kernel: FakeKernel, blind: Tell) -> None:
    facts = RegistrationFacts.gather(kernel)
    outcome = execute(reno(facts), facts, kernel.writes, blind)
    assert outcome.ok
    assert outcome.held
    assert (outcome.map_id, outcome.link_id) == (
        kernel.links[outcome.held.id].map_id,
        outcome.held.id,
    )
    assert outcome.words.startswith("Registered: map ")
    assert outcome.left == (UNREAD,)


def test_what_failed_is_told(kernel: FakeKernel, blind: Tell) -> None:
    facts = RegistrationFacts.gather(kernel)
    kernel.writes.refuse("BPF_LINK_CREATE", EIO, "broken")
    outcome = execute(reno(facts), facts, kernel.writes, blind)
    assert not outcome.ok
    assert outcome.words.endswith(f"BPF_LINK_CREATE: EIO. Broken. Left behind: {UNREAD}.")


def test_a_dry_run_does_not_say_that_nothing_is_left(kernel: FakeKernel, blind: Tell) -> None:
    facts = RegistrationFacts.gather(kernel)
    outcome = dry_run(reno(facts), facts, kernel.writes, blind)
    assert outcome.words.endswith(f" Left behind: {UNREAD}.")


def test_what_was_unregistered_is_not_said_to_be_gone(kernel: FakeKernel, blind: Tell) -> None:
    facts = RegistrationFacts.gather(kernel)
    wanted = unregister.plan_for(facts, map_id=58)
    outcome = unregister.execute(wanted, facts, kernel.writes, blind)
    assert outcome.ok
    assert outcome.words == "Unregistered: map 58 dctcp."
    assert outcome.left == (UNREAD,)


def test_a_swap_is_told(kernel: FakeKernel, blind: Tell) -> None:
    kernel.set(80, refcnt=1)
    kernel.add_link(30, 80)
    kernel.add_map(85, "lab2", state="READY", refcnt=0, members={"name": b"lab"})
    facts = RegistrationFacts.gather(kernel)
    outcome = swap.execute(swap.plan_for(facts, 30, 85), facts, kernel.writes, blind)
    assert outcome.ok
    assert outcome.words.startswith("Swapped: link 30 holds map 85")
    assert outcome.left == (UNREAD,)


def test_a_pin_that_was_removed_is_told(kernel: FakeKernel, blind: Tell) -> None:
    facts = RegistrationFacts.gather(kernel)
    wanted = unpin.plan_for(facts, "/sys/fs/bpf/mouse")
    outcome = unpin.execute(wanted, facts, kernel.writes, blind)
    assert outcome.ok
    assert outcome.words == "The pin /sys/fs/bpf/mouse is removed."
    assert outcome.left == (UNREAD,)
