"""Registering, unregistering and what the kernel refuses, on the running kernel."""

from __future__ import annotations

import hashlib
import json
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stops_tui.bpf.errors import BpfError
from stops_tui.bpf.insns import R0, Insn, exit_, mov
from stops_tui.bpf.syscall import opened
from stops_tui.kernels.live.kernel import LiveKernel
from stops_tui.kernels.writes import ReadOnly
from stops_tui.struct_ops.candidates import candidates
from stops_tui.struct_ops.examples import EXAMPLES, example_plan, unavailable
from stops_tui.struct_ops.registration import unregister
from stops_tui.struct_ops.registration.checks import checks, failures
from stops_tui.struct_ops.registration.execute import dry_run, execute, perform
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.outcome import Outcome
from stops_tui.struct_ops.registration.plan import Example, Loaded, Plan, ProgramSource
from stops_tui.struct_ops.registration.steps import dry_steps, steps
from tests.support import bpftool, clang
from tests.support.guest import PATIENCE
from tests.support.live import TCP, Kit, available, eventually, use

BYTES = 4 << 20


@pytest.fixture(scope="module")
def opened_kernel() -> Iterator[LiveKernel]:
    """One for all: its types are read once."""
    with closing(LiveKernel.open()) as kernel:
        yield kernel


@pytest.fixture
def kernel(opened_kernel: LiveKernel) -> LiveKernel:
    """Armed."""
    opened_kernel.writes.armed = True
    return opened_kernel


def facts_of(kernel: LiveKernel) -> RegistrationFacts:
    return RegistrationFacts.gather(kernel)


def example(kit: Kit, kernel: LiveKernel, name: str, *, link: bool = False) -> Plan:
    """An example under a name that nobody has."""
    if link:
        kit.need_links()
    plan = example_plan(name, facts_of(kernel).types, link=link)
    return renamed(plan, kit.name())


def renamed(plan: Plan, name: str) -> Plan:
    return replace(plan, map_name=name, data={**plan.data, "name": name})


@contextmanager
def registered(kit: Kit, plan: Plan, kernel: LiveKernel) -> Iterator[Outcome]:
    """A plan carried out, until the end of the block."""
    outcome = execute(plan, facts_of(kernel), kernel.writes)
    kit.map_ids.add(outcome.map_id)
    try:
        yield outcome
    finally:
        if outcome.held:
            outcome.held.close()
        kit.free(outcome.map_id)


def nothing_is_left(kernel: LiveKernel, outcome: Outcome) -> bool:
    """Whether everything that the steps say they made is gone."""
    made = [found.groups() for step in outcome.steps
            if (found := re.fullmatch(r"(program|map|link) (\d+)", step.message))]  # fmt: skip
    opens = {
        "program": kernel.writes.open_program,
        "map": kernel.writes.open_map,
        "link": kernel.writes.open_link,
    }

    def gone(kind: str, object_id: str) -> bool:
        try:
            opens[kind](int(object_id)).close()
        except BpfError:
            return True
        return False

    loaded = {s.message for s in outcome.steps if s.step.call == "BPF_PROG_GET_FD_BY_ID"}
    ours = [(kind, id_) for kind, id_ in made if f"{kind} {id_}" not in loaded]
    assert outcome.left == ()
    return eventually(lambda: all(gone(*each) for each in ours))


def transfer(name: str) -> None:
    """Send some MiB over loopback, both sides using this congestion control."""
    sent = hashlib.sha256(bytes(BYTES)).digest()
    received = hashlib.sha256()
    with socket.socket() as listening, socket.socket() as client:
        use(listening, name)
        use(client, name)
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        client.settimeout(20)
        client.connect(listening.getsockname())
        accepted, _ = listening.accept()

        def read() -> None:
            with accepted:
                while data := accepted.recv(1 << 16):
                    received.update(data)

        reader = threading.Thread(target=read)
        reader.start()
        client.sendall(bytes(BYTES))
        client.shutdown(socket.SHUT_WR)
        reader.join(20)
        used = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16)
    assert used.rstrip(b"\0").decode() == name
    assert received.digest() == sent


def runs(kernel: LiveKernel, map_id: int) -> dict[str, int]:
    found = facts_of(kernel).snapshot.maps[map_id]
    ids = {value.prog_id: value.member.name for value in found.members if value.prog_id}
    return {ids[id_]: count.run_cnt for id_, count in kernel.run_counts(ids).items()}


