"""Ending registrations and swapping maps on a kernel in memory."""

from __future__ import annotations

from dataclasses import replace
from errno import EIO
from typing import Any

import pytest

from stops_tui.kernels.kernel import RawConditions, RawHolders, RawSubsystems
from stops_tui.kernels.writes import ReadOnly
from stops_tui.struct_ops.examples import example_plan
from stops_tui.struct_ops.registration import swap, unregister
from stops_tui.struct_ops.registration.execute import execute
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.outcome import Check, Outcome, StepResult
from stops_tui.struct_ops.registration.plan import PlanError
from stops_tui.struct_ops.subsystems import of_type
from tests.support.btf_builder import BtfBuilder
from tests.support.fake_kernel import FakeKernel

PIN = "/sys/fs/bpf/mine"


def facts_of(kernel: FakeKernel) -> RegistrationFacts:
    return RegistrationFacts.gather(kernel)


def registered(**change: Any) -> tuple[FakeKernel, Outcome]:
    """A busy kernel in which the Reno example is registered."""
    kernel = FakeKernel.busy()
    kernel.writes.armed = True
    plan = replace(example_plan("reno", facts_of(kernel).types), **change)
    outcome = execute(plan, facts_of(kernel), kernel.writes)
    assert outcome.ok, outcome.words
    return kernel, outcome


def end(kernel: FakeKernel, **which: Any) -> Outcome:
    facts = facts_of(kernel)
    return unregister.execute(unregister.plan_for(facts, **which), facts, kernel.writes)


def words(found: tuple[Check, ...], level: str) -> list[str]:
    return [check.words for check in found if check.level == level]


def calls(outcome: Outcome) -> list[str]:
    return [result.step.call for result in outcome.steps]


def test_a_plain_map() -> None:
    kernel, made = registered()
    facts = facts_of(kernel)
    wanted = unregister.plan_for(facts, map_id=made.map_id)
    outcome = unregister.execute(wanted, facts, kernel.writes)
    assert outcome.ok, outcome.words
    assert calls(outcome) == ["BPF_MAP_GET_FD_BY_ID", "BPF_MAP_DELETE_ELEM", "read back"]
    assert [result.step for result in outcome.steps] == list(unregister.steps(wanted, facts))
    assert outcome.words == f"Unregistered: map {made.map_id} stops_reno is gone."
    assert outcome.left == ()
    assert "stops_reno" not in (kernel.conditions().congestion_controls or ())
    assert kernel.writes.open_handles == []


def test_a_plain_map_that_is_used() -> None:
    kernel, made = registered()
    kernel.set(made.map_id, refcnt=4)
    facts = facts_of(kernel)
    wanted = unregister.plan_for(facts, map_id=made.map_id)
    assert words(unregister.checks(wanted, facts), "warned") == [
        "3 who use it now keep it until they end"
    ]
    outcome = unregister.execute(wanted, facts, kernel.writes)
    assert outcome.ok
    assert (outcome.state, outcome.status) == ("TOBEFREE", "unregistered, held")
    assert outcome.words.endswith("stays until the 3 who use it end.")
    assert outcome.left == (f"map {made.map_id} stops_reno (unregistered, held)",)


def test_a_plain_map_by_its_pin_loses_the_pin() -> None:
    kernel, made = registered(pin=PIN)
    by_id = unregister.plan_for(facts_of(kernel), map_id=made.map_id)
    assert (by_id.pins, by_id.other_pins) == ((), (PIN,))
    assert (
        f"while it is pinned: rm {PIN}"
        in words(unregister.checks(by_id, facts_of(kernel)), "warned")[0]
    )
    outcome = end(kernel, pin=PIN)
    assert outcome.ok
    assert calls(outcome)[1:3] == ["BPF_MAP_DELETE_ELEM", "unlink"]
    assert outcome.left == ()
    assert PIN not in [pin.path for pin in kernel.holders().pins]


