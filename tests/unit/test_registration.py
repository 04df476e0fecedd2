"""Plans carried out on a kernel in memory: steps, failures of every step, and what is left."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from errno import EINVAL, EIO, ENOMEM
from typing import Any

import pytest

from stops_tui.bpf.insns import R0, exit_, mov
from stops_tui.btf import Btf
from stops_tui.kernels.kernel import RawConditions, RawSubsystems
from stops_tui.kernels.writes import Handle, NewProgram, ReadOnly
from stops_tui.struct_ops.examples import example_plan
from stops_tui.struct_ops.registration.checks import checks, failures
from stops_tui.struct_ops.registration.execute import dry_run, execute
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.outcome import READ_BACK, Check, Outcome, StepResult
from stops_tui.struct_ops.registration.plan import Example, Loaded, Pinned, Plan
from stops_tui.struct_ops.registration.steps import dry_steps, steps
from stops_tui.struct_ops.subsystems import of_type
from tests.support.btf_builder import BtfBuilder
from tests.support.fake_kernel import FakeKernel
from tests.support.unchecked import perform

TCP = "tcp_congestion_ops"
PIN = "/sys/fs/bpf/mine"


def armed(kernel: FakeKernel | None = None) -> FakeKernel:
    kernel = kernel or FakeKernel.busy()
    kernel.writes.armed = True
    return kernel


def facts_of(kernel: FakeKernel) -> RegistrationFacts:
    return RegistrationFacts.gather(kernel)


def reno(kernel: FakeKernel, **change: Any) -> Plan:
    return replace(example_plan("reno", facts_of(kernel).types), **change)


def run(kernel: FakeKernel, plan: Plan) -> Outcome:
    return execute(plan, facts_of(kernel), kernel.writes)


def everything(kernel: FakeKernel) -> Any:
    """All that a write could have changed."""
    sweep = kernel.sweep()
    return (
        dict(sweep.maps),
        dict(sweep.links),
        [program.id for program in kernel.programs()],
        kernel.holders().pins,
        kernel.conditions(),
    )


def words(found: tuple[Check, ...], level: str = "failed") -> list[str]:
    return [check.words for check in found if check.level == level]


def with_a_link(kernel: FakeKernel) -> FakeKernel:
    """Link 30 on map 80 `lab`, a congestion control."""
    kernel.set(80, refcnt=1)
    kernel.add_link(30, 80)
    kernel.open_fd(901, "bpftool", 7, "link", 30)
    return kernel


SHAPES: dict[str, Callable[[FakeKernel], Plan]] = {
    "plain": reno,
    "plain, pinned": lambda kernel: reno(kernel, pin=PIN),
    "link": lambda kernel: reno(kernel, link=True),
    "link, pinned": lambda kernel: reno(kernel, link=True, pin=PIN),
    "link, mounted": lambda kernel: reno(kernel, link=True, pin="/run/b/x", mount="/run/b"),
    "programs that are there": lambda kernel: reno(
        kernel,
        programs={"ssthresh": Loaded(25), "cong_avoid": Loaded(26), "undo_cwnd": Pinned(PIN)},
    ),
    "in a link": lambda kernel: reno(
        kernel, replace_link=30, data={"name": "lab"}, map_name="lab2"
    ),
}  # fmt: skip


def kernel_for(shape: str) -> FakeKernel:
    kernel = with_a_link(armed())
    if shape == "programs that are there":
        kernel.pin(PIN, "prog", 29)
    return kernel


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_is_carried_out_as_reviewed(shape: str) -> None:
    kernel = kernel_for(shape)
    plan, told = SHAPES[shape](kernel), list[StepResult]()
    facts = facts_of(kernel)
    assert not failures(checks(plan, facts))
    outcome = execute(plan, facts, kernel.writes, told.append)
    assert outcome.ok, outcome.words
    assert list(outcome.steps) == told
    assert [result.step for result in told] == list(steps(plan, facts))
    assert all(result.ok for result in told)
    assert outcome.steps[-1].step.call == READ_BACK
    found = facts_of(kernel).snapshot.maps[outcome.map_id]
    assert (found.state, found.status) == (outcome.state, outcome.status)
    assert found.status == ("attached" if plan.needs_link_map else "registered")
    assert outcome.left[0].startswith(f"map {outcome.map_id} {plan.map_name}, {found.status}")
    held = [f"link {outcome.link_id}"] if shape == "link" else []
    assert kernel.writes.open_handles == held
    assert (outcome.held is not None) == bool(held)


def _calls(shape: str) -> list[str]:
    kernel = kernel_for(shape)
    found = [step.call for step in steps(SHAPES[shape](kernel), facts_of(kernel))]
    return [call for call in dict.fromkeys(found) if "GET" not in call and call != READ_BACK]


@pytest.mark.parametrize(
    ("shape", "call"), [(shape, call) for shape in SHAPES for call in _calls(shape)]
)
def test_whatever_step_fails_nothing_is_left(shape: str, call: str) -> None:
    kernel = kernel_for(shape)
    plan, before = SHAPES[shape](kernel), everything(kernel)
    kernel.writes.refuse(call, EIO, "the disk is full")
    outcome = run(kernel, plan)
    assert not outcome.ok
    assert outcome.refused
    failed = next(result for result in outcome.steps if not result.ok)
    assert (failed.step.call, failed.errno_name) == (call, "EIO")
    number = outcome.steps.index(failed) + 1
    assert outcome.words.startswith(f"{number} {call}: EIO. ")
    assert kernel.writes.open_handles == []
    if shape == "link, mounted" and call != "mount":
        assert outcome.left == ("a bpffs mounted on /run/b",)
        assert "Left behind: a bpffs mounted on /run/b." in outcome.words
        kernel.conditions_now = kernel.conditions_now._replace(bpffs=before[4].bpffs)
    else:
        assert outcome.left == ()
        assert outcome.words.endswith("Nothing was left behind.")
    assert everything(kernel) == before


@pytest.mark.parametrize("shape", SHAPES)
def test_what_succeeded_but_is_not_there_is_undone(
    shape: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel lists no such congestion control, whatever its calls said."""
    kernel = kernel_for(shape)
    plan, facts = SHAPES[shape](kernel), facts_of(kernel)
    before = everything(kernel)
    silent = kernel.conditions()._replace(congestion_controls=())
    monkeypatch.setattr(kernel, "conditions", lambda: silent)
    outcome = execute(plan, facts, kernel.writes)
    assert not outcome.ok
    assert not outcome.refused
    assert 'tcp_available_congestion_control does not list "' in outcome.words
    undone = [result.step.detail for result in outcome.steps if "undo" in result.step.detail]
    assert undone
    monkeypatch.undo()
    if shape == "link, mounted":
        kernel.conditions_now = kernel.conditions_now._replace(bpffs=before[4].bpffs)
    assert everything(kernel) == before
    assert kernel.writes.open_handles == []