@pytest.mark.parametrize("link", [False, True], ids=["plain", "link"])
@pytest.mark.parametrize("name", ["reno", "constant"])
def test_an_example_carries_traffic(kit: Kit, kernel: LiveKernel, name: str, link: bool) -> None:
    plan = example(kit, kernel, name, link=link)
    kernel.count_runs(True)
    with registered(kit, plan, kernel) as outcome:
        assert outcome.ok, outcome.words
        assert [result.step for result in outcome.steps] == list(steps(plan, facts_of(kernel)))
        assert (outcome.state, outcome.status) == (
            ("READY", "attached") if link else ("INUSE", "registered")
        )
        assert plan.map_name in available()
        before = runs(kernel, outcome.map_id)
        transfer(plan.map_name)
        after = runs(kernel, outcome.map_id)
        assert after["cong_avoid"] > before["cong_avoid"]
    assert eventually(lambda: plan.map_name not in available())


def test_the_constant_window_is_seen(kit: Kit, kernel: LiveKernel) -> None:
    plan = example(kit, kernel, "constant")
    with registered(kit, plan, kernel), kit.clients(plan.map_name, 1) as (client,):
        info = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        assert int.from_bytes(info[80:84], sys.byteorder) == 10  # tcpi_snd_cwnd


def test_bpftool_shows_it(kit: Kit, kernel: LiveKernel) -> None:
    plan = example(kit, kernel, "reno")
    with registered(kit, plan, kernel) as outcome:
        dumped = json.dumps(bpftool.parsed("struct_ops", "dump"))
        assert f'"name": "{plan.map_name}"' in dumped
        assert f'"id": {outcome.map_id}' in dumped


def test_a_map_of_two_objects_programs(kit: Kit, kernel: LiveKernel, tmp_path: Path) -> None:
    """Programs that bpftool loaded serve in a third map, and carry traffic there."""
    program = clang.bpf_object("cc")
    with (
        bpftool.registered(program, tmp_path) as first,
        bpftool.registered(program, tmp_path) as second,
    ):
        sources: Mapping[str, ProgramSource] = {
            "ssthresh": Loaded(first.programs["ssthresh"]),
            "cong_avoid": Loaded(second.programs["cong_avoid"]),
            "undo_cwnd": Loaded(first.programs["undo_cwnd"]),
        }
        name = kit.name()
        plan = Plan(TCP, name, sources, {"name": name})
        facts = facts_of(kernel)
        assert not [each for each in checks(plan, facts) if each.level == "failed"]
        best = candidates(facts, facts.types[TCP], "ssthresh")
        exact = {each.source for each in best if each.fit == "exact"}
        assert {Loaded(first.programs["ssthresh"]), Loaded(second.programs["ssthresh"])} <= exact
        with registered(kit, plan, kernel) as outcome:
            assert outcome.ok, outcome.words
            transfer(name)
        assert eventually(lambda: name not in available())


def test_a_dry_run_registers_nothing(kit: Kit, kernel: LiveKernel) -> None:
    plan = example(kit, kernel, "reno")
    facts = facts_of(kernel)
    outcome = dry_run(plan, facts, kernel.writes)
    assert outcome.ok, outcome.words
    assert "Only registering shows whether the name is still free (EEXIST)" in outcome.words
    assert [result.step for result in outcome.steps] == list(dry_steps(plan, facts))
    assert plan.map_name not in available()
    assert nothing_is_left(kernel, outcome)


def test_read_only_does_nothing(kit: Kit, kernel: LiveKernel) -> None:
    kernel.writes.armed = False
    plan = example(kit, kernel, "reno")
    for act in (execute, dry_run):
        with pytest.raises(ReadOnly):
            act(plan, facts_of(kernel), kernel.writes)
    assert plan.map_name not in available()


def test_unregistering_a_plain_map_leaves_nothing(kit: Kit, kernel: LiveKernel) -> None:
    plan = example(kit, kernel, "reno")
    with registered(kit, plan, kernel) as outcome:
        wanted = unregister.plan_for(facts_of(kernel), map_id=outcome.map_id)
        ended = unregister.execute(wanted, facts_of(kernel), kernel.writes)
        assert ended.ok, ended.words
        assert ended.left == ()
        assert ended.words == f"Unregistered: map {outcome.map_id} {plan.map_name} is gone."
        assert plan.map_name not in available()


