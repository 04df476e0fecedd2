"""The demo kernel keeps the real one's rules, and tells a story."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import cast

import pytest

from stops_tui.bpf.errors import BpfError
from stops_tui.kernels.demo.calls import Calls
from stops_tui.kernels.demo.kernel import DemoKernel
from stops_tui.kernels.demo.rules.hid import Hid
from stops_tui.kernels.demo.rules.qdisc import Qdisc
from stops_tui.kernels.demo.rules.sched_ext import SchedExt
from stops_tui.kernels.demo.rules.subsystem import Dummy, SchedExtCid, Subsystem
from stops_tui.kernels.demo.rules.tcp import Tcp
from stops_tui.kernels.kernel import RawSweep
from stops_tui.kernels.writes import ReadOnly, Refused
from stops_tui.struct_ops.account import Accounts
from stops_tui.struct_ops.events import History
from stops_tui.struct_ops.inventory import Inventory
from stops_tui.struct_ops.listing import xlated_listing
from tests.support.clock import Clock
from tests.support.types_contract import HID, TYPES_CONTRACT, Rule, linked, scheduler
from tests.support.writes_contract import CONTRACT, Bench


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def kernel(clock: Clock) -> DemoKernel:
    """The demo at its beginning, whose time a test moves."""
    return DemoKernel(clock=clock, epoch=1_700_000_000.0)


@pytest.fixture
def bench(clock: Clock) -> Iterator[Bench]:
    """An empty demo kernel to make things in."""
    with closing(Bench(DemoKernel(clock=clock, story=False), "t_contract")) as bench:
        yield bench


@pytest.mark.parametrize("rule", CONTRACT, ids=lambda rule: rule.__name__)
def test_rules_of_the_real_kernel(bench: Bench, rule: Callable[[Bench], None]) -> None:
    rule(bench)


@pytest.mark.parametrize("rule", TYPES_CONTRACT, ids=lambda rule: rule.holds.__name__)
def test_rules_of_types_that_only_guests_have(bench: Bench, rule: Rule) -> None:
    rule.holds(bench)


def test_an_ejected_scheduler_looks_attached(bench: Bench) -> None:
    first = scheduler(bench, "first")
    link = bench.keep(bench.writes.create_link(first))
    world = cast("DemoKernel", bench.kernel).world
    world.sched_ext.stall(first.id, 2.3)
    assert bench.kernel.sweep().links[link.id].map_id == first.id
    assert Inventory(bench.kernel).sweep().maps[first.id].status == "ejected"
    log = bench.kernel.users.sched_ext_log()
    assert log.lines[-1] == "sched_ext: first: kworker/1:2[611] failed to run for 2.300s"


def test_sockets_stay_with_the_map_they_began_with(bench: Bench) -> None:
    world = cast("DemoKernel", bench.kernel).world
    old, new = linked(bench, bench.name), linked(bench, bench.name)
    link = bench.keep(bench.writes.create_link(old))
    netns = next(iter(world.tcp.namespaces))
    world.tcp.open(bench.name, netns, "192.0.2.1:5")
    bench.writes.update_link(link, new, old)
    world.tcp.open(bench.name, netns, "192.0.2.1:6")
    assert (bench.seen(old), bench.seen(new)) == (("READY", 1), ("READY", 2))
    users = bench.kernel.users.tcp({old.id: bench.name, new.id: bench.name})
    assert users.namespaces[0].sockets == {old.id: 1, new.id: 1}


def test_a_fixup_outlives_its_device(bench: Bench) -> None:
    world = cast("DemoKernel", bench.kernel).world
    world.hid.plug(5, "a mouse", "0003:0001:0002")
    ops = bench.map(link=True, type_name=HID)
    bench.update(ops, bench.value(HID, hid_id=b"\5"), (), HID)
    bench.keep(bench.writes.create_link(ops))
    world.hid.unplug(5)
    assert Inventory(bench.kernel).sweep().maps[ops.id].status == "attached, device gone"


# Rules made wrong on purpose


def wrong_value(answer: object) -> Callable[..., object]:
    """A method that answers so, whatever it is asked."""
    return lambda *_, **__: answer


WRONG: dict[str, tuple[type, str, Callable[..., object]]] = {
    "a name may be taken twice": (Tcp, "register", wrong_value(0)),
    "a name is never given back": (Tcp, "unregister", wrong_value(None)),
    "any value will do": (Tcp, "validate", wrong_value(0)),
    "another name may be swapped in": (Tcp, "update", wrong_value(0)),
    "bpf_dummy_ops registers": (Dummy, "validate", wrong_value(0)),
    "two schedulers run": (SchedExt, "register", wrong_value(0)),
    "a scheduler has no limits": (SchedExt, "validate", wrong_value(0)),
    "a scheduler can be swapped": (Subsystem, "update", wrong_value(0)),
    "no arena is wanted": (SchedExtCid, "register", wrong_value(0)),
    "a qdisc may lack functions": (Qdisc, "validate", wrong_value(0)),
    "a fixup takes any flags": (Hid, "validate", wrong_value(0)),
    "a fixup needs no device": (Hid, "register", wrong_value(0)),
    "nothing counts in refcnt": (Calls, "refcnt", wrong_value(0)),
    "nothing ever goes": (Calls, "collect", wrong_value(None)),
    "detaching does nothing": (Calls, "detach_link", wrong_value(None)),
    "deleting does nothing": (Calls, "delete_map", wrong_value(None)),
    "a link is on any map": (Calls, "update_link", wrong_value(None)),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_rule_breaks_the_contract(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    owner, method, wrong = WRONG[what]
    monkeypatch.setattr(owner, method, wrong)
    rules = [*CONTRACT, *(rule.holds for rule in TYPES_CONTRACT)]
    assert any(not holds(rule) for rule in rules)


def holds(rule: Callable[[Bench], None]) -> bool:
    """Whether the demo kernel keeps a rule."""
    try:
        with closing(Bench(DemoKernel(clock=Clock(), story=False), "t_contract")) as bench:
            rule(bench)
    except (AssertionError, BpfError, Refused, pytest.fail.Exception):
        return False
    return True


# The story


def test_the_story_shows_what_struct_ops_is_like(kernel: DemoKernel, clock: Clock) -> None:
    history, inventory = History(), Inventory(kernel)
    for second in range(301):
        clock.now = float(second)
        history.add(inventory.sweep())
    seen = [(event.map_name, event.before, event.after) for event in history.events]
    for name, before, after in (
        ("web_dctcp", "attached", "unregistered, held"),
        ("web_dctcp", "unregistered, held", ""),
        ("demo_fifo", "attached", "unregistered, held"),
        ("scx_fifo", "attached", "ejected"),
        ("mouse_fixup", "attached", "attached, device gone"),
    ):
        assert (name, before, after) in seen


def test_every_account_adds_up_all_the_time(kernel: DemoKernel, clock: Clock) -> None:
    accounts = Accounts(kernel)
    for second in range(0, 300, 7):
        clock.now = float(second)
        ids = list(kernel.sweep().maps)
        for account in accounts.take(ids, kernel.holders()).values():
            assert account.unexplained == 0, (second, account)


def test_the_same_seed_tells_the_same_story() -> None:
    def told(seed: int) -> list[RawSweep]:
        clock = Clock()
        kernel = DemoKernel(seed, clock=clock, epoch=0.0)
        found = []
        for second in range(100):
            clock.now = float(second)
            found.append(kernel.sweep())
        return found

    assert told(1) == told(1)
    assert told(1) != told(2)


def test_speed_is_of_its_time(clock: Clock) -> None:
    kernel = DemoKernel(speed=10, clock=clock, epoch=0.0)
    clock.now = 7.5
    assert kernel.now() == 75
    names = [raw.name for raw in kernel.sweep().maps.values()]
    assert names.count("web_dctcp") == 2  # swapped in second 70


def test_the_story_goes_on_when_somebody_takes_its_things(kernel: DemoKernel, clock: Clock) -> None:
    kernel.writes.armed = True
    for pin in kernel.holders().pins:
        kernel.writes.unpin(pin.path, pin.kind, pin.id)
    for second in range(0, 700, 5):
        clock.now = float(second)
        kernel.sweep()


def test_programs_are_real_ones_with_code_and_source(kernel: DemoKernel) -> None:
    program = next(p for p in Inventory(kernel).programs() if p.name == "dctcp_ssthresh")
    code = kernel.code(program.id)
    assert code
    lines = xlated_listing(code, kernel.btf(program.raw.btf_id))
    assert any("dctcp_ssthresh" in line.text for line in lines)
    assert any(line.kind == "source" for line in lines)


def test_runs_are_counted_only_when_asked_for(kernel: DemoKernel, clock: Clock) -> None:
    (prog_id,) = (p.id for p in Inventory(kernel).programs() if p.name == "dctcp_cong_avoid")
    clock.now = 10
    assert kernel.run_counts([prog_id])[prog_id].run_cnt == 0
    kernel.count_runs(True)
    clock.now = 12
    counted = kernel.run_counts([prog_id])[prog_id]
    assert counted.run_cnt > 100
    assert 10 < counted.run_time_ns / counted.run_cnt < 1000
    kernel.close()
    clock.now = 20
    assert kernel.run_counts([prog_id])[prog_id] == counted


def test_traffic_holds_the_map_until_it_ends(kernel: DemoKernel, clock: Clock) -> None:
    with pytest.raises(ReadOnly):
        kernel.traffic("web_dctcp", 3)
    kernel.writes.armed = True
    (web,) = (raw.id for raw in kernel.sweep().maps.values() if raw.name == "web_dctcp")
    traffic = kernel.traffic("web_dctcp", 3)
    clock.now = 0.5
    assert (traffic.seen.open, traffic.seen.problem) == (3, "")
    assert traffic.seen.sent > 0
    users = kernel.users.tcp({web: "web_dctcp"})
    assert users.namespaces[0].sockets == {web: 3}
    traffic.close()
    assert traffic.seen.ended
    assert not kernel.users.tcp({web: "web_dctcp"}).namespaces[0].netns.ours
    assert "no congestion control nobody" in kernel.traffic("nobody", 1).seen.problem
