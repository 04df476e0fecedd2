"""Registering and unregistering on the running kernel."""

from __future__ import annotations

import socket
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from stops_tui.bpf.syscall import opened
from stops_tui.kernels.live.kernel import LiveKernel
from stops_tui.kernels.writes import ReadOnly
from stops_tui.struct_ops.candidates import candidates
from stops_tui.struct_ops.examples import EXAMPLES, unavailable
from stops_tui.struct_ops.registration import unregister
from stops_tui.struct_ops.registration.checks import checks, failures
from stops_tui.struct_ops.registration.execute import dry_run, execute
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.plan import Loaded, Plan
from stops_tui.struct_ops.registration.steps import dry_steps, steps
from tests.support import bpftool, clang
from tests.support.live import TCP, Kit, available, eventually
from tests.support.registering import example, nothing_is_left, registered
from tests.support.traffic import counting, runs, transfer


@pytest.mark.parametrize(("name", "link"), [("reno", False), ("constant", True)])
def test_an_example_carries_traffic_and_ends(
    kit: Kit, armed: LiveKernel, facts: RegistrationFacts, name: str, link: bool
) -> None:
    plan = example(kit, facts, name, link=link)
    with registered(kit, plan, facts) as outcome:
        assert outcome.ok, outcome.words
        assert [result.step for result in outcome.steps] == list(steps(plan, facts))
        assert (outcome.state, outcome.status) == (
            ("READY", "attached") if link else ("INUSE", "registered")
        )
        assert plan.map_name in available()
        now = RegistrationFacts.gather(armed)
        members = now.snapshot.maps[outcome.map_id].members
        programs = {each.member.name: each.prog_id for each in members if each.prog_id}
        with counting() as kernel:
            before = runs(kernel, programs)
            transfer(plan.map_name)
            after = runs(kernel, programs)
        assert after["cong_avoid"] > before["cong_avoid"]
        held = (outcome.held,) if outcome.held else ()
        assert len(held) == link
        wanted = unregister.plan_for(now, link_id=outcome.link_id, map_id=outcome.map_id)
        ended = unregister.execute(wanted, now, armed.writes, held=held)
        assert ended.ok, ended.words
        assert ended.left == ()
        assert plan.map_name not in available()


def test_the_constant_window_is_seen(kit: Kit, facts: RegistrationFacts) -> None:
    plan = example(kit, facts, "constant")
    with registered(kit, plan, facts), kit.clients(plan.map_name, 1) as (client,):
        info = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        assert int.from_bytes(info[80:84], sys.byteorder) == 10  # tcpi_snd_cwnd


def test_a_map_of_two_objects_programs(kit: Kit, armed: LiveKernel, tmp_path: Path) -> None:
    """Programs that bpftool loaded serve in a third map, and carry traffic there."""
    program = clang.bpf_object("cc")
    with (
        bpftool.registered(program, tmp_path, name=kit.name()) as first,
        bpftool.registered(program, tmp_path, name=kit.name()) as second,
    ):
        chosen = {
            "ssthresh": first.programs["ssthresh"],
            "cong_avoid": second.programs["cong_avoid"],
            "undo_cwnd": first.programs["undo_cwnd"],
        }
        name = kit.name()
        sources = {member: Loaded(prog_id) for member, prog_id in chosen.items()}
        plan = Plan(TCP, name, sources, {"name": name})
        facts = RegistrationFacts.gather(armed)
        assert not failures(checks(plan, facts))
        best = candidates(facts, facts.types[TCP], "ssthresh")
        exact = {each.source for each in best if each.fit == "exact"}
        assert {Loaded(first.programs["ssthresh"]), Loaded(second.programs["ssthresh"])} <= exact
        with registered(kit, plan, facts) as outcome:
            assert outcome.ok, outcome.words
            assert bpftool.Registered(outcome.map_id, name).programs == chosen
            transfer(name)
        assert eventually(lambda: name not in available())
        assert {first.name, second.name} <= available()