def test_undoing_goes_backwards(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = armed()
    plan = reno(kernel, link=True, pin=PIN)
    facts = facts_of(kernel)
    stale = kernel.conditions()
    monkeypatch.setattr(kernel, "conditions", lambda: stale)
    outcome = execute(plan, facts, kernel.writes)
    assert [result.step.call for result in outcome.steps][-4:] == [
        "BPF_OBJ_PIN", READ_BACK, "unlink", "BPF_LINK_DETACH",
    ]  # fmt: skip


def test_what_could_not_be_undone_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = armed()
    plan, facts = reno(kernel, link=True, pin=PIN), facts_of(kernel)
    stale = kernel.conditions()
    monkeypatch.setattr(kernel, "conditions", lambda: stale)
    kernel.writes.refuse("unlink", EIO)
    kernel.writes.refuse("BPF_LINK_DETACH", EIO)
    outcome = execute(plan, facts, kernel.writes)
    link = next(r.message for r in outcome.steps if r.step.call == "BPF_LINK_CREATE")
    map_ = next(r.message for r in outcome.steps if r.step.call == "BPF_MAP_CREATE")
    assert outcome.left == (
        f"{map_} stops_reno (attached)",
        f"{link} (on {map_})",
        f"the pin {PIN}",
    )
    assert f"Left behind: {map_} stops_reno (attached), {link}" in outcome.words


def test_a_kernel_that_claims_success_with_another_number() -> None:
    kernel = armed()
    before = everything(kernel)
    kernel.writes.refuse("BPF_MAP_UPDATE_ELEM", 0)
    outcome = run(kernel, reno(kernel))
    assert outcome.steps[-1].errno_name == ""
    assert "claimed success with another value than 0: nothing was registered" in outcome.words
    assert everything(kernel) == before


@pytest.mark.parametrize("act", [execute, dry_run])
def test_an_update_that_did_nothing_is_not_believed(
    act: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = armed()
    before = everything(kernel)
    monkeypatch.setattr(kernel.writes, "update_map", lambda target, value, programs: None)
    outcome = act(reno(kernel), facts_of(kernel), kernel.writes)
    assert not outcome.ok
    assert "the calls succeeded, but map 205 is INIT" in outcome.words
    assert outcome.left == ()
    assert everything(kernel) == before


@pytest.mark.parametrize("act", [execute, dry_run])
def test_a_program_that_is_not_in_the_map_is_missed(
    act: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel takes file descriptor 0 as none, without a word."""
    kernel = armed()
    before, update = everything(kernel), kernel.writes.update_map

    def update_without_one(target: Handle, value: bytes, programs: dict[int, Handle]) -> None:
        update(target, value, programs)
        kernel.set(target.id, members={"undo_cwnd": 0})

    monkeypatch.setattr(kernel.writes, "update_map", update_without_one)
    outcome = act(reno(kernel, link=True), facts_of(kernel), kernel.writes)
    assert not outcome.ok
    assert re.search(r"undo_cwnd of map \d+ has no program, not program \d+", outcome.words)
    assert everything(kernel) == before


def test_a_link_that_holds_another_map_than_ours_is_not_believed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kernel = with_a_link(armed())
    monkeypatch.setattr(kernel.writes, "create_link", lambda target: kernel.writes.open_link(24))
    outcome = run(kernel, reno(kernel, link=True))
    assert not outcome.ok
    assert "the calls succeeded, but link 24 is not on map 205" in outcome.words


def test_a_scheduler_that_is_refused_while_enabling_is_taken_down(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """BPF_LINK_CREATE succeeds all the same (kernel/sched/ext.c)."""
    kernel = armed(FakeKernel())
    kernel.subsystems = RawSubsystems("disabled", None)
    plan = example_plan("fifo", facts_of(kernel).types, link=True)
    before = everything(kernel)
    create = kernel.writes.create_link

    def create_and_eject(target: Handle) -> Handle:
        link = create(target)
        kernel.subsystems = RawSubsystems("disabled", None)
        return link

    monkeypatch.setattr(kernel.writes, "create_link", create_and_eject)
    outcome = run(kernel, plan)
    assert not outcome.ok
    assert "the scheduler does not run (/sys/kernel/sched_ext/state is disabled)" in outcome.words
    assert outcome.steps[-1].step.call == "BPF_LINK_DETACH"
    assert outcome.left == ()
    assert everything(kernel)[:4] == before[:4]


def test_a_scheduler_that_runs() -> None:
    kernel = armed(FakeKernel())
    kernel.subsystems = RawSubsystems("disabled", None)
    plan = example_plan("fifo", facts_of(kernel).types, link=True)
    assert any("SWITCH_PARTIAL" in each for each in words(checks(plan, facts_of(kernel)), "warned"))
    outcome = run(kernel, plan)
    assert outcome.ok, outcome.words
    assert kernel.subsystems.sched_ext_ops == "stops_fifo"
    second = replace(plan, data={**plan.data, "name": "other"})
    assert words(checks(second, facts_of(kernel))) == [
        'only one scheduler runs at a time, and "stops_fifo" runs: unregister it first'
    ]
    refused = perform(second, facts_of(kernel), kernel.writes)
    assert refused.steps[-1].errno_name == "EBUSY"
    assert 'and "stops_fifo" runs: unregister it first' in refused.words


def test_read_only_is_below_everything() -> None:
    kernel = FakeKernel.busy()
    before = everything(kernel)
    for act in (execute, dry_run):
        with pytest.raises(ReadOnly):
            act(reno(kernel), facts_of(kernel), kernel.writes)
    with pytest.raises(ReadOnly):  # also where no call would be made
        dry_run(Plan("smc_hs_ctrl", "x", {}, {"name": "x"}), facts_of(kernel), kernel.writes)
    assert kernel.writes.calls == []
    assert everything(kernel) == before


def test_a_failed_check_bars_the_way() -> None:
    kernel = armed()
    plan = reno(kernel, programs={})
    outcome = run(kernel, plan)
    assert not outcome.ok
    assert not outcome.refused
    assert "ssthresh is mandatory" in outcome.words
    assert outcome.words.endswith("Nothing was done.")
    assert kernel.writes.calls == []


def test_closing_the_held_link_unregisters() -> None:
    kernel = armed()
    before = everything(kernel)
    outcome = run(kernel, reno(kernel, link=True))
    assert outcome.held
    assert "stops_reno" in (kernel.conditions().congestion_controls or ())
    outcome.held.close()
    assert everything(kernel) == before


def test_a_pin_that_became_another_programs() -> None:
    kernel = armed()
    kernel.pin(PIN, "prog", 29)
    plan, facts = SHAPES["programs that are there"](kernel), facts_of(kernel)
    kernel.unpin(PIN)
    kernel.pin(PIN, "prog", 25)
    outcome = execute(plan, facts, kernel.writes)
    assert (
        f"{PIN} is a pin of prog 25 now, it was of program 29 when it was chosen" in outcome.words
    )
    assert kernel.writes.open_handles == []


def test_a_link_that_holds_another_map_by_now() -> None:
    kernel = with_a_link(armed())
    plan, facts = SHAPES["in a link"](kernel), facts_of(kernel)
    kernel.add_link(30, 81)
    before = everything(kernel)
    outcome = execute(plan, facts, kernel.writes)
    assert outcome.steps[-1].errno_name == "EPERM"
    assert "no longer holds the map it was expected to hold" in outcome.words
    assert everything(kernel) == before


def test_replacing_a_links_map() -> None:
    kernel = with_a_link(armed())
    outcome = run(kernel, SHAPES["in a link"](kernel))
    assert outcome.ok, outcome.words
    assert kernel.links[30].map_id == outcome.map_id
    assert outcome.link_id == 30


# Dry runs.


@pytest.mark.parametrize("shape", ["plain", "link, mounted", "in a link"])
def test_a_dry_run_asks_the_kernel_and_changes_nothing(shape: str) -> None:
    kernel = kernel_for(shape)
    plan, before = SHAPES[shape](kernel), everything(kernel)
    outcome = dry_run(plan, facts_of(kernel), kernel.writes)
    assert outcome.ok, outcome.words
    assert [result.step for result in outcome.steps] == list(dry_steps(plan, facts_of(kernel)))
    assert "Only registering shows whether the name is still free (EEXIST)." in outcome.words
    assert everything(kernel) == before
    assert kernel.writes.open_handles == []


def test_a_dry_run_tells_what_the_kernel_refuses() -> None:
    kernel = armed()
    before = everything(kernel)
    kernel.writes.refuse("BPF_MAP_UPDATE_ELEM", EINVAL)
    outcome = dry_run(reno(kernel), facts_of(kernel), kernel.writes)
    assert not outcome.ok
    assert outcome.refused
    assert everything(kernel) == before


def test_where_nothing_can_be_tried_only_the_checks_run() -> None:
    kernel = armed(FakeKernel())
    smc = Plan("smc_hs_ctrl", "x", {}, {"name": "x"})
    outcome = dry_run(smc, facts_of(kernel), kernel.writes)
    assert outcome.ok
    assert outcome.words.startswith("Only the checks ran, and passed: smc_hs_ctrl takes no links")
    assert outcome.steps == ()
    assert dry_steps(smc, facts_of(kernel)) == ()
    old = replace(facts_of(kernel), vmlinux=_old_kernel())
    outcome = dry_run(reno(kernel), old, kernel.writes)
    assert "this kernel has no BPF_F_LINK (6.4)" in outcome.words
    assert kernel.writes.calls == []


def _old_kernel() -> Btf:
    b = BtfBuilder()
    b.integer("int", 4)
    return b.btf()


# Checks: the words of each.


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"type_name": "no_ops"}, "this kernel does not offer no_ops: it offers bpf_dummy_ops,"),
        ({"programs": {}}, "cong_avoid or cong_control is mandatory"),
        ({"data": {}}, "name is mandatory, the kernel refuses a map without it: give it a value"),
        ({"data": {"name": ""}}, "name is mandatory"),
        ({"data": {"name": "a b"}}, "name: it may have letters, digits, _ and . only, not ' '"),
        ({"data": {"name": "cubic"}}, 'control named "cubic" is already registered: choose'),
        ({"data": {"name": "x", "key": 1}}, "key: it may not be set: the kernel computes it"),
        ({"data": {"name": "x", "nope": 1}}, "nope: tcp_congestion_ops has no such member"),
        ({"map_name": ""}, "the map's name: it is empty"),
        ({"map_name": "a" * 16}, "the map's name: it has 16 characters: shorten it to 15"),
        ({"pin": "mine"}, "mine: give the whole path of a file that is not there yet"),
        ({"pin": "/tmp/x"}, "/tmp/x is in no bpffs: choose a path under /sys/fs/bpf"),
        ({"pin": "/sys/fs/bpf"}, "/sys/fs/bpf is in no bpffs"),
        ({"pin": "/sys/fs/bpf/a/b"}, "the folder /sys/fs/bpf/a does not exist: make it"),
        ({"pin": "/sys/fs/bpf/a.b"}, "a bpffs takes no name with a dot in it"),
        ({"pin": "/sys/fs/bpf/mouse"}, "something is pinned at /sys/fs/bpf/mouse already"),
        ({"pin": "/sys/fs/bpf/../x"}, "give the whole path"),
        ({"pin": "/sys/fs/bpf/a\0b"}, "a\\x00b: give the whole path"),
        ({"mount": "/a\0b"}, "a\\x00b: give the whole path"),
        ({"mount": "/sys/fs/bpf"}, "a bpffs is mounted on /sys/fs/bpf already: leave that out"),
        ({"mount": "x"}, "x: give the whole path of the folder to mount on"),
        ({"replace_link": 99}, "there is no struct_ops link 99: choose another"),
        ({"replace_link": 24}, "link 24 holds no map any more: make a new link instead"),
        ({"replace_link": 22}, "link 22 holds a sched_ext_ops: choose another link"),
        ({"replace_link": 30}, 'link 30 holds "lab", and only one of the same name can take its'),
        ({"replace_link": 30, "pin": PIN}, "is not pinned by replacing its map"),
    ],
)
def test_what_bars_the_way_says_what_to_do(change: dict[str, Any], found: str) -> None:
    kernel = with_a_link(armed())
    failed = words(checks(reno(kernel, **change), facts_of(kernel)))
    assert any(found in each for each in failed), failed


@pytest.mark.parametrize(
    ("member", "source", "found"),
    [
        ("ssthresh", Loaded(26), "ssthresh: 26 dctcp_cong_avoid serves cong_avoid in map 58 dctcp"),
        ("ssthresh", Loaded(40), "40 simple_enqueue implements a member of sched_ext_ops"),
        ("ssthresh", Loaded(999), "there is no struct_ops program 999: choose another program"),
        ("ssthresh", Pinned("/x"), "nothing is pinned at /x: choose another program"),
        ("ssthresh", Pinned("/sys/fs/bpf/mouse"), "is a pin of link 23, not of a program"),
        ("ssthresh", Example("reno", "undo_cwnd"), "example:reno/undo_cwnd implements undo_cwnd"),
        ("ssthresh", Example("reno", "init"), "there is no example example:reno/init"),
        ("ssthresh", Example("x", "y"), "there is no example example:x/y: see `stops-tui"),
        ("nope", Loaded(25), "tcp_congestion_ops has no member nope in this kernel: take it out"),
        ("name", Loaded(25), "name is a data member, not a function: give it a value instead"),
    ],
)  # fmt: skip
def test_programs_that_do_not_fit(member: str, source: Any, found: str) -> None:
    kernel = armed()
    plan = reno(kernel)
    plan = replace(plan, programs={**plan.programs, member: source})
    failed = words(checks(plan, facts_of(kernel)))
    assert any(found in each for each in failed), failed
    member_check = next(check for check in checks(plan, facts_of(kernel)) if found in check.words)
    assert member_check.member == member


def test_a_guess_is_warned_of() -> None:
    kernel = armed()
    plan = reno(kernel)
    plan = replace(plan, programs={**plan.programs, "ssthresh": Loaded(50)})
    assert "ssthresh: that 50 not_in_any_map fits is a guess, the kernel will tell" in words(
        checks(plan, facts_of(kernel)), "warned"
    )


def test_types_that_take_no_links_no_programs_or_nothing() -> None:
    kernel = armed()
    facts = facts_of(kernel)
    assert words(checks(Plan("bpf_dummy_ops", "x"), facts)) == [
        "bpf_dummy_ops: the kernel never registers it (EOPNOTSUPP): it is there for "
        "BPF_PROG_TEST_RUN only"
    ]
    smc = Plan("smc_hs_ctrl", "x", {}, {"name": "x"}, link=True)
    assert words(checks(smc, facts)) == ["smc_hs_ctrl takes no links (EOPNOTSUPP): use a plain map"]
    old = replace(facts, vmlinux=_old_kernel())
    assert words(checks(reno(kernel, link=True), old)) == [
        "this kernel has no BPF_F_LINK (6.4): use a plain map"
    ]
    mouse = Plan("hid_bpf_ops", "x", {}, {"hid_id": 1})
    assert any("there is no HID device 0x0001" in each for each in words(checks(mouse, facts)))


@pytest.mark.parametrize(
    ("capabilities", "found"),
    [
        (frozenset(), ["CAP_BPF is missing, for making the map: run it as root",
                       "CAP_PERFMON is missing, for loading programs: run it as root"]),
        (frozenset({"CAP_BPF", "CAP_PERFMON"}), []),
        (frozenset({"CAP_SYS_ADMIN"}), []),
    ],
)  # fmt: skip
def test_capabilities(capabilities: frozenset[str], found: list[str]) -> None:
    kernel = armed(FakeKernel())
    kernel.conditions_now = kernel.conditions_now._replace(capabilities=capabilities)
    assert words(checks(reno(kernel), facts_of(kernel))) == found


def test_what_is_unknown_is_warned_of() -> None:
    kernel = armed(FakeKernel())
    kernel.conditions_now = kernel.conditions_now._replace(
        capabilities=None, congestion_controls=None
    )
    found = checks(reno(kernel), facts_of(kernel))
    assert not failures(found)
    assert "whether there are CAP_BPF, CAP_PERFMON is unknown without /proc" in words(
        found, "warned"
    )


def test_lifetimes_are_warned_of() -> None:
    kernel = armed()
    facts = facts_of(kernel)

    def warned(**change: Any) -> str:
        return " ".join(words(checks(reno(kernel, **change), facts), "warned"))

    assert "a plain map outlives this program" in warned()
    assert "lost terminal (SIGHUP)" in warned(link=True)
    assert warned(link=True, pin=PIN) == ""
    pinned = checks(reno(kernel, link=True, pin=PIN), facts)
    assert "outlives this program" in words(pinned, "passed")
    assert "the bpffs mounted on /run/b stays" in warned(link=True, pin="/run/b/x", mount="/run/b")
    kernel = with_a_link(kernel)
    replacing = reno(kernel, replace_link=30, data={"name": "lab"})
    lives = "the new map lives as long as link 30 does: nothing else holds it"
    assert lives in words(checks(replacing, facts_of(kernel)), "passed")
    assert words(checks(replacing, facts_of(kernel)), "warned") == [
        "link 30 lets go of map 80 lab: nobody uses it now"
    ]


def test_members_that_serve_for_each_other_are_missed_once() -> None:
    kernel = armed()
    missed = words(checks(reno(kernel, programs={}), facts_of(kernel)), "failed")
    assert len([each for each in missed if "cong_avoid" in each]) == 1


def test_failed_checks_come_first_and_passed_ones_last() -> None:
    kernel = armed()
    levels = [check.level for check in checks(reno(kernel, map_name=""), facts_of(kernel))]
    assert levels == sorted(levels, key=["failed", "warned", "passed"].index)
    assert set(levels) == {"failed", "warned", "passed"}


def test_a_program_for_another_member_is_found_by_trial() -> None:
    """Only its struct is known, and it was made for init."""
    kernel = armed(FakeKernel())
    type_ = facts_of(kernel).types[TCP]
    init = next(member.index for member in type_.members if member.name == "init")
    insns = (mov(R0, 0), exit_())
    program = kernel.writes.load_program(NewProgram("x", insns, type_.type_id, init))
    plan = reno(kernel)
    plan = replace(plan, programs={**plan.programs, "ssthresh": Loaded(program.id)})
    before = everything(kernel)
    outcome = run(kernel, plan)
    assert (
        f"program for ssthresh ({program.id} x) was made for another member: choose another program"
        in outcome.words
    )
    assert everything(kernel) == before


def test_a_value_that_is_refused_is_found_by_trial() -> None:
    kernel = armed(FakeKernel())
    before = everything(kernel)
    outcome = run(kernel, reno(kernel, data={"name": "lab", "flags": 999}))
    assert "kernel does not take 999 for flags: give it another value. Nothing" in outcome.words
    assert outcome.steps[-1].member == "flags"
    assert everything(kernel) == before
    assert kernel.writes.open_handles == []


def test_where_trial_does_not_tell_the_kernels_words_stand() -> None:
    kernel = armed(FakeKernel())
    kernel.writes.refuse("BPF_MAP_UPDATE_ELEM", EINVAL)
    outcome = run(kernel, reno(kernel))
    assert "one of: a mandatory member is missing" in outcome.words.lower()
    kernel.writes.refuse("BPF_MAP_UPDATE_ELEM", EINVAL)
    kernel.writes.refuse("BPF_PROG_LOAD", ENOMEM)
    assert not run(kernel, reno(kernel)).ok
    assert kernel.writes.open_handles == []


def test_types_whose_kernel_asks_for_more() -> None:
    """As of 7.2: sched_ext_ops_cid with an arena, io_uring_bpf_ops with loop_step."""
    kernel = armed(FakeKernel())
    facts = facts_of(kernel)
    scx = facts.types["sched_ext_ops"]
    cid = scx._replace(name="sched_ext_ops_cid")
    plan = Plan("sched_ext_ops_cid", "x", {}, {"name": "x"}, link=True)
    known = replace(facts, types={**facts.types, cid.name: cid})
    assert words(checks(plan, known)) == [
        "sched_ext_ops_cid needs a program that uses an arena map (EINVAL): choose one"
    ]
    kernel.add_program(60, "x_enqueue", "sched_ext_ops")
    kernel.add_raw_program(kernel.programs()[0]._replace(map_ids=(7,)))
    facts = replace(facts_of(kernel), types=known.types)
    assert not failures(checks(replace(plan, programs={"enqueue": Loaded(60)}), facts))
    loop = scx.members[0]._replace(name="loop_step", mandatory=True)
    ring = scx._replace(name="io_uring_bpf_ops", members=(loop, *scx.members[1:]))
    facts = replace(facts, types={ring.name: ring})
    assert "loop_step is mandatory" in words(checks(Plan("io_uring_bpf_ops", "x"), facts))[0]


def test_a_ring_is_one_of_the_process_that_registers() -> None:
    obstacle = of_type("io_uring_bpf_ops").registering.obstacle
    assert obstacle
    data = {"ring_fd": 3}
    assert obstacle(data, RawConditions()) == "", "nothing is known of rings"
    assert obstacle(data, RawConditions(rings=frozenset({3}))) == ""
    for rings, told in ((frozenset[int](), "it has none"), (frozenset({9, 7}), "7, 9")):
        words = obstacle(data, RawConditions(rings=rings))
        assert words.startswith(f"ring_fd 3 is no io_uring ring of this process ({told})")