@pytest.mark.parametrize("by", ["map_id", "link_id", "pin"])
def test_a_pinned_link_by_map_link_or_pin(by: str) -> None:
    kernel, made = registered(link=True, pin=PIN)
    which = {"map_id": made.map_id, "link_id": made.link_id, "pin": PIN}
    outcome = end(kernel, **{by: which[by]})
    assert outcome.ok, outcome.words
    assert calls(outcome) == ["BPF_LINK_GET_FD_BY_ID", "BPF_LINK_DETACH", "unlink", "read back"]
    assert outcome.left == ()
    assert made.map_id not in kernel.maps
    assert made.link_id not in kernel.links
    assert kernel.writes.open_handles == []


def test_a_link_that_this_program_holds_is_let_go() -> None:
    kernel, made = registered(link=True)
    facts = facts_of(kernel)
    wanted = unregister.plan_for(facts, link_id=made.link_id)
    assert made.held
    outcome = unregister.execute(wanted, facts, kernel.writes, held=(made.held,))
    assert outcome.ok
    assert calls(outcome)[-2:] == ["close", "read back"]
    assert outcome.left == ()
    assert kernel.writes.open_handles == []


def test_a_link_that_another_process_has_stays_detached() -> None:
    kernel, made = registered(link=True, pin=PIN)
    kernel.open_fd(812, "loader", 5, "link", made.link_id)
    outcome = end(kernel, link_id=made.link_id)
    assert outcome.ok
    assert outcome.left == (f"link {made.link_id} (detached)",)


def test_before_6_11_a_link_ends_with_its_last_holder() -> None:
    kernel, made = registered(link=True, pin=PIN)
    b = BtfBuilder()
    b.struct("bpf_struct_ops_link", 8)
    old = replace(facts_of(kernel), vmlinux=b.btf())
    wanted = unregister.plan_for(old, link_id=made.link_id)
    assert (
        "cannot detach a struct_ops link (6.11)"
        in words(unregister.checks(wanted, old), "warned")[0]
    )
    outcome = unregister.execute(wanted, old, kernel.writes)
    assert outcome.ok, outcome.words
    assert calls(outcome) == ["unlink", "read back"]
    assert outcome.left == ()


def test_before_6_11_a_link_that_is_held_is_still_registered_and_that_is_said() -> None:
    kernel, made = registered(link=True, pin=PIN)
    kernel.open_fd(812, "loader", 5, "link", made.link_id)
    b = BtfBuilder()
    old = replace(facts_of(kernel), vmlinux=b.btf())
    wanted = unregister.plan_for(old, link_id=made.link_id)
    outcome = unregister.execute(wanted, old, kernel.writes)
    assert not outcome.ok
    assert f"but link {made.link_id} holds map {made.map_id}" in outcome.words
    assert outcome.left


def test_a_link_that_is_detached_already() -> None:
    kernel, made = registered(link=True, pin=PIN)
    kernel.detach(made.link_id)
    facts = facts_of(kernel)
    wanted = unregister.plan_for(facts, link_id=made.link_id)
    assert (
        "is detached already: only its pins are removed"
        in words(unregister.checks(wanted, facts), "warned")[0]
    )
    outcome = unregister.execute(wanted, facts, kernel.writes)
    assert outcome.ok, outcome.words
    assert calls(outcome) == ["unlink", "read back"]
    assert made.link_id not in kernel.links


@pytest.mark.parametrize(
    ("map_id", "status"),
    [(61, "unregistered, held"), (80, "ready, not attached"), (82, "initialised")],
)
def test_what_is_not_registered_cannot_be_ended(map_id: int, status: str) -> None:
    kernel = FakeKernel.busy()
    kernel.writes.armed = True
    outcome = end(kernel, map_id=map_id)
    assert not outcome.ok
    assert f"is not registered: it is {status}. Nothing was done." in outcome.words
    assert kernel.writes.calls == []


@pytest.mark.parametrize(
    ("which", "found"),
    [
        ({"map_id": 999}, "there is no struct_ops map 999"),
        ({"link_id": 999}, "there is no struct_ops link 999"),
        ({"pin": "/x"}, "nothing is pinned at /x"),
        ({"pin": PIN}, "is a pin of program 25"),
        ({"pin": "/sys/fs/bpf/other"}, "there is no struct_ops map 7777"),
    ],
)
def test_what_is_not_there(which: dict[str, Any], found: str) -> None:
    kernel = FakeKernel.busy()
    kernel.pin(PIN, "prog", 25)
    kernel.pin("/sys/fs/bpf/other", "map", 7777)
    with pytest.raises(PlanError, match=found):
        unregister.plan_for(facts_of(kernel), **which)


