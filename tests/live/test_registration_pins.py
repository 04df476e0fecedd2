"""Pins, in a bpffs that only a child of the tests has; and what ends with its maker without one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from stops_tui.kernels.live.kernel import LiveKernel
from stops_tui.struct_ops.registration import unregister
from stops_tui.struct_ops.registration.checks import checks, failures
from stops_tui.struct_ops.registration.execute import execute
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.outcome import Outcome
from stops_tui.struct_ops.registration.plan import Pinned, Plan
from tests.support.child import in_child, own_mounts
from tests.support.live import Kit, available, eventually
from tests.support.registering import example
from tests.support.unchecked import perform


class Maker:
    """What a test does in a child with mounts of its own."""

    def __init__(self, kernel: LiveKernel) -> None:
        own_mounts()
        self.kernel = kernel

    @property
    def facts(self) -> RegistrationFacts:
        """As of now."""
        return RegistrationFacts.gather(self.kernel)

    def barred(self, plan: Plan) -> list[str]:
        """What bars a plan, in words."""
        return [check.words for check in failures(checks(plan, self.facts))]

    def register(self, plan: Plan) -> Outcome:
        made = execute(plan, self.facts, self.kernel.writes)
        assert made.ok, made.words
        return made

    def unregister(self, *, map_id: int = 0, pin: str = "") -> Outcome:
        facts = self.facts
        wanted = unregister.plan_for(facts, map_id=map_id, pin=pin)
        ended = unregister.execute(wanted, facts, self.kernel.writes)
        assert ended.ok, ended.words
        return ended


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder for a bpffs."""
    root = tmp_path / "bpf"
    root.mkdir()
    return root


def test_a_pinned_link_outlives_its_handle_and_is_unregistered_by_its_pin(
    kit: Kit, armed: LiveKernel, facts: RegistrationFacts, root: Path
) -> None:
    plan = example(kit, facts, "reno", link=True)
    name, pin = plan.map_name, root / "cc"

    def work() -> None:
        maker = Maker(armed)
        assert f"{pin} is in no bpffs: " in maker.barred(replace(plan, pin=str(pin)))[0]
        wanted = replace(plan, pin=str(pin), mount=str(root))
        made = maker.register(wanted)
        calls = [result.step.call for result in made.steps]
        assert (calls[0], calls[-2:]) == ("mount", ["BPF_OBJ_PIN", "read back"])
        assert made.held is None
        assert made.left[1] == f"a bpffs mounted on {root}"
        assert name in available()
        assert pin.exists()

        taken = replace(wanted, mount="")
        assert f"something is pinned at {pin} already: choose another path" in maker.barred(taken)
        other = replace(taken, map_name=name[:-1], data={"name": f"{name}x"})
        refused = perform(other, maker.facts, armed.writes)
        assert not refused.ok
        calls = [result.step.call for result in refused.steps]
        assert calls[-2:] == ["BPF_OBJ_PIN", "BPF_LINK_DETACH"]
        assert f"8 BPF_OBJ_PIN: EEXIST. {pin} exists already" in refused.words
        assert refused.left == ()

        assert maker.unregister(pin=str(pin)).left == ()
        assert name not in available()
        assert not pin.exists()

    in_child(work)


def test_a_pinned_plain_map_and_a_pin_of_a_program(
    kit: Kit, armed: LiveKernel, facts: RegistrationFacts, root: Path
) -> None:
    plan = example(kit, facts, "reno")

    def work() -> None:
        maker = Maker(armed)
        made = maker.register(replace(plan, pin=f"{root}/map", mount=str(root)))
        facts = maker.facts
        ending = unregister.plan_for(facts, map_id=made.map_id)
        warned = [c.words for c in unregister.checks(ending, facts) if c.level == "warned"]
        assert f"rm {root}/map" in warned[0]
        ended = maker.unregister(map_id=made.map_id)
        assert "stays while a pin or a process holds it" in ended.words

        members = facts.snapshot.maps[made.map_id].members
        ssthresh = next(m.prog_id for m in members if m.member.name == "ssthresh")
        handle = armed.writes.open_program(ssthresh)
        armed.writes.pin(handle, f"{root}/prog")
        handle.close()
        (root / "map").unlink()
        of_pin = {**plan.programs, "ssthresh": Pinned(f"{root}/prog")}
        again = maker.register(replace(plan, programs=of_pin))
        assert "BPF_OBJ_GET" in [result.step.call for result in again.steps]
        assert maker.unregister(map_id=again.map_id).left == ()

    in_child(work)


def test_an_unpinned_link_dies_with_its_maker(
    kit: Kit, armed: LiveKernel, facts: RegistrationFacts
) -> None:
    plan = example(kit, facts, "reno", link=True)

    def work() -> bool:
        made = Maker(armed).register(plan)
        return bool(made.held) and plan.map_name in available()

    assert in_child(work)
    assert eventually(lambda: plan.map_name not in available())
