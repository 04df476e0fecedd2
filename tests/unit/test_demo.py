"""The demo kernel keeps the real one's rules, and tells a story."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from errno import E2BIG, EBUSY, EINVAL, ENOLINK, EOPNOTSUPP
from typing import cast

import pytest

from stops_tui.kernels.demo.kernel import DemoKernel
from stops_tui.kernels.kernel import RawSweep
from stops_tui.kernels.writes import Handle, ReadOnly, Refused
from stops_tui.struct_ops.account import Accounts
from stops_tui.struct_ops.events import History
from stops_tui.struct_ops.inventory import Inventory
from stops_tui.struct_ops.listing import xlated_listing
from tests.support.writes_contract import CONTRACT, Bench, refused

SCX, HID = "sched_ext_ops", "hid_bpf_ops"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


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


# Types that the contract's kernels may not have


def test_one_scheduler_runs_at_a_time_and_its_link_survives_its_ejection(bench: Bench) -> None:
    def scheduler(name: str) -> Handle:
        ops = bench.map(link=True, type_name=SCX)
        bench.update(ops, bench.value(SCX, name=name.encode()), (), SCX)
        return ops

    first, second = scheduler("first"), scheduler("second")
    link = bench.keep(bench.writes.create_link(first))
    refused(EBUSY, "already runs", lambda: bench.writes.create_link(second))
    said = bench.kernel.users.sched_ext()
    assert said and (said.state, said.ops) == ("enabled", "first")
    world = cast("DemoKernel", bench.kernel).world
    world.sched_ext.stall(first.id, 2.3)
    assert bench.kernel.sweep().links[link.id].map_id == first.id
    assert Inventory(bench.kernel).sweep().maps[first.id].status == "ejected"
    assert bench.kernel.conditions().subsystems.sched_ext_state == "disabled"


def test_a_scheduler_that_is_refused_while_enabling_has_a_link_all_the_same(bench: Bench) -> None:
    ops = bench.map(link=True, type_name=SCX)
    bench.update(ops, bench.value(SCX, name=b"last", flags=b"\2"), (), SCX)  # ENQ_LAST, no enqueue
    bench.keep(bench.writes.create_link(ops))
    said = bench.kernel.users.sched_ext()
    assert said and said.state == "disabled"
    assert "requires ops.enqueue()" in said.log[-1]
    too_long = bench.value(SCX, name=b"long", timeout_ms=(30_001).to_bytes(4, "little"))
    other = bench.map(link=True, type_name=SCX)
    refused(E2BIG, "limit", lambda: bench.update(other, too_long, (), SCX))


def test_a_swap_keeps_old_sockets_on_the_old_map(bench: Bench) -> None:
    world = cast("DemoKernel", bench.kernel).world
    name = bench.name.encode()
    old, new, other = (bench.map(link=True) for _ in range(3))
    for ops, called in ((old, name), (new, name), (other, name + b"x")):
        bench.update(ops, bench.value(name=called))
    link = bench.keep(bench.writes.create_link(old))
    netns = next(iter(world.tcp.namespaces))
    world.tcp.open(bench.name, netns, "192.0.2.1:5")
    refused(EINVAL, "name", lambda: bench.writes.update_link(link, other, old))
    with pytest.raises(Refused, match="already"):
        bench.writes.update_link(link, old, old)
    bench.writes.update_link(link, new, old)
    assert (bench.seen(old), bench.seen(new)) == (("READY", 1), ("READY", 1))
    world.tcp.open(bench.name, netns, "192.0.2.1:6")
    users = bench.kernel.users.tcp({old.id: bench.name, new.id: bench.name})
    assert users.namespaces[0].sockets == {old.id: 1, new.id: 1}
    bench.writes.detach_link(link)
    third = bench.map(link=True)
    bench.update(third, bench.value(name=name))
    refused(ENOLINK, "detached", lambda: bench.writes.update_link(link, third, new))


def test_what_is_no_type_for_links_to_change_says_so(bench: Bench) -> None:
    maps = [bench.map(link=True, type_name=SCX) for _ in range(2)]
    for number, ops in enumerate(maps):
        bench.update(ops, bench.value(SCX, name=b"s%d" % number), (), SCX)
    link = bench.keep(bench.writes.create_link(maps[0]))
    refused(EOPNOTSUPP, "", lambda: bench.writes.update_link(link, maps[1], maps[0]))


def test_a_fixup_wants_its_device(bench: Bench) -> None:
    world = cast("DemoKernel", bench.kernel).world
    ops = bench.map(link=True, type_name=HID)
    bench.update(ops, bench.value(HID, hid_id=b"\5"), (), HID)
    refused(EINVAL, "", lambda: bench.writes.create_link(ops))
    world.hid.plug(5, "a mouse", "0003:0001:0002")
    bench.keep(bench.writes.create_link(ops))
    world.hid.unplug(5)
    status = Inventory(bench.kernel).sweep().maps[ops.id].status
    assert status == "attached, device gone"


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