def test_a_default_congestion_control_is_warned_of() -> None:
    kernel, made = registered()
    kernel.conditions_now = kernel.conditions_now._replace(congestion_default="stops_reno")
    facts = facts_of(kernel)
    wanted = unregister.plan_for(facts, map_id=made.map_id)
    (warning,) = words(unregister.checks(wanted, facts), "warned")
    assert '"stops_reno" is the default congestion control of this network namespace' in warning
    assert "sysctl net.ipv4.tcp_congestion_control=" in warning


def test_a_running_scheduler_is_warned_of() -> None:
    kernel = FakeKernel.busy()
    kernel.subsystems = RawSubsystems("enabled", "simple")
    facts = facts_of(kernel)
    wanted = unregister.plan_for(facts, link_id=22)
    (warning,) = words(unregister.checks(wanted, facts), "warned")
    assert '"simple" schedules tasks of this host now' in warning
    assert wanted.users == ("scx_simple 812",)


def test_ending_an_ejected_scheduler_must_not_end_the_one_that_runs() -> None:
    """Without sub-schedulers, bpf_scx_unreg() ends whichever is root (kernel/sched/ext.c)."""
    kernel = FakeKernel.busy()
    kernel.writes.armed = True
    facts = facts_of(kernel)
    wanted = unregister.plan_for(facts, link_id=22)
    assert words(unregister.checks(wanted, facts), "failed") == [], "none runs"
    kernel.subsystems = RawSubsystems("enabled", "fifo")
    outcome = unregister.execute(wanted, facts, kernel.writes)
    assert outcome.words == (
        'this kernel ends the scheduler that runs, "fifo", whichever is unregistered: unregister '
        "that one first. Nothing was done."
    )
    assert kernel.writes.calls == []


def test_none_is_ended_while_one_is_on_its_way() -> None:
    """Which is in no look yet, and in no root/ops: this one was ejected, and looks attached."""
    kernel = FakeKernel.busy()
    kernel.writes.armed = True
    facts = facts_of(kernel)
    wanted = unregister.plan_for(facts, link_id=22)
    kernel.subsystems = RawSubsystems("enabling")
    outcome = unregister.execute(wanted, facts, kernel.writes)
    assert outcome.words == (
        "a scheduler is on its way (/sys/kernel/sched_ext/state is enabling), and this kernel ends "
        "it, whichever is unregistered: wait until it runs. Nothing was done."
    )
    assert kernel.writes.calls == []


def test_with_sub_schedulers_each_is_ended_alone() -> None:
    rules = of_type("sched_ext_ops").registering
    for barred, state in ((rules.ends_another, "enabled"), (rules.not_now, "enabling")):
        runs = RawConditions(subsystems=RawSubsystems(state, "fifo"))
        assert barred
        assert barred({"name": "simple"}, runs)
        assert barred({"name": "simple", "sub_cgroup_id": 0}, runs) == ""


def test_of_plain_schedulers_of_one_name_only_the_newest_is_ended() -> None:
    kernel = FakeKernel.busy()
    for map_id in (91, 92):
        kernel.add_map(map_id, "simple", "sched_ext_ops", members={"name": b"simple"})
    kernel.subsystems = RawSubsystems("enabled", "simple")
    facts = facts_of(kernel)
    old, new = (unregister.plan_for(facts, map_id=map_id) for map_id in (91, 92))
    assert "unregister that one first" in words(unregister.checks(old, facts), "failed")[0]
    assert words(unregister.checks(new, facts), "failed") == []


def test_ending_needs_the_right_to_open_by_id() -> None:
    kernel, made = registered()
    kernel.conditions_now = kernel.conditions_now._replace(capabilities=frozenset({"CAP_BPF"}))
    facts = facts_of(kernel)
    wanted = unregister.plan_for(facts, map_id=made.map_id)
    assert words(unregister.checks(wanted, facts), "failed") == [
        "CAP_SYS_ADMIN is missing, for opening by id: run it as root"
    ]


