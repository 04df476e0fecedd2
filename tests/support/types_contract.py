"""What any kernel does with the types that not every kernel has: on the demo kernel, and in guests.

As `writes_contract`; each rule names the type it is about. What LINK_UPDATE does is here too: it is
no call for a machine that one works on.
"""

from __future__ import annotations

from collections.abc import Callable
from errno import E2BIG, EBADF, EBUSY, EINVAL, ENOLINK, EOPNOTSUPP, EPERM
from functools import partial
from typing import NamedTuple

import pytest

from stops_tui.kernels.writes import Handle, Refused
from tests.support.writes_contract import TCP, Bench, refused

SCX, SCX_CID, QDISC, HID, IO_URING = (
    "sched_ext_ops",
    "sched_ext_ops_cid",
    "Qdisc_ops",
    "hid_bpf_ops",
    "io_uring_bpf_ops",
)
ENQ_LAST, SWITCH_PARTIAL = 1 << 1, 1 << 3


class Rule(NamedTuple):
    """One thing that a kernel does, if it has the type."""

    type_name: str
    holds: Callable[[Bench], None]


def number(value: int, size: int = 4) -> bytes:
    return value.to_bytes(size, "little")


def scheduler(bench: Bench, name: str, flags: int = SWITCH_PARTIAL, **data: bytes) -> Handle:
    """A READY map of a scheduler without functions, for tasks that ask for it alone."""
    ops = bench.map(link=True, type_name=SCX)
    value = bench.value(SCX, name=name.encode(), flags=number(flags, 8), **data)
    bench.update(ops, value, (), SCX)
    return ops


def running(bench: Bench) -> str | None:
    return bench.kernel.conditions().subsystems.sched_ext_ops


def one_scheduler_runs_at_a_time(bench: Bench) -> None:
    first, second = scheduler(bench, "first"), scheduler(bench, "second")
    assert running(bench) is None
    link = bench.keep(bench.writes.create_link(first))
    assert running(bench) == "first"
    for ops in (second, first):
        refused(EBUSY, "", partial(bench.writes.create_link, ops))
    bench.writes.detach_link(link)
    assert running(bench) is None
    bench.keep(bench.writes.create_link(second))
    assert running(bench) == "second"


def a_scheduler_refused_while_enabling_has_a_link(bench: Bench) -> None:
    ops = scheduler(bench, "last", SWITCH_PARTIAL | ENQ_LAST)  # which wants enqueue()
    link = bench.keep(bench.writes.create_link(ops))
    assert running(bench) is None
    assert bench.kernel.sweep().links[link.id].map_id == ops.id


def a_scheduler_has_limits(bench: Bench) -> None:
    for name in ("", "no good", "no-good"):
        refused(EINVAL, "bad name", partial(scheduler, bench, name))
    refused(EINVAL, "", partial(scheduler, bench, "flags", 1 << 40))
    refused(E2BIG, "limit", partial(scheduler, bench, "slow", timeout_ms=number(30_001)))
    scheduler(bench, "slow", timeout_ms=number(30_000))


def a_value_has_nothing_between_its_members(bench: Bench) -> None:
    value = bytearray(bench.value(SCX, name=b"gap"))
    gap = bench.offset("dispatch_max_batch", SCX) + 4
    assert gap < bench.offset("flags", SCX)
    value[gap] = 1
    ops = bench.map(link=True, type_name=SCX)
    refused(EINVAL, "", lambda: bench.update(ops, bytes(value), (), SCX))


def a_scheduler_is_not_swapped(bench: Bench) -> None:
    old, new = scheduler(bench, "old"), scheduler(bench, "old")
    link = bench.keep(bench.writes.create_link(old))
    refused(EOPNOTSUPP, "", lambda: bench.writes.update_link(link, new, old))
    early, control = bench.map(link=True, type_name=SCX), linked(bench, "old")
    for other in (early, control):
        refused(EINVAL, "", partial(bench.writes.update_link, link, other, old))
    assert bench.kernel.sweep().links[link.id].map_id == old.id


def a_swap_looks_at_the_old_map_before_the_types(bench: Bench) -> None:
    old, control = scheduler(bench, "old"), linked(bench, bench.name)
    link = bench.keep(bench.writes.create_link(control))
    refused(EPERM, "", lambda: bench.writes.update_link(link, scheduler(bench, "new"), old))
    refused(EINVAL, "", lambda: bench.writes.update_link(link, old, control))


def a_type_without_update_is_refused_before_the_link_is_looked_at(bench: Bench) -> None:
    control, fixup = linked(bench, bench.name), bench.map(link=True, type_name=HID)
    bench.update(fixup, bench.value(HID, hid_id=number(0x7FFF)), (), HID)
    link = bench.keep(bench.writes.create_link(control))
    bench.writes.detach_link(link)
    refused(EOPNOTSUPP, "", lambda: bench.writes.update_link(link, fixup, control))
    refused(ENOLINK, "", lambda: bench.writes.update_link(link, linked(bench, "new"), control))


