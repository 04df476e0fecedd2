"""A queueing discipline for real: instances in two network namespaces, detached while in use."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from stops_tui.struct_ops.registration.checks import checks, failures
from stops_tui.struct_ops.registration.plan import Plan, ProgramSource
from tests.support.guest import load
from tests.support.live import eventually
from tests.vm.guest.stage import Stage, command

QDISC = "Qdisc_ops"
ID = "stops_fifo"
DEFAULT = Path("/proc/sys/net/core/default_qdisc")
HERE, THERE, NETNS = "stq0", "stq1", "stops_there"


@pytest.fixture(autouse=True)
def qdisc(stage: Stage) -> None:
    stage.needs(QDISC)
    load("veth")


@pytest.fixture
def wire() -> Iterator[None]:
    """A cable from here to another network namespace."""
    command(f"ip netns add {NETNS}")
    try:
        command(f"ip link add {HERE} type veth peer name {THERE} netns {NETNS}")
        command(f"ip addr add 10.111.0.1/24 dev {HERE}")
        command(f"ip link set {HERE} up")
        command(f"ip -n {NETNS} addr add 10.111.0.2/24 dev {THERE}")
        command(f"ip -n {NETNS} link set {THERE} up")
        yield
    finally:
        command(f"ip netns del {NETNS}")
        assert eventually(lambda: not Path("/sys/class/net", HERE).exists())


def plan(programs: Mapping[str, ProgramSource], **choices: Any) -> Plan:
    members = ("enqueue", "dequeue", "init", "reset", "destroy")
    sources = {member: programs[f"fifo_{member}"] for member in members}
    return Plan(QDISC, ID, sources, {"id": ID}, link=True, **choices)


def instances() -> None:
    """One here and one there."""
    command(f"tc qdisc replace dev {HERE} root handle 1: {ID}")
    command(f"tc -n {NETNS} qdisc replace dev {THERE} root handle 2: {ID}")


def end_of_instances() -> None:
    command(f"tc qdisc del dev {HERE} root")
    command(f"tc -n {NETNS} qdisc del dev {THERE} root")


def packets() -> int:
    """How many the instance here has sent."""
    (found,) = json.loads(command(f"tc -s -j qdisc show dev {HERE}"))
    assert found["kind"] == ID
    return int(found["packets"])


def held_by(stage: Stage, map_id: int) -> list[str]:
    """The instances in a map's account, in which nothing else may be but its link."""
    link, *qdiscs = stage.account(map_id).parts
    assert link.what == "link"
    assert all((part.what, part.n) == ("qdisc", 1) for part in qdiscs)
    assert {part.netns for part in qdiscs} > {NETNS}
    return sorted(part.detail.partition(",")[0] for part in qdiscs)


def send(number: int, to: str = "10.111.0.2") -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(number):
            sender.sendto(b"hello", (to, 9))


def test_instances_hold_it(stage: Stage, wire: None) -> None:
    stage.look()
    with stage.loaded("qdisc") as programs, stage.registered(plan(programs)) as outcome:
        assert (outcome.state, outcome.status) == ("READY", "attached")
        instances()
        send(20)
        assert eventually(lambda: packets() >= 20)
        stage.look()
        found = stage.map(outcome.map_id)
        assert (found.refcnt, found.holders) == (3, 2)
        assert held_by(stage, outcome.map_id) == [f"{HERE} 1: root", f"{THERE} 2: root"]
        ended = stage.unregister(outcome)
        assert ended.ok, ended.words
        assert (ended.state, ended.status) == ("READY", "unregistered, held")
        assert "stays until the 2 who use it end" in ended.words
        stage.look()
        before = packets()
        send(20)
        assert eventually(lambda: packets() >= before + 20), "it goes on without its link"
        sentence = stage.told_account(outcome.map_id)["sentence"]
        assert sentence.startswith("Unregistered; kept by qdisc 1: of stq0 in ")
        assert f"qdisc 2: of {THERE} in netns {NETNS}" in sentence
        end_of_instances()
    assert stage.gone("map", outcome.map_id)
    stage.look()
    assert stage.events(outcome.map_id) == [
        "map  → attached",
        "status attached → unregistered, held",
        "refcnt 3 → 2",
        f"links {outcome.link_id} → ",
        "map unregistered, held → ",
    ]


def test_the_default_qdisc_holds_it(stage: Stage) -> None:
    before = DEFAULT.read_text()
    with stage.loaded("qdisc") as programs, stage.registered(plan(programs)) as outcome:
        try:
            DEFAULT.write_text(ID)
            account = stage.account(outcome.map_id)
            assert [part.what for part in account.parts] == ["link", "default_qdisc"]
            assert account.unexplained == 0
        finally:
            DEFAULT.write_text(before)
        assert stage.map(outcome.map_id).holders == 0


def test_its_mandatory_members_are_known_in_advance(stage: Stage) -> None:
    """bpf_qdisc_validate() refuses a map without them, and the verifier their absence."""
    with stage.loaded("qdisc") as programs:
        whole = plan(programs)
        less = {name: source for name, source in whole.programs.items() if name != "reset"}
        (failed,) = failures(checks(Plan(QDISC, ID, less, whole.data, link=True), stage.facts()))
        assert failed.words.startswith("reset is mandatory")