def test_read_only() -> None:
    kernel, made = registered()
    kernel.writes.armed = False
    with pytest.raises(ReadOnly):
        end(kernel, map_id=made.map_id)
    assert kernel.maps[made.map_id]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda k, m: k.remove_link(m.link_id), "link {link} is gone since you looked"),
        (lambda k, m: k.detach(m.link_id), "held map {map} when you looked and holds no map now"),
        (lambda k, m: k.add_link(m.link_id, 58), "when you looked and holds map 58 now"),
        (lambda k, m: k.remove(m.map_id), "map {map} stops_reno is gone since you looked"),
        (lambda k, m: k.set(m.map_id, "TOBEFREE"), "was READY when you looked and is TOBEFREE now"),
    ],
)  # fmt: skip
def test_what_changed_since_a_person_looked_is_left_alone(change: Any, found: str) -> None:
    kernel, made = registered(link=True, pin=PIN)
    facts = facts_of(kernel)
    wanted = unregister.plan_for(facts, link_id=made.link_id)
    change(kernel, made)
    before = len(kernel.writes.calls)
    outcome = unregister.execute(wanted, facts, kernel.writes)
    assert not outcome.ok
    assert found.format(link=made.link_id, map=made.map_id) in outcome.words
    assert outcome.words.endswith("Nothing was done.")
    assert len(kernel.writes.calls) == before


def test_what_changes_while_it_looks_for_pins_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """That walk may take a second on a busy host: maps and links are looked at after it."""
    kernel, made = registered(link=True, pin=PIN)
    facts = facts_of(kernel)
    wanted = unregister.plan_for(facts, link_id=made.link_id)
    found = kernel.holders()

    def holders() -> RawHolders:
        kernel.add_link(made.link_id, 58)
        return found

    monkeypatch.setattr(kernel, "holders", holders)
    outcome = unregister.execute(wanted, facts, kernel.writes)
    assert "when you looked and holds map 58 now. Nothing was done." in outcome.words


def test_a_pin_that_became_another_objects_is_left_alone() -> None:
    kernel, made = registered(link=True, pin=PIN)
    facts = facts_of(kernel)
    wanted = unregister.plan_for(facts, link_id=made.link_id)
    kernel.unpin(PIN)
    kernel.pin(PIN, "map", 58)
    outcome = unregister.execute(wanted, facts, kernel.writes)
    assert not outcome.ok
    assert outcome.refused
    assert f"{PIN} is a pin of map 58, not of link {made.link_id}" in outcome.words
    assert PIN in [pin.path for pin in kernel.holders().pins]


def test_a_pin_that_cannot_be_removed_is_named() -> None:
    kernel, made = registered(link=True, pin=PIN)
    kernel.writes.refuse("unlink", EIO)
    outcome = end(kernel, link_id=made.link_id)
    assert not outcome.ok
    assert outcome.left == (f"link {made.link_id} (detached)", f"the pin {PIN}")


def test_a_success_that_changed_nothing_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel, made = registered()
    monkeypatch.setattr(kernel.writes, "delete_map", lambda target: None)
    outcome = end(kernel, map_id=made.map_id)
    assert not outcome.ok
    assert not outcome.refused
    assert f"the calls succeeded, but map {made.map_id} stops_reno is INUSE" in outcome.words


def test_a_subsystem_that_keeps_it_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel, made = registered()
    conditions = kernel.conditions()
    monkeypatch.setattr(kernel, "conditions", lambda: conditions)
    outcome = end(kernel, map_id=made.map_id)
    assert "tcp_available_congestion_control still shows it" in outcome.words


