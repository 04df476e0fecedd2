"""What the kernel refuses when something is registered: it is told, and nothing is left.

The checks know most of it before, so `perform` asks the kernel itself.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from stops_tui.bpf.insns import R0, Insn, exit_, mov
from stops_tui.kernels.live.kernel import LiveKernel
from stops_tui.struct_ops.examples import EXAMPLES
from stops_tui.struct_ops.registration.checks import checks, failures
from stops_tui.struct_ops.registration.execute import execute
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.plan import Example, Loaded, Plan
from tests.support.live import Kit, available
from tests.support.registering import example, nothing_is_left, registered
from tests.support.unchecked import perform

LINKS = pytest.mark.parametrize("link", [False, True], ids=["plain", "link"])
RENO = {member: Example("reno", member) for member in ("ssthresh", "cong_avoid", "undo_cwnd")}

REFUSED = [
    pytest.param({"map_name": "a b"}, "BPF_MAP_CREATE", "EINVAL", "the name 'a b'",
                 id="bad map name"),
    pytest.param({"data": {"name": "x", "key": 1}}, "BPF_MAP_UPDATE_ELEM", "",
                 "key: it may not be set: the kernel computes it", id="key"),
    pytest.param({"data": {"name": "x", "owner": 1}}, "BPF_MAP_UPDATE_ELEM", "",
                 "owner: it may not be set: only the kernel sets it", id="owner"),
]  # fmt: skip
REFUSED_IN_THE_VALUE = [
    pytest.param({"programs": {k: RENO[k] for k in ("ssthresh", "cong_avoid")}},
                 "a mandatory member is missing", id="missing member"),
    pytest.param({"data": {"name": "a b"}}, "a bad name", id="bad name"),
    pytest.param({"data": {"name": "x", "flags": 1 << 20}},
                 "the kernel does not take 1048576 for flags", id="bad flags"),
]  # fmt: skip


def refused(plan: Plan, facts: RegistrationFacts, call: str, errno: str, words: str) -> None:
    """The kernel refuses a plan at this call with this errno, in these words; nothing is left."""
    kernel = facts.kernel
    assert isinstance(kernel, LiveKernel)
    outcome = perform(plan, facts, kernel.writes)
    if outcome.held:  # or what should have been refused stays to the end
        outcome.held.close()
    failed = outcome.steps[-1]
    assert (failed.step.call, failed.errno_name) == (call, errno)
    assert words in failed.message
    assert f"{len(outcome.steps)} {call}: " in outcome.words
    assert outcome.words.endswith("Nothing was left behind.")
    assert nothing_is_left(kernel, outcome)


@pytest.mark.parametrize(("change", "call", "errno", "words"), REFUSED)
def test_what_no_map_takes(
    kit: Kit, facts: RegistrationFacts, change: dict[str, Any], call: str, errno: str, words: str
) -> None:
    plan = replace(example(kit, facts, "reno"), **change)
    assert failures(checks(plan, facts))
    refused(plan, facts, call, errno, words)


@LINKS
@pytest.mark.parametrize(("change", "words"), REFUSED_IN_THE_VALUE)
def test_what_the_subsystem_does_not_take(
    kit: Kit, facts: RegistrationFacts, change: dict[str, Any], words: str, link: bool
) -> None:
    """A plain map's value is tried in a map for a link, to say which member it is."""
    plan = replace(example(kit, facts, "reno", link=link), **change)
    assert failures(checks(plan, facts)) or "flags" in plan.data
    if "flags" in plan.data and not kit.links:
        words = "a bad name or flags"
    refused(plan, facts, "BPF_MAP_UPDATE_ELEM", "EINVAL", words)


@LINKS
def test_a_taken_name_is_named_with_its_map(
    kit: Kit, armed: LiveKernel, facts: RegistrationFacts, link: bool
) -> None:
    plan = example(kit, facts, "reno", link=link)
    with registered(kit, plan, facts) as first:
        now = RegistrationFacts.gather(armed)
        barred = execute(plan, now, armed.writes)
        assert not barred.ok
        assert not barred.refused
        assert f'a congestion control named "{plan.map_name}" is already' in barred.words
        outcome = perform(plan, now, armed.writes)
        failed = outcome.steps[-1]
        call = "BPF_LINK_CREATE" if link else "BPF_MAP_UPDATE_ELEM"
        assert (failed.step.call, failed.errno_name) == (call, "EEXIST")
        assert f"by map {first.map_id} {plan.map_name}" in failed.message
        assert outcome.refused
        assert nothing_is_left(armed, outcome)
        assert plan.map_name in available()