def a_cid_scheduler_wants_an_arena(bench: Bench) -> None:
    ops = bench.map(link=True, type_name=SCX_CID)
    bench.update(ops, bench.value(SCX_CID, name=b"cid"), (), SCX_CID)
    refused(EINVAL, "", lambda: bench.writes.create_link(ops))


def a_qdisc_wants_all_its_functions(bench: Bench) -> None:
    ops = bench.map(link=True, type_name=QDISC)
    for data in ({"id": b"fifo"}, {}, {"id": b"fifo", "priv_size": number(8)}):
        value = bench.value(QDISC, **data)
        refused(EINVAL, "", partial(bench.update, ops, value, (), QDISC))


def a_fixup_wants_its_device(bench: Bench) -> None:
    ops = bench.map(link=True, type_name=HID)
    refused(EINVAL, "", lambda: bench.update(ops, bench.value(HID, flags=number(1)), (), HID))
    bench.update(ops, bench.value(HID, hid_id=number(0x7FFF)), (), HID)
    refused(EINVAL, "", lambda: bench.writes.create_link(ops))


def io_uring_is_asked_with_its_loop_or_not_at_all(bench: Bench) -> None:
    ops = bench.map(link=True, type_name=IO_URING)
    with pytest.raises(Refused, match="loop_step"):
        bench.update(ops, bench.value(IO_URING), (), IO_URING)


def linked(bench: Bench, name: str) -> Handle:
    """A READY map of a congestion control."""
    ops = bench.map(link=True)
    bench.update(ops, bench.value(name=name.encode()))
    return ops


def a_swap_takes_a_map_of_the_same_name(bench: Bench) -> None:
    old, new, other = (linked(bench, name) for name in (bench.name, bench.name, f"{bench.name}x"))
    link = bench.keep(bench.writes.create_link(old))
    refused(EINVAL, "", lambda: bench.writes.update_link(link, other, old))
    refused(EPERM, "", lambda: bench.writes.update_link(link, new, other))
    bench.writes.update_link(link, new, old)
    assert bench.kernel.sweep().links[link.id].map_id == new.id
    assert (bench.seen(old), bench.seen(new)) == (("READY", 0), ("READY", 1))
    assert bench.taken()
    bench.writes.update_link(link, old, new)
    bench.writes.detach_link(link)
    assert not bench.taken()
    refused(ENOLINK, "", lambda: bench.writes.update_link(link, new, old))


def a_swap_wants_a_ready_link_map(bench: Bench) -> None:
    old, plain, early = linked(bench, bench.name), bench.map(), bench.map(link=True)
    link = bench.keep(bench.writes.create_link(old))
    for new in (plain, early):
        refused(EINVAL, "", partial(bench.writes.update_link, link, new, old))
    with pytest.raises(Refused, match="already"):
        bench.writes.update_link(link, old, old)


def a_swap_takes_open_handles_of_a_link_and_two_maps(bench: Bench) -> None:
    old, new = linked(bench, bench.name), linked(bench, bench.name)
    link = bench.keep(bench.writes.create_link(old))
    closed = bench.writes.open_map(old.id)
    closed.close()
    refused(EBADF, "", lambda: bench.writes.update_link(link, new, closed))
    refused(EBADF, "", lambda: bench.writes.update_link(link, closed, old))
    for handles in ((old, new, old), (link, link, old), (link, new, link)):
        with pytest.raises(TypeError):
            bench.writes.update_link(*handles)
    assert bench.kernel.sweep().links[link.id].map_id == old.id


TYPES_CONTRACT: tuple[Rule, ...] = (
    Rule(SCX, one_scheduler_runs_at_a_time),
    Rule(SCX, a_scheduler_refused_while_enabling_has_a_link),
    Rule(SCX, a_scheduler_has_limits),
    Rule(SCX, a_value_has_nothing_between_its_members),
    Rule(SCX, a_scheduler_is_not_swapped),
    Rule(SCX, a_swap_looks_at_the_old_map_before_the_types),
    Rule(HID, a_type_without_update_is_refused_before_the_link_is_looked_at),
    Rule(SCX_CID, a_cid_scheduler_wants_an_arena),
    Rule(QDISC, a_qdisc_wants_all_its_functions),
    Rule(HID, a_fixup_wants_its_device),
    Rule(IO_URING, io_uring_is_asked_with_its_loop_or_not_at_all),
    Rule(TCP, a_swap_takes_a_map_of_the_same_name),
    Rule(TCP, a_swap_wants_a_ready_link_map),
    Rule(TCP, a_swap_takes_open_handles_of_a_link_and_two_maps),
)