def test_unregistering_waits_for_holders(kit: Kit, kernel: LiveKernel) -> None:
    plan = example(kit, kernel, "reno")
    with registered(kit, plan, kernel) as outcome, kit.clients(plan.map_name, 2):
        facts = facts_of(kernel)
        wanted = unregister.plan_for(facts, map_id=outcome.map_id)
        assert "2 who use it now keep it until they end" in [
            check.words for check in unregister.checks(wanted, facts)
        ]
        ended = unregister.execute(wanted, facts, kernel.writes)
        assert ended.ok, ended.words
        assert (ended.state, ended.status) == ("TOBEFREE", "unregistered, held")
        assert "stays until the 2 who use it end" in ended.words
        again = unregister.plan_for(facts_of(kernel), map_id=outcome.map_id)
        assert "not registered" in failures(unregister.checks(again, facts))[0].words
    assert eventually(lambda: not kit.map_exists(outcome.map_id))


def test_unregistering_a_link_that_this_program_holds(kit: Kit, kernel: LiveKernel) -> None:
    plan = example(kit, kernel, "reno", link=True)
    with registered(kit, plan, kernel) as outcome:
        assert outcome.held
        facts = facts_of(kernel)
        wanted = unregister.plan_for(facts, link_id=outcome.link_id)
        ended = unregister.execute(wanted, facts, kernel.writes, held=(outcome.held,))
        assert ended.ok, ended.words
        assert ended.left == ()
        assert plan.map_name not in available()


def test_what_changed_meanwhile_is_left_alone(kit: Kit, kernel: LiveKernel) -> None:
    plan = example(kit, kernel, "reno")
    with registered(kit, plan, kernel) as outcome, kit.clients(plan.map_name, 1):
        facts = facts_of(kernel)
        wanted = unregister.plan_for(facts, map_id=outcome.map_id)
        kit.free(outcome.map_id)
        ended = unregister.execute(wanted, facts, kernel.writes)
        assert not ended.ok
        assert "was INUSE when you looked and is TOBEFREE now. Nothing was done." in ended.words
        assert ended.steps == ()


def test_capabilities_and_names_are_read(kernel: LiveKernel) -> None:
    conditions = kernel.conditions()
    assert conditions.capabilities
    assert {"CAP_BPF", "CAP_SYS_ADMIN"} <= conditions.capabilities
    assert "reno" in (conditions.congestion_controls or ())
    assert conditions.congestion_default in (conditions.congestion_controls or ())


def test_what_this_kernel_supports(kit: Kit, kernel: LiveKernel) -> None:
    facts = facts_of(kernel)
    assert facts.links_supported == kit.links
    assert facts.detach_supported or not kit.links
    assert unavailable(EXAMPLES["reno"], facts.types) == ""
    assert unavailable(EXAMPLES["constant"], facts.types) == ""


# What the kernel refuses: the checks know most of it before, so `perform` asks the kernel itself.

RENO = {member: Example("reno", member) for member in ("ssthresh", "cong_avoid", "undo_cwnd")}


@pytest.mark.parametrize("link", [False, True], ids=["plain", "link"])
@pytest.mark.parametrize(
    ("change", "call", "errno", "words"),
    [
        pytest.param({"map_name": "a b"}, "BPF_MAP_CREATE", "EINVAL", "the name 'a b'",
                     id="bad map name"),
        pytest.param({"map_name": "a" * 16}, "BPF_MAP_CREATE", "EINVAL", "is longer than 15 bytes",
                     id="long map name"),
        pytest.param({"programs": {k: RENO[k] for k in ("ssthresh", "cong_avoid")}},
                     "BPF_MAP_UPDATE_ELEM", "EINVAL", "a mandatory member is missing",
                     id="missing member"),
        pytest.param({"data": {}}, "BPF_MAP_UPDATE_ELEM", "EINVAL", "a bad name", id="no name"),
        pytest.param({"data": {"name": "a b"}}, "BPF_MAP_UPDATE_ELEM", "EINVAL", "a bad name",
                     id="bad name"),
        pytest.param({"data": {"name": "x", "flags": 1 << 20}}, "BPF_MAP_UPDATE_ELEM", "EINVAL",
                     "the kernel does not take 1048576 for flags", id="bad flags"),
        pytest.param({"data": {"name": "x", "key": 1}}, "BPF_MAP_UPDATE_ELEM", "",
                     "key: it may not be set: the kernel computes it", id="key"),
        pytest.param({"data": {"name": "x", "owner": 1}}, "BPF_MAP_UPDATE_ELEM", "",
                     "owner: it may not be set: only the kernel sets it", id="owner"),
    ],
)  # fmt: skip
def test_what_is_refused_is_told_and_leaves_nothing(
    kit: Kit,
    kernel: LiveKernel,
    change: dict[str, Any],
    call: str,
    errno: str,
    words: str,
    link: bool,
) -> None:
    plan = replace(example(kit, kernel, "reno", link=link), **change)
    assert failures(checks(plan, facts_of(kernel))) or "flags" in plan.data
    outcome = perform(plan, facts_of(kernel), kernel.writes)
    failed = outcome.steps[-1]
    assert (failed.step.call, failed.errno_name) == (call, errno)
    if "flags" in plan.data and not kit.links:
        words = "a bad name or flags"  # only a map for a link can be tried without registering
    assert words in failed.message
    assert f"{len(outcome.steps)} {call}: " in outcome.words
    assert outcome.words.endswith("Nothing was left behind.")
    assert nothing_is_left(kernel, outcome)


