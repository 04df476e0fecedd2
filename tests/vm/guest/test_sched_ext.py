"""Schedulers for real: one that works, one that is ejected, one that refuses to start."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from stops_tui.bpf.syscall import opened
from stops_tui.screens.register.draft import Draft
from stops_tui.struct_ops.candidates import candidates
from stops_tui.struct_ops.examples import example_plan
from stops_tui.struct_ops.registration.checks import checks, failures
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.plan import Plan, ProgramSource
from tests.support.live import eventually
from tests.support.unchecked import perform
from tests.vm.guest.stage import Stage

SCX = "sched_ext_ops"
SYSFS = Path("/sys/kernel/sched_ext")
SCHED_EXT = 7
"""The policy of a task that a BPF scheduler is to schedule (include/uapi/linux/sched.h)."""

SWITCH_PARTIAL = 1 << 3  # in enum scx_ops_flags

Programs = Mapping[str, ProgramSource]


@pytest.fixture(autouse=True)
def one_scheduler_at_a_time(stage: Stage) -> Iterator[None]:
    """The last test's scheduler is gone before the next one comes."""
    stage.needs(SCX)
    assert eventually(lambda: state() == "disabled")
    yield
    assert eventually(lambda: state() == "disabled")


def state() -> str:
    return (SYSFS / "state").read_text().strip()


def queue(programs: Programs, facts: RegistrationFacts) -> Plan:
    """The scheduler that works, by the choices that a person makes in the wizard."""
    draft = Draft(facts)
    draft.choose_type(SCX)
    for member in ("init", "enqueue", "dispatch", "exit"):
        draft.set_program(member, programs[f"fifo_{member}"])
    draft.set_data("name", "stops_queue")
    draft.set_data("flags", "SWITCH_PARTIAL")
    draft.change(link=True)
    return draft.complete


def loses(programs: Programs, *, link: bool = True) -> Plan:
    """The scheduler that schedules no task it is given."""
    return Plan(
        SCX,
        "stops_loses",
        {"enqueue": programs["lose_enqueue"]},
        {"name": "stops_loses", "flags": "SWITCH_PARTIAL", "timeout_ms": 2000},
        link=link,
    )