def test_a_program_of_another_process_stays_its_holders(kit: Kit, armed: LiveKernel) -> None:
    """A program that is only held by a file descriptor may be used, and stays its holder's."""
    with kit.program("undo_cwnd") as fd:
        program_id = kit.bpf.prog_get_info_by_fd(fd).id
        facts = RegistrationFacts.gather(armed)
        plan = example(kit, facts, "reno")
        plan = replace(plan, programs={**plan.programs, "undo_cwnd": Loaded(program_id)})
        with registered(kit, plan, facts) as outcome:
            assert outcome.ok, outcome.words
        with opened(kit.bpf.prog_get_fd_by_id(program_id)):
            pass


def test_a_dry_run_registers_nothing(kit: Kit, armed: LiveKernel, facts: RegistrationFacts) -> None:
    plan = example(kit, facts, "reno")
    outcome = dry_run(plan, facts, armed.writes)
    assert outcome.ok, outcome.words
    assert "Only registering shows whether the name is still free (EEXIST)" in outcome.words
    assert [result.step for result in outcome.steps] == list(dry_steps(plan, facts))
    assert plan.map_name not in available()
    assert nothing_is_left(armed, outcome)


def test_read_only_does_nothing(kit: Kit, armed: LiveKernel, facts: RegistrationFacts) -> None:
    armed.writes.armed = False
    plan = example(kit, facts, "reno")
    for act in (execute, dry_run):
        with pytest.raises(ReadOnly):
            act(plan, facts, armed.writes)
    assert plan.map_name not in available()


def test_unregistering_waits_for_holders(
    kit: Kit, armed: LiveKernel, facts: RegistrationFacts
) -> None:
    plan = example(kit, facts, "reno")
    with registered(kit, plan, facts) as outcome, kit.clients(plan.map_name, 2):
        now = RegistrationFacts.gather(armed)
        wanted = unregister.plan_for(now, map_id=outcome.map_id)
        assert "2 who use it now keep it until they end" in [
            check.words for check in unregister.checks(wanted, now)
        ]
        ended = unregister.execute(wanted, now, armed.writes)
        assert ended.ok, ended.words
        assert (ended.state, ended.status) == ("TOBEFREE", "unregistered, held")
        assert "stays until the 2 who use it end" in ended.words
        now = RegistrationFacts.gather(armed)
        again = unregister.plan_for(now, map_id=outcome.map_id)
        assert "not registered" in failures(unregister.checks(again, now))[0].words
    assert eventually(lambda: not kit.map_exists(outcome.map_id))


def test_what_changed_meanwhile_is_left_alone(
    kit: Kit, armed: LiveKernel, facts: RegistrationFacts
) -> None:
    plan = example(kit, facts, "reno")
    with registered(kit, plan, facts) as outcome, kit.clients(plan.map_name, 1):
        now = RegistrationFacts.gather(armed)
        wanted = unregister.plan_for(now, map_id=outcome.map_id)
        kit.free(outcome.map_id)
        ended = unregister.execute(wanted, now, armed.writes)
        assert not ended.ok
        assert "was INUSE when you looked and is TOBEFREE now. Nothing was done." in ended.words
        assert ended.steps == ()


def test_what_this_kernel_supports_and_grants(kit: Kit, facts: RegistrationFacts) -> None:
    assert facts.links_supported == kit.links
    assert facts.detach_supported or not kit.links
    assert unavailable(EXAMPLES["reno"], facts.types) == ""
    assert unavailable(EXAMPLES["constant"], facts.types) == ""
    conditions = facts.conditions
    assert conditions.capabilities
    assert {"CAP_BPF", "CAP_SYS_ADMIN"} <= conditions.capabilities
    assert "reno" in (conditions.congestion_controls or ())
    assert conditions.congestion_default in (conditions.congestion_controls or ())