@pytest.mark.parametrize("link", [False, True], ids=["plain", "link"])
def test_a_taken_name_is_named_with_its_map(kit: Kit, kernel: LiveKernel, link: bool) -> None:
    plan = example(kit, kernel, "reno", link=link)
    with registered(kit, plan, kernel) as first:
        refused = execute(plan, facts_of(kernel), kernel.writes)
        assert not refused.ok
        assert not refused.refused
        assert f'a congestion control named "{plan.map_name}" is already' in refused.words
        outcome = perform(plan, facts_of(kernel), kernel.writes)
        failed = outcome.steps[-1]
        call = "BPF_LINK_CREATE" if link else "BPF_MAP_UPDATE_ELEM"
        assert (failed.step.call, failed.errno_name) == (call, "EEXIST")
        assert f"by map {first.map_id} {plan.map_name}" in failed.message
        assert outcome.refused
        assert nothing_is_left(kernel, outcome)
        assert plan.map_name in available()


def test_the_kernels_own_name_is_taken(kit: Kit, kernel: LiveKernel) -> None:
    plan = replace(example(kit, kernel, "reno"), data={"name": "reno"})
    outcome = perform(plan, facts_of(kernel), kernel.writes)
    assert "by the kernel itself" in outcome.words
    assert nothing_is_left(kernel, outcome)


def test_dummy_is_never_registered(kit: Kit, kernel: LiveKernel) -> None:
    with kit.program("test_1", "bpf_dummy_ops") as fd:
        program = Loaded(kit.bpf.prog_get_info_by_fd(fd).id)
        plan = Plan("bpf_dummy_ops", kit.name(), {"test_1": program})
        facts = facts_of(kernel)
        assert "never registers it" in failures(checks(plan, facts))[0].words
        outcome = perform(plan, facts, kernel.writes)
        assert outcome.steps[-1].errno_name == "EOPNOTSUPP"
        assert "never registers this type" in outcome.words
        assert nothing_is_left(kernel, outcome)


@pytest.mark.parametrize("link", [False, True], ids=["plain", "link"])
def test_which_program_was_made_for_another_member(
    kit: Kit, kernel: LiveKernel, link: bool
) -> None:
    """The kernel says EINVAL alone; the tool finds out which one it is, by a map for a link."""
    kit.need_links()
    with kit.program("undo_cwnd", name="scarlet") as one, kit.program("init", name="blue") as two:
        ids = [kit.bpf.prog_get_info_by_fd(fd).id for fd in (one, two)]
        plan = example(kit, kernel, "reno", link=link)
        plan = replace(
            plan, programs={**plan.programs, "ssthresh": Loaded(ids[0]), "init": Loaded(ids[1])}
        )
        facts = facts_of(kernel)
        assert not failures(checks(plan, facts))  # nothing shows what they were made for
        warned = [check.member for check in checks(plan, facts) if check.level == "warned"]
        assert {"ssthresh", "init"} <= set(warned)
        outcome = execute(plan, facts, kernel.writes)
        assert outcome.steps[-1].errno_name == "EINVAL"
        assert outcome.steps[-1].message == (
            f"the program for ssthresh ({ids[0]} scarlet) was made for another member: choose "
            "another program"
        )
        assert nothing_is_left(kernel, outcome)


