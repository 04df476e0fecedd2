"""Plans of object files carried out on a kernel in memory: one, and several at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from errno import EACCES, EBUSY, EIO
from typing import Any

import pytest

from stops_tui.bpf.object_file import ObjectFile, ObjectKfunc
from stops_tui.kernels.writes import Libbpf, ReadOnly
from stops_tui.struct_ops.registration.checks import checks, checks_together, failures
from stops_tui.struct_ops.registration.execute import (
    dry_run,
    dry_run_all,
    execute,
    execute_all,
)
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.lifetime import bpftool_equivalent
from stops_tui.struct_ops.registration.object_plan import object_plan
from stops_tui.struct_ops.registration.objects import ObjectFiles
from stops_tui.struct_ops.registration.outcome import Outcome
from stops_tui.struct_ops.registration.plan import InObject, Loaded, Plan, parse_source
from stops_tui.struct_ops.registration.plan_file import from_toml, to_toml
from stops_tui.struct_ops.registration.steps import steps
from stops_tui.struct_ops.types import StructOpsType
from tests.support.fake_kernel import FakeKernel
from tests.support.object_files import PATH, object_file, variable

TCP = "tcp_congestion_ops"
PROGRAMS = {"ssthresh": "a_ssthresh", "cong_avoid": "a_avoid", "undo_cwnd": "a_undo"}
LOAD = "bpf_object__load"
MAP = ["BPF_BTF_LOAD", "BPF_MAP_CREATE", "BPF_MAP_UPDATE_ELEM"]


@pytest.fixture
def kernel() -> FakeKernel:
    kernel = FakeKernel.busy()
    kernel.writes.armed = True
    return kernel


def type_of(kernel: FakeKernel, name: str = TCP) -> StructOpsType:
    return next(type_ for type_ in kernel.types if type_.name == name)


def pair(kernel: FakeKernel, **change: Any) -> ObjectFile:
    """Two congestion controls that share programs."""
    tcp = type_of(kernel)
    other = {**PROGRAMS, "ssthresh": "b_ssthresh"}
    return object_file(
        tcp,
        variable(tcp, "a", PROGRAMS, {"name": b"first"}, **change),
        variable(tcp, "b", other, {"name": b"second"}, **change),
    )


def facts_of(kernel: FakeKernel, file: ObjectFile | None = None) -> RegistrationFacts:
    return RegistrationFacts.gather(kernel, objects=ObjectFiles(file or pair(kernel)))


def plans(kernel: FakeKernel, **change: Any) -> list[Plan]:
    facts = facts_of(kernel)
    found = (object_plan(pair(kernel), name, facts.types).plan for name in ("a", "b"))
    return [replace(plan, **change) for plan in found]


def everything(kernel: FakeKernel) -> Any:
    sweep = kernel.sweep()
    programs = [program.id for program in kernel.programs()]
    pins = kernel.holders().pins
    return dict(sweep.maps), dict(sweep.links), programs, pins, kernel.conditions()


def called(kernel: FakeKernel) -> list[str]:
    return [call.command for call in kernel.writes.calls]


def failed(found: tuple[Any, ...]) -> list[str]:
    return [check.words for check in failures(found)]


# One plan.


def test_a_plan_of_an_object_is_carried_out_as_reviewed(kernel: FakeKernel) -> None:
    plan, facts = plans(kernel)[0], facts_of(kernel)
    assert not failures(checks(plan, facts))
    planned = steps(plan, facts)
    assert [step.call for step in planned] == [LOAD, *MAP, "read back"]
    assert (planned[0].subject, planned[0].detail) == ("cc.bpf.o", "a_ssthresh, a_avoid, a_undo")
    outcome = execute(plan, facts, kernel.writes)
    assert outcome.ok, outcome.words
    assert [result.step for result in outcome.steps] == list(planned)
    assert called(kernel) == ["BPF_PROG_LOAD"] * 3 + [LOAD, *MAP]
    assert kernel.writes.open_handles == []
    found = facts_of(kernel).snapshot.maps[outcome.map_id]
    assert (found.status, found.name) == ("registered", "a")
    assert "first" in (kernel.conditions().congestion_controls or ())


def test_what_is_said_of_loading_is_told(kernel: FakeKernel) -> None:
    kernel.writes.messages = ("map m: \x1b[2J", "and more")
    outcome = execute(plans(kernel)[0], facts_of(kernel), kernel.writes)
    assert outcome.steps[0].message.endswith("; map m: \\x1b[2J; and more")


def test_programs_of_an_object_and_of_the_kernel_serve_together(kernel: FakeKernel) -> None:
    plan = plans(kernel)[0]
    plan = replace(plan, programs={**plan.programs, "ssthresh": Loaded(25)})
    outcome = execute(plan, facts_of(kernel), kernel.writes)
    assert outcome.ok, outcome.words
    assert called(kernel) == ["BPF_PROG_LOAD"] * 2 + [LOAD, *MAP]
    ids = outcome.steps[0].message.removeprefix("programs ").split(", ")
    told = dict(kernel.writes.calls[-1].arguments)
    assert told["programs"] == f"ssthresh=25 cong_avoid={ids[0]} undo_cwnd={ids[1]}"


@pytest.mark.parametrize("change", [{}, {"link": True}, {"link": True, "pin": "/sys/fs/bpf/mine"}])
@pytest.mark.parametrize("call", ["BPF_PROG_LOAD", LOAD, *MAP, "BPF_LINK_CREATE", "BPF_OBJ_PIN"])
def test_whatever_fails_nothing_is_left(
    kernel: FakeKernel, change: dict[str, Any], call: str
) -> None:
    plan, before = plans(kernel, **change)[0], everything(kernel)
    kernel.writes.refuse(call, EIO, "the disk is full")
    outcome = execute(plan, facts_of(kernel), kernel.writes)
    if outcome.ok:
        assert call in ("BPF_LINK_CREATE", "BPF_OBJ_PIN"), "the plan has no such call"
        return
    assert "EIO" in outcome.words
    assert outcome.words.endswith("Nothing was left behind.")
    assert everything(kernel) == before
    assert kernel.writes.open_handles == []


def test_a_refused_program_is_told_with_its_line(kernel: FakeKernel) -> None:
    kernel.writes.refused_program = "a_undo"
    before = everything(kernel)
    outcome = execute(plans(kernel)[0], facts_of(kernel), kernel.writes)
    (result,) = outcome.steps
    assert not outcome.ok
    assert result.errno_name == "EACCES"
    assert result.member == "undo_cwnd"
    assert result.message == "program a_undo: R0 !read_ok (instruction 3, a.c:7)"
    assert result.refusal
    assert (result.refusal.program, result.refusal.source) == ("a_undo", "return 0;")
    assert everything(kernel) == before


def test_a_dry_run_loads_and_lets_go(kernel: FakeKernel) -> None:
    before = everything(kernel)
    outcome = dry_run(plans(kernel)[0], facts_of(kernel), kernel.writes)
    assert outcome.ok, outcome.words
    assert outcome.steps[0].step.call == LOAD
    assert everything(kernel) == before
    assert kernel.writes.open_handles == []


def test_nothing_is_loaded_unarmed(kernel: FakeKernel) -> None:
    kernel.writes.armed = False
    for do in (execute_all, dry_run_all):
        with pytest.raises(ReadOnly):
            do(plans(kernel), facts_of(kernel), kernel.writes)
    assert called(kernel) == []


# Several at once.


def test_several_are_loaded_once(kernel: FakeKernel) -> None:
    told: list[str] = []
    found = execute_all(
        plans(kernel), facts_of(kernel), kernel.writes, lambda result: told.append(result.step.call)
    )
    assert [outcome.ok for outcome in found] == [True, True]
    assert called(kernel) == ["BPF_PROG_LOAD"] * 4 + [LOAD, *MAP, *MAP]
    assert told == [LOAD, *MAP, "read back", *MAP, "read back"]
    assert kernel.writes.open_handles == []
    controls = kernel.conditions().congestion_controls or ()
    assert {"first", "second"} <= set(controls)
    assert found[0].map_id != found[1].map_id


def test_unpinned_links_are_handed_over_each(kernel: FakeKernel) -> None:
    found = execute_all(plans(kernel, link=True), facts_of(kernel), kernel.writes)
    assert [outcome.held.id if outcome.held else 0 for outcome in found] == [
        outcome.link_id for outcome in found
    ]
    assert len(kernel.writes.open_handles) == 2


SECOND: dict[str, Callable[[FakeKernel], None]] = {
    "UPDATE": lambda kernel: _refuse_second(kernel, "BPF_MAP_UPDATE_ELEM"),
    "MAP_CREATE": lambda kernel: _refuse_second(kernel, "BPF_MAP_CREATE"),
}


def _refuse_second(kernel: FakeKernel, command: str) -> None:
    """Let the first call of a command pass, and the second fail."""

    def listen(call: Any) -> None:
        if call.command == command and not call.error:
            kernel.writes.listen = None
            kernel.writes.refuse(command, EACCES, "no more")

    kernel.writes.listen = listen


@pytest.mark.parametrize("change", [{}, {"link": True}])
@pytest.mark.parametrize("which", SECOND)
def test_if_the_second_fails_the_first_is_undone(
    kernel: FakeKernel, which: str, change: dict[str, Any]
) -> None:
    before = everything(kernel)
    SECOND[which](kernel)
    first, second = execute_all(plans(kernel, **change), facts_of(kernel), kernel.writes)
    assert not first.ok
    assert not second.ok
    assert first.words == "Undone, because b failed. Nothing was left behind."
    assert "EACCES. No more" in second.words
    assert (first.refused, second.refused) == (False, True)
    assert first.steps[-1].step.call == ("BPF_LINK_DETACH" if change else "BPF_MAP_DELETE_ELEM")
    assert everything(kernel) == before
    assert kernel.writes.open_handles == []


def test_if_the_first_cannot_be_undone_it_says_so(kernel: FakeKernel) -> None:
    SECOND["UPDATE"](kernel)
    kernel.writes.refuse("BPF_MAP_DELETE_ELEM", EBUSY, "in use")
    first, _ = execute_all(plans(kernel), facts_of(kernel), kernel.writes)
    map_id = next(map_.id for map_ in kernel.maps.values() if map_.name == "a")
    left = f"map {map_id} a (registered)"
    assert first.left == (left,)
    assert first.words == (
        f"Undoing it, because b failed: {len(first.steps)} BPF_MAP_DELETE_ELEM: EBUSY. In use. "
        f"Left behind: {left}."
    )


def test_if_the_first_fails_the_second_is_not_tried(kernel: FakeKernel) -> None:
    before = everything(kernel)
    kernel.writes.refused_program = "b_ssthresh"
    for do in (execute_all, dry_run_all):
        first, second = do(plans(kernel), facts_of(kernel), kernel.writes)
        assert "Program b_ssthresh: R0 !read_ok" in first.words
        assert second.words == "Not tried, because a failed. Nothing was done."
        assert everything(kernel) == before


def test_a_dry_run_of_several(kernel: FakeKernel) -> None:
    before = everything(kernel)
    found = dry_run_all(plans(kernel), facts_of(kernel), kernel.writes)
    assert [outcome.ok for outcome in found] == [True, True]
    assert called(kernel).count(LOAD) == 1
    assert everything(kernel) == before


def barred(kernel: FakeKernel, several: list[Plan]) -> tuple[Outcome, ...]:
    found = execute_all(several, facts_of(kernel), kernel.writes)
    assert called(kernel) == []
    assert not any(outcome.ok for outcome in found)
    return found


def test_what_two_cannot_both_have(kernel: FakeKernel) -> None:
    first, second = plans(kernel, data={"name": "same"}, link=True, pin="/sys/fs/bpf/mine")
    one, other = checks_together((first, second), facts_of(kernel))
    assert not failures(one)
    assert failed(other) == [
        '"same" is the name of another of them: choose another name',
        "another of them is to be pinned at /sys/fs/bpf/mine: choose another path",
    ]
    outcomes = barred(kernel, [first, second])
    assert outcomes[0].words == "Another of them cannot be registered. Nothing was done."


def test_one_program_cannot_serve_two_members_in_two_plans(kernel: FakeKernel) -> None:
    first, second = plans(kernel)
    programs = {**second.programs, "init": InObject(PATH, "a_ssthresh")}
    (_, other) = checks_together((first, replace(second, programs=programs)), facts_of(kernel))
    assert any("together with the others: one program implements one" in w for w in failed(other))


# Checks.


def found_by(kernel: FakeKernel, file: ObjectFile, plan: Plan | None = None) -> list[str]:
    facts = facts_of(kernel, file)
    plan = plan or object_plan(file, file.struct_ops[0].variable, facts.types).plan
    return failed(checks(plan, facts))


def one(kernel: FakeKernel, **change: Any) -> ObjectFile:
    tcp = type_of(kernel)
    return object_file(tcp, variable(tcp, "a", PROGRAMS, {"name": b"first"}, **change))


def test_without_libbpf_the_words_say_what_to_install(kernel: FakeKernel) -> None:
    kernel.writes.library = Libbpf("libbpf.so.1", problem="there is none: install libbpf1")
    assert found_by(kernel, pair(kernel)) == [f"{PATH}: there is none: install libbpf1"]


@pytest.mark.parametrize(
    ("change", "since", "says"),
    [
        ({"section": ".struct_ops.link"}, (1, 2), "a is in .struct_ops.link"),
        ({"section": "?.struct_ops"}, (1, 4), "a is in ?.struct_ops"),
        ({"section": "?.struct_ops.link"}, (1, 4), "a is in ?.struct_ops.link"),
        ({"suffix": "___v2"}, (1, 4), "a is a struct tcp_congestion_ops___v2"),
    ],
)
def test_what_a_libbpf_is_too_old_for(
    kernel: FakeKernel, change: dict[str, str], since: tuple[int, int], says: str
) -> None:
    file = one(kernel, **change)
    for level in (1, 0), (1, 1), (1, 2), (1, 3), (1, 4), (1, 8):
        version = f"1.{level[1]}"
        kernel.writes.library = Libbpf("libbpf.so.1", version, level)
        needed = f"{says}: that needs libbpf 1.{since[1]} or later, and libbpf.so.1 is {version}; "
        found = found_by(kernel, file)
        assert bool(found) == (level < since)
        assert all(words.startswith(f"{PATH}: {needed}") for words in found)


def test_a_sleepable_program_needs_1_2(kernel: FakeKernel) -> None:
    tcp = type_of(kernel)
    file = object_file(tcp, variable(tcp, "a", PROGRAMS, {"name": b"x"}), section="struct_ops.s/x")
    kernel.writes.library = Libbpf("libbpf.so.1", "1.1", (1, 0))
    (words,) = found_by(kernel, file)
    assert "a_ssthresh is in struct_ops.s/x: that needs libbpf 1.2" in words


def test_members_that_the_kernel_lacks_need_1_4(kernel: FakeKernel) -> None:
    tcp = type_of(kernel)
    newer = tcp._replace(members=(*tcp.members, tcp.members[0]._replace(name="foresee")))
    mine = variable(newer, "a", PROGRAMS, {"name": b"x"})
    kernel.writes.library = Libbpf("libbpf.so.1", "1.1", (1, 0))
    (words,) = found_by(kernel, object_file(tcp, mine))
    assert "this kernel's tcp_congestion_ops has no foresee: that needs libbpf 1.4" in words
    beside = object_file(tcp, variable(tcp, "b", PROGRAMS, {"name": b"x"}), mine)
    (words,) = found_by(kernel, beside)
    assert "has no foresee, and a cannot be left out: that needs libbpf 1.4" in words
    kernel.writes.library = Libbpf("libbpf.so.1", "1.4", (1, 4))
    assert found_by(kernel, beside) == []


def test_functions_that_the_kernel_lacks(kernel: FakeKernel) -> None:
    calls = (ObjectKfunc("strong", False), ObjectKfunc("weak", True))
    assert found_by(kernel, pair(kernel)._replace(kfuncs=calls)) == [
        f"{PATH}: programs call strong, and this kernel has no such function"
    ]


def test_members_that_the_kernel_has_otherwise(kernel: FakeKernel) -> None:
    mine = one(kernel).struct_ops[0]
    members = tuple(m._replace(size=8) if m.name == "flags" else m for m in mine.members)
    (words,) = found_by(kernel, object_file(type_of(kernel), mine._replace(members=members)))
    assert words.startswith(f"{PATH}: flags has 8 bytes here, and 4 in this kernel's")


def test_an_object_for_another_machine(kernel: FakeKernel) -> None:
    file = pair(kernel)._replace(byteorder="big")
    assert found_by(kernel, file) == [f"{PATH}: it is for big endian machines, and this one is not"]


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("object:/nowhere.o#x", "/nowhere.o"),
        (f"object:{PATH}#absent", f"{PATH} has no program absent"),
    ],
)
def test_programs_that_are_not_there(kernel: FakeKernel, source: str, says: str) -> None:
    plan = plans(kernel)[0]
    plan = replace(plan, programs={**plan.programs, "init": parse_source(source)})
    assert any(says in words for words in found_by(kernel, pair(kernel), plan))
    assert not execute(plan, facts_of(kernel), kernel.writes).ok
    assert called(kernel) == []


def test_programs_of_another_kind(kernel: FakeKernel) -> None:
    file = object_file(
        type_of(kernel), *pair(kernel).struct_ops, others=("other",), section="iter/tcp"
    )
    words = found_by(kernel, file)
    assert f"a_ssthresh in {PATH} is for iter: choose another program" in words


def test_loading_needs_capabilities(kernel: FakeKernel) -> None:
    kernel.conditions_now = kernel.conditions_now._replace(capabilities=frozenset({"CAP_BPF"}))
    assert "CAP_PERFMON is missing, for loading programs: run it as root" in found_by(
        kernel, pair(kernel)
    )
    both = frozenset({"CAP_BPF", "CAP_PERFMON"})
    kernel.conditions_now = kernel.conditions_now._replace(capabilities=both)
    assert found_by(kernel, pair(kernel)) == []


# As text.


def test_a_plan_of_an_object_can_be_kept(kernel: FakeKernel) -> None:
    for plan in plans(kernel):
        assert from_toml(to_toml(plan)) == plan


@pytest.mark.parametrize("path", ["/a.o", "/a#b.o", "/with blank/é.o", "/object:x#y/z.o"])
def test_a_program_of_an_object_as_text(path: str) -> None:
    source = InObject(path, "prog")
    assert parse_source(str(source)) == source


# What else would do it.


def test_bpftool_registers_the_whole_file(kernel: FakeKernel) -> None:
    plan = plans(kernel)[0]

    def command(plan: Plan) -> str:
        return next(e for e in bpftool_equivalent(plan) if e.purpose == "register").command

    assert command(plan) == f"bpftool struct_ops register {PATH}"
    pinned = replace(plan, link=True, pin="/sys/fs/bpf/my links/x")
    assert command(pinned) == f"bpftool struct_ops register {PATH} '/sys/fs/bpf/my links'"
    mixed = replace(plan, programs={**plan.programs, "ssthresh": Loaded(25)})
    assert command(mixed) == ""