def test_the_kernels_own_name_is_taken(
    kit: Kit, armed: LiveKernel, facts: RegistrationFacts
) -> None:
    plan = replace(example(kit, facts, "reno"), data={"name": "reno"})
    outcome = perform(plan, facts, armed.writes)
    assert "by the kernel itself" in outcome.words
    assert nothing_is_left(armed, outcome)


def test_programs_of_another_struct(kit: Kit, armed: LiveKernel) -> None:
    """And that struct itself, which its subsystem never registers."""
    with kit.program("test_1", "bpf_dummy_ops") as fd:
        program = Loaded(kit.bpf.prog_get_info_by_fd(fd).id)
        facts = RegistrationFacts.gather(armed)
        plan = Plan("bpf_dummy_ops", kit.name(), {"test_1": program})
        assert "never registers it" in failures(checks(plan, facts))[0].words
        outcome = perform(plan, facts, armed.writes)
        assert outcome.steps[-1].errno_name == "EOPNOTSUPP"
        assert "never registers this type" in outcome.words
        assert nothing_is_left(armed, outcome)

        plan = example(kit, facts, "reno")
        plan = replace(plan, programs={**plan.programs, "ssthresh": program})
        assert "implements a member of bpf_dummy_ops" in failures(checks(plan, facts))[0].words
        outcome = perform(plan, facts, armed.writes)
        assert outcome.steps[-1].errno_name == "EINVAL"
        assert nothing_is_left(armed, outcome)


@LINKS
def test_which_program_was_made_for_another_member(kit: Kit, armed: LiveKernel, link: bool) -> None:
    """The kernel says EINVAL alone; the tool finds out which one it is, by a map for a link."""
    kit.need_links()
    with kit.program("undo_cwnd", name="scarlet") as one, kit.program("init", name="blue") as two:
        ids = [kit.bpf.prog_get_info_by_fd(fd).id for fd in (one, two)]
        facts = RegistrationFacts.gather(armed)
        plan = example(kit, facts, "reno", link=link)
        plan = replace(
            plan, programs={**plan.programs, "ssthresh": Loaded(ids[0]), "init": Loaded(ids[1])}
        )
        assert not failures(checks(plan, facts))  # nothing shows what they were made for
        warned = [check.member for check in checks(plan, facts) if check.level == "warned"]
        assert {"ssthresh", "init"} <= set(warned)
        outcome = execute(plan, facts, armed.writes)
        assert outcome.steps[-1].errno_name == "EINVAL"
        assert outcome.steps[-1].message == (
            f"the program for ssthresh ({ids[0]} scarlet) was made for another member: choose "
            "another program"
        )
        assert nothing_is_left(armed, outcome)


def test_a_program_that_is_gone(kit: Kit, armed: LiveKernel) -> None:
    with kit.program() as fd:
        program = Loaded(kit.bpf.prog_get_info_by_fd(fd).id)
        facts = RegistrationFacts.gather(armed)
    plan = example(kit, facts, "reno")
    plan = replace(plan, programs={**plan.programs, "ssthresh": program})
    outcome = execute(plan, facts, armed.writes)
    failed = outcome.steps[-1]
    assert (failed.step.call, failed.errno_name) == ("BPF_PROG_GET_FD_BY_ID", "ENOENT")
    assert {each.step.call for each in outcome.steps[:-1]} <= {"BPF_PROG_LOAD"}
    assert nothing_is_left(armed, outcome)


def test_the_verifiers_word_is_passed_on(
    kit: Kit, armed: LiveKernel, facts: RegistrationFacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wild(btf: object) -> tuple[Insn, ...]:
        return mov(R0, R0), exit_()

    broken = replace(EXAMPLES["reno"], programs={**EXAMPLES["reno"].programs, "ssthresh": wild})
    plan = example(kit, facts, "reno")
    monkeypatch.setattr(
        "stops_tui.struct_ops.registration.sources.EXAMPLES", {**EXAMPLES, "reno": broken}
    )
    outcome = execute(plan, facts, armed.writes)
    failed = outcome.steps[-1]
    assert (failed.step.call, failed.errno_name) == ("BPF_PROG_LOAD", "EACCES")
    assert "R0 !read_ok" in failed.log
    assert "R0 !read_ok" in failed.message
    assert nothing_is_left(armed, outcome)