def test_a_program_of_another_struct(kit: Kit, kernel: LiveKernel) -> None:
    with kit.program("test_1", "bpf_dummy_ops") as fd:
        program = Loaded(kit.bpf.prog_get_info_by_fd(fd).id)
        plan = example(kit, kernel, "reno")
        plan = replace(plan, programs={**plan.programs, "ssthresh": program})
        facts = facts_of(kernel)
        assert "implements a member of bpf_dummy_ops" in failures(checks(plan, facts))[0].words
        outcome = perform(plan, facts, kernel.writes)
        assert outcome.steps[-1].errno_name == "EINVAL"
        assert nothing_is_left(kernel, outcome)


def test_a_program_that_is_gone(kit: Kit, kernel: LiveKernel) -> None:
    with kit.program() as fd:
        program = Loaded(kit.bpf.prog_get_info_by_fd(fd).id)
        facts = facts_of(kernel)
    plan = example(kit, kernel, "reno")
    plan = replace(plan, programs={**plan.programs, "ssthresh": program})
    outcome = execute(plan, facts, kernel.writes)
    failed = outcome.steps[-1]
    assert (failed.step.call, failed.errno_name) == ("BPF_PROG_GET_FD_BY_ID", "ENOENT")
    assert {each.step.call for each in outcome.steps[:-1]} <= {"BPF_PROG_LOAD"}
    assert nothing_is_left(kernel, outcome)


def test_the_verifiers_word_is_passed_on(
    kit: Kit, kernel: LiveKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wild(btf: object) -> tuple[Insn, ...]:
        return mov(R0, R0), exit_()

    broken = replace(EXAMPLES["reno"], programs={**EXAMPLES["reno"].programs, "ssthresh": wild})
    plan = example(kit, kernel, "reno")
    monkeypatch.setattr(
        "stops_tui.struct_ops.registration.sources.EXAMPLES", {**EXAMPLES, "reno": broken}
    )
    outcome = execute(plan, facts_of(kernel), kernel.writes)
    failed = outcome.steps[-1]
    assert (failed.step.call, failed.errno_name) == ("BPF_PROG_LOAD", "EACCES")
    assert "R0 !read_ok" in failed.log
    assert "R0 !read_ok" in failed.message
    assert nothing_is_left(kernel, outcome)


# Pins: in a bpffs that only a private mount namespace has.

SCRIPT = """
import json, os, sys
from dataclasses import replace
from stops_tui.kernels.live.kernel import LiveKernel
from stops_tui.struct_ops.examples import example_plan
from stops_tui.struct_ops.registration import unregister
from stops_tui.struct_ops.registration.checks import checks, failures
from stops_tui.struct_ops.registration.execute import execute, perform
from stops_tui.struct_ops.registration.facts import RegistrationFacts
name, root = sys.argv[1:]
kernel = LiveKernel.open()
kernel.writes.armed = True
def facts():
    return RegistrationFacts.gather(kernel)
def plan(**change):
    found = example_plan("reno", facts().types, link=True)
    return replace(found, map_name=name, data={"name": name}, **change)
def words(found):
    return [c.words for c in failures(checks(found, facts()))]
def show(outcome):
    print(json.dumps({"ok": outcome.ok, "words": outcome.words, "left": outcome.left,
        "map": outcome.map_id, "link": outcome.link_id, "held": outcome.held is not None,
        "calls": [r.step.call for r in outcome.steps], "errno": outcome.steps and
        outcome.steps[-1].errno_name}))
def listed():
    return name in open("/proc/sys/net/ipv4/tcp_available_congestion_control").read().split()
"""


def in_private_bpffs(kit: Kit, root: Path, script: str) -> list[Any]:
    """Run `script` where mounts are its own; what it printed, each line as JSON."""
    name = kit.name()
    answer = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", sys.executable, "-c", SCRIPT + script,
         name, str(root)],
        capture_output=True, text=True, check=False, timeout=60 * PATIENCE,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    return [json.loads(line) for line in answer.stdout.splitlines()]