@contextmanager
def tasks(number: int = 1) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes of the SCHED_EXT class that want a CPU again and again."""
    children = []
    try:
        for _ in range(number):
            child = subprocess.Popen(["sh", "-c", "while :; do sleep 0.05; done"])
            children.append(child)
            os.sched_setscheduler(child.pid, SCHED_EXT, os.sched_param(0))
        yield children
    finally:
        for child in children:
            child.send_signal(signal.SIGKILL)
            child.wait()


def test_a_scheduler_runs(stage: Stage) -> None:
    with stage.loaded("scx") as programs:
        facts = stage.facts()
        best = candidates(facts, facts.types[SCX], "dispatch")[0]
        assert best.source == programs["fifo_dispatch"], "named after the member"
        stage.look()
        with stage.registered(queue(programs, facts)) as outcome, tasks():
            stage.look()
            assert (outcome.state, outcome.status) == ("READY", "attached")
            assert "/sys/kernel/sched_ext/root/ops shows it" in outcome.words
            assert (SYSFS / "root/ops").read_text().strip() == "stops_queue"
            listed = stage.listed(outcome.map_id)
            assert listed["status"] == "attached"
            assert (listed["refcnt"], listed["links"]) == (1, [outcome.link_id])
            dumped = stage.dumped(outcome.map_id)
            assert (dumped["name"], dumped["flags"]) == ("stops_queue", SWITCH_PARTIAL)
            enqueue = stage.map(outcome.map_id)
            ids = [value.prog_id for value in enqueue.members if value.member.name == "enqueue"]
            stage.kernel.count_runs(True)
            assert eventually(lambda: stage.kernel.run_counts(ids)[ids[0]].run_cnt > 3, 20)
            account = stage.account(outcome.map_id)
            says = {said.what: said.value for said in account.subsystem}
            assert (says["state"], says["root/ops"]) == ("enabled", "stops_queue")
            assert says["switch_all"] == "0"
            assert int(says["tasks"]) >= 1
            assert any(what.startswith("SCX_EV_") for what in says), "its events"
            ended = stage.unregister(outcome)
            assert ended.ok, ended.words
            assert state() == "disabled"
        assert stage.gone("map", outcome.map_id)
        stage.look()
        assert stage.events(outcome.map_id) == ["map  → attached", "map attached → "]


def test_a_second_one_is_refused(stage: Stage) -> None:
    first = example_plan("fifo", stage.facts().types, link=True)
    with stage.loaded("scx") as programs, stage.registered(first) as outcome:
        facts = stage.facts()
        second = queue(programs, facts)
        reason = 'only one scheduler runs at a time, and "stops_fifo" runs'
        assert [reason in each.words for each in failures(checks(second, facts))] == [True]
        refused = perform(second, facts, stage.kernel.writes)
        assert not refused.ok
        assert f"BPF_LINK_CREATE: EBUSY. {reason[0].upper()}{reason[1:]}" in refused.words
        assert refused.left == ()
        assert stage.map(outcome.map_id).status == "attached"


@pytest.mark.parametrize("link", [True, False], ids=["link", "plain"])
def test_one_that_loses_tasks_is_ejected(stage: Stage, link: bool) -> None:
    """Link and map look as before: only the subsystem tells."""
    stage.look()
    with stage.loaded("scx") as programs, stage.registered(loses(programs, link=link)) as outcome:
        before = "attached" if link else "registered"
        assert outcome.status == before
        stage.look()
        with tasks():
            assert stage.becomes(outcome.map_id, "ejected")
        assert stage.events(outcome.map_id) == [
            f"map  → {before}",
            f"status {before} → ejected",
        ]
        found = stage.map(outcome.map_id)
        assert (found.state, found.refcnt) == ("READY" if link else "INUSE", 1)
        assert found.links == ((outcome.link_id,) if link else ())
        assert stage.listed(outcome.map_id)["status"] == "ejected"
        account = stage.told_account(outcome.map_id)
        # Whose task it was is chance: of those that were started here, or of this process.
        reason = r"runnable task stall: \S+\[\d+\] failed to run for [\d.]+s"
        assert re.fullmatch(reason, account["reason"])
        assert account["sentence"].startswith(f"Ejected: {account['reason']}")
        ended = stage.unregister(outcome)
        assert ended.ok, ended.words
    assert stage.gone("map", outcome.map_id)


@pytest.mark.parametrize("name", ["stops_loses", "stops_queue"], ids=["another", "of one name"])
def test_ending_an_ejected_one_ends_no_other(stage: Stage, name: str) -> None:
    """Before there were sub-schedulers a kernel ends whichever runs, and so is not asked to."""
    with stage.loaded("scx") as programs:
        lost = replace(loses(programs), data={**loses(programs).data, "name": name})
        with stage.registered(lost) as ejected:
            with tasks():
                assert stage.becomes(ejected.map_id, "ejected")
            facts = stage.facts()
            spares = any(member.name == "sub_cgroup_id" for member in facts.types[SCX].members)
            with stage.registered(queue(programs, facts)) as runs:
                assert stage.map(ejected.map_id).status == "ejected"
                ended = stage.unregister(ejected)
                assert ended.ok == spares, ended.words
                assert ("ends the scheduler that runs" in ended.words) == (not spares)
                time.sleep(0.5)
                assert stage.map(runs.map_id).status == "attached"
                if not spares:
                    with opened(stage.kit.bpf.link_get_fd_by_id(ejected.link_id)) as link:
                        stage.kit.bpf.link_detach(link)
                    assert stage.becomes(runs.map_id, "ejected"), "the kernel's rule"
            assert stage.gone("map", runs.map_id)


def test_one_that_refuses_to_start_is_not_reported_as_registered(stage: Stage) -> None:
    """BPF_LINK_CREATE succeeds all the same."""
    with stage.loaded("scx") as programs:
        plan = Plan(
            SCX,
            "stops_refuses",
            {"init": programs["refuse_init"]},
            {"name": "stops_refuses", "flags": "SWITCH_PARTIAL"},
            link=True,
        )
        outcome = stage.carry_out(plan)
        assert not outcome.ok
        assert "the scheduler does not run" in outcome.words
        assert [step.step.call for step in outcome.steps][-2:] == ["read back", "BPF_LINK_DETACH"]
        assert outcome.left == ()
        link = next(step for step in outcome.steps if step.step.call == "BPF_LINK_CREATE")
        assert stage.gone("link", int(link.message.removeprefix("link ")))
        assert state() == "disabled"