def test_of_two_schedulers_of_one_name_the_other_is_still_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first was ejected, and the same one started again, where each is ended alone."""
    each_alone = of_type("sched_ext_ops")
    each_alone = each_alone._replace(registering=each_alone.registering._replace(ends_another=None))
    monkeypatch.setattr(unregister, "of_type", lambda name: each_alone)
    kernel = FakeKernel.busy()
    kernel.writes.armed = True
    kernel.add_map(73, "simple", "sched_ext_ops", members={"name": b"simple"})
    kernel.subsystems = RawSubsystems("enabled", "simple")
    monkeypatch.setattr(kernel.writes, "detach_link", lambda link: kernel.detach(link.id))
    outcome = end(kernel, link_id=22)
    assert outcome.ok, outcome.words
    assert "root/ops" not in outcome.steps[-1].message


def test_a_subsystem_that_cannot_be_read_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = FakeKernel.busy()
    kernel.writes.armed = True
    unread = kernel.conditions()._replace(congestion_controls=None)
    monkeypatch.setattr(kernel, "conditions", lambda: unread)
    made = execute(example_plan("reno", facts_of(kernel).types), facts_of(kernel), kernel.writes)
    assert made.steps[-1].message == f"map {made.map_id} is INUSE, refcnt 1"
    outcome = end(kernel, map_id=made.map_id)
    assert outcome.ok, outcome.words
    assert outcome.steps[-1].message == ""


def test_a_sub_scheduler_is_never_in_root_ops() -> None:
    showing = of_type("sched_ext_ops").registering.showing
    runs = RawConditions(subsystems=RawSubsystems("enabled", "root"))
    assert showing
    assert showing.shows({"name": "sub", "sub_cgroup_id": 7}, runs) is None
    assert showing.shows({"name": "sub", "sub_cgroup_id": 0}, runs) is False
    assert showing.shows({"name": "root", "sub_cgroup_id": 0}, runs) is True


# Swapping.


def lab(new_name: bytes = b"lab", state: str = "READY") -> FakeKernel:
    """Link 30 on map 80 `lab`; map 85 may take its place."""
    kernel = FakeKernel.busy()
    kernel.writes.armed = True
    kernel.set(80, refcnt=3)
    kernel.add_link(30, 80)
    kernel.open_fd(901, "bpftool", 7, "link", 30)
    functions: dict[str, int | bytes] = {"ssthresh": 25, "cong_avoid": 26, "undo_cwnd": 29}
    kernel.add_map(85, "lab2", state=state, refcnt=0, members={**functions, "name": new_name})
    return kernel


def test_another_map_takes_the_place() -> None:
    kernel = lab()
    facts = facts_of(kernel)
    wanted = swap.plan_for(facts, 30, 85)
    assert words(swap.checks(wanted, facts), "warned") == [
        "link 30 lets go of map 80 lab: 2 who use it now keep it until they end, new ones get the "
        "new map"
    ]
    outcome = swap.execute(wanted, facts, kernel.writes)
    assert outcome.ok, outcome.words
    assert [result.step for result in outcome.steps] == list(swap.steps(wanted, facts))
    assert calls(outcome)[-2:] == ["BPF_LINK_UPDATE", "read back"]
    assert kernel.links[30].map_id == 85
    assert (outcome.map_id, outcome.link_id, outcome.status) == (85, 30, "attached")
    assert outcome.words == ("Swapped: link 30 holds map 85; map 80 is unregistered, held.")
    assert kernel.writes.open_handles == []


def test_a_map_is_never_put_where_it_is() -> None:
    kernel = lab()
    facts = facts_of(kernel)
    wanted = swap.plan_for(facts, 30, 80)
    assert words(swap.checks(wanted, facts), "failed") == [
        "link 30 holds map 80 already, and to replace a map by itself can stop the kernel: choose "
        "another map"
    ]
    outcome = swap.execute(wanted, facts, kernel.writes)
    assert not outcome.ok
    assert kernel.writes.calls == []


def test_nor_when_it_got_there_meanwhile() -> None:
    kernel = lab()
    facts = facts_of(kernel)
    wanted = swap.plan_for(facts, 30, 85)
    kernel.add_link(30, 85)
    outcome = swap.execute(wanted, facts, kernel.writes)
    assert "link 30 held map 80 when you looked and holds map 85 now" in outcome.words
    assert kernel.writes.calls == []


@pytest.mark.parametrize(
    ("kernel", "link_id", "map_id", "found"),
    [
        (lab(b"other"), 30, 85, 'link 30 holds "lab", and only one of the same name'),
        (lab(state="INUSE"), 30, 85, "map 85 is INUSE: only a map made for links (BPF_F_LINK)"),
        (lab(), 22, 85, "link 22 holds a sched_ext_ops: choose another link"),
        (lab(), 24, 85, "link 24 holds no map any more"),
        (lab(), 30, 83, "map 83 is in link 23: choose another map"),
        (lab(), 23, 72, "map 72 is in link 22"),
    ],
)
def test_what_bars_a_swap(kernel: FakeKernel, link_id: int, map_id: int, found: str) -> None:
    facts = facts_of(kernel)
    failed = words(swap.checks(swap.plan_for(facts, link_id, map_id), facts), "failed")
    assert any(found in each for each in failed), failed


def test_types_that_cannot_replace() -> None:
    kernel = lab()
    kernel.add_map(86, "s2", "sched_ext_ops", "READY", 0, {"name": b"simple"})
    facts = facts_of(kernel)
    assert words(swap.checks(swap.plan_for(facts, 22, 86), facts), "failed") == [
        "sched_ext_ops cannot replace a map in a link (EOPNOTSUPP): unregister, then register"
    ]


@pytest.mark.parametrize(("link_id", "map_id"), [(99, 85), (30, 99)])
def test_swaps_of_what_is_not_there(link_id: int, map_id: int) -> None:
    with pytest.raises(PlanError, match=r"there is no struct_ops (link|map) 99"):
        swap.plan_for(facts_of(lab()), link_id, map_id)


def test_a_map_that_goes_before_the_swap() -> None:
    kernel = lab()
    facts = facts_of(kernel)
    wanted = swap.plan_for(facts, 30, 85)
    kernel.remove(85)
    outcome = swap.execute(wanted, facts, kernel.writes)
    assert "map 85 is gone since you looked. Nothing was done." in outcome.words


def test_a_swap_that_fails_changes_nothing() -> None:
    kernel = lab()
    facts = facts_of(kernel)
    kernel.writes.refuse("BPF_LINK_UPDATE", EIO)
    outcome = swap.execute(swap.plan_for(facts, 30, 85), facts, kernel.writes)
    assert not outcome.ok
    assert outcome.refused
    assert outcome.words.endswith("Nothing was left behind.")
    assert kernel.links[30].map_id == 80
    assert kernel.writes.open_handles == []


def test_a_swap_that_cannot_be_undone_says_what_is_there() -> None:
    kernel = lab()
    kernel.add_map(86, "third", state="READY", refcnt=0, members={"name": b"lab"})
    facts = facts_of(kernel)

    def interfere(result: StepResult) -> None:
        """Somebody else swaps before the result is read back."""
        if result.step.call == "BPF_LINK_UPDATE":
            kernel.add_link(30, 86)

    outcome = swap.execute(swap.plan_for(facts, 30, 85), facts, kernel.writes, interfere)
    assert [result.ok for result in outcome.steps][-2:] == [False, False]
    there = "link 30 held map 80 when you looked and holds map 86 now"
    assert outcome.left == (there,)
    assert outcome.words.endswith(f"but link 30 holds map 86. Left behind: {there}.")


def test_a_swap_in_name_only_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = lab()
    facts = facts_of(kernel)
    monkeypatch.setattr(kernel.writes, "update_link", lambda link, new, old: None)
    outcome = swap.execute(swap.plan_for(facts, 30, 85), facts, kernel.writes)
    assert "the calls succeeded, but link 30 holds map 80" in outcome.words


def test_swapping_needs_rights_and_arming() -> None:
    kernel = lab()
    kernel.conditions_now = kernel.conditions_now._replace(capabilities=frozenset())
    facts = facts_of(kernel)
    wanted = swap.plan_for(facts, 30, 85)
    assert "CAP_SYS_ADMIN is missing" in words(swap.checks(wanted, facts), "failed")[0]
    kernel.writes.armed = False
    with pytest.raises(ReadOnly):
        swap.execute(wanted, facts, kernel.writes)