def test_a_pinned_link_outlives_its_maker_and_is_unregistered_by_its_pin(
    kit: Kit, tmp_path: Path
) -> None:
    kit.need_links()
    script = """
os.mkdir(root)
pin = f"{root}/cc"
print(json.dumps(words(plan(pin=pin))))
wanted = plan(pin=pin, mount=root)
show(execute(wanted, facts(), kernel.writes))
print(json.dumps([listed(), os.path.exists(pin)]))
print(json.dumps(words(replace(wanted, mount=""))))
show(perform(replace(wanted, map_name=name[:-1], data={"name": name + "x"}, mount=""), facts(),
     kernel.writes))
ending = unregister.plan_for(facts(), pin=pin)
show(unregister.execute(ending, facts(), kernel.writes))
print(json.dumps([listed(), os.path.exists(pin)]))
"""
    answers = in_private_bpffs(kit, tmp_path / "bpf", script)
    no_bpffs, made, there, taken, refused, ended, gone = answers
    root = tmp_path / "bpf"
    assert f"{root}/cc is in no bpffs: " in no_bpffs[0]
    assert made["ok"], made["words"]
    assert not made["held"]
    assert made["calls"][0] == "mount"
    assert made["calls"][-2:] == ["BPF_OBJ_PIN", "read back"]
    assert made["left"][1] == f"a bpffs mounted on {root}"
    assert there == [True, True]
    assert f"something is pinned at {root}/cc already: choose another path" in taken
    assert (refused["ok"], refused["calls"][-2:]) == (
        False,
        ["BPF_OBJ_PIN", "BPF_LINK_DETACH"],
    )
    assert f"8 BPF_OBJ_PIN: EEXIST. {root}/cc exists already" in refused["words"]
    assert refused["left"] == []
    assert ended["ok"], ended["words"]
    assert ended["left"] == []
    assert gone == [False, False]


def test_a_pinned_plain_map_and_a_pin_of_a_program(kit: Kit, tmp_path: Path) -> None:
    script = """
os.mkdir(root)
wanted = replace(plan(pin=f"{root}/map", mount=root), link=False)
made = execute(wanted, facts(), kernel.writes)
show(made)
ending = unregister.plan_for(facts(), map_id=made.map_id)
print(json.dumps([c.words for c in unregister.checks(ending, facts()) if c.level == "warned"]))
show(unregister.execute(ending, facts(), kernel.writes))
from stops_tui.struct_ops.registration.plan import Pinned
members = facts().snapshot.maps[made.map_id].members
handle = kernel.writes.open_program(next(m.prog_id for m in members if m.member.name == "ssthresh"))
kernel.writes.pin(handle, f"{root}/prog")
handle.close()
os.unlink(f"{root}/map")
other = plan()
other = replace(other, link=False, programs={**other.programs, "ssthresh": Pinned(f"{root}/prog")})
again = execute(other, facts(), kernel.writes)
show(again)
show(unregister.execute(unregister.plan_for(facts(), map_id=again.map_id), facts(), kernel.writes))
"""
    answers = in_private_bpffs(kit, tmp_path / "bpf", script)
    made, warned, ended, again, ended_again = answers
    assert made["ok"], made["words"]
    assert f"rm {tmp_path}/bpf/map" in warned[0]
    assert ended["ok"], ended["words"]
    assert "stays while a pin or a process holds it" in ended["words"]
    assert again["ok"], again["words"]
    assert "BPF_OBJ_GET" in again["calls"]
    assert ended_again["ok"], ended_again["words"]
    assert ended_again["left"] == []


def test_an_unpinned_link_dies_with_its_maker(kit: Kit, tmp_path: Path) -> None:
    kit.need_links()
    script = """
show(execute(plan(), facts(), kernel.writes))
print(json.dumps(listed()))
"""
    made, was_listed = in_private_bpffs(kit, tmp_path, script)
    assert made["held"]
    assert was_listed
    assert eventually(lambda: not any(kit.token in name for name in available()))


def test_a_program_of_another_process_stays_its_holders(kit: Kit, kernel: LiveKernel) -> None:
    """A program that is only held by a file descriptor may be used, and stays its holder's."""
    with kit.program("undo_cwnd") as fd:
        program_id = kit.bpf.prog_get_info_by_fd(fd).id
        plan = example(kit, kernel, "reno")
        plan = replace(plan, programs={**plan.programs, "undo_cwnd": Loaded(program_id)})
        with registered(kit, plan, kernel) as outcome:
            assert outcome.ok, outcome.words
        with opened(kit.bpf.prog_get_fd_by_id(program_id)):
            pass
