"""Types that are not registered just so: shown, and the kernel's own condition told in advance."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

from stops_tui.btf import Kind
from stops_tui.struct_ops.registration.checks import checks, failures
from stops_tui.struct_ops.registration.plan import Loaded, Plan
from tests.support.unchecked import perform
from tests.vm.guest.stage import Stage

DUMMY, IO_URING, CID = "bpf_dummy_ops", "io_uring_bpf_ops", "sched_ext_ops_cid"

KNOWN = {DUMMY, IO_URING, CID, "tcp_congestion_ops", "sched_ext_ops", "Qdisc_ops", "hid_bpf_ops"}

_IO_URING_SETUP = 425
_SINGLE_ISSUER, _DEFER_TASKRUN = 1 << 12, 1 << 13


def failed(stage: Stage, plan: Plan) -> str:
    """Why a plan is refused before anything is done."""
    return "; ".join(check.words for check in failures(checks(plan, stage.facts())))


def answered(stage: Stage, plan: Plan) -> str:
    """What the kernel answers to a plan whose checks failed; nothing may stay of it."""
    outcome = perform(plan, stage.facts(), stage.kernel.writes)
    assert not outcome.ok
    assert outcome.left == ()
    return outcome.words


@contextmanager
def programs(stage: Stage, type_name: str, *members: str) -> Iterator[dict[str, Loaded]]:
    """`return 0` for some members."""
    kit = stage.kit
    if not members:
        yield {}
        return
    with kit.program(members[0], type_name) as fd, programs(stage, type_name, *members[1:]) as rest:
        yield {members[0]: Loaded(kit.bpf.prog_get_info_by_fd(fd).id), **rest}


def shown(stage: Stage, type_name: str) -> dict[str, str]:
    """A type's members by name, as `types --json` tells them."""
    (told,) = stage.json("types", type_name)
    return {member["name"]: member["type"] for member in told["members"]}


def test_the_dummy_is_never_registered(stage: Stage) -> None:
    stage.needs(DUMMY)
    assert shown(stage, DUMMY)["test_1"] == "int (struct bpf_dummy_ops_state *)"
    with programs(stage, DUMMY, "test_1") as loaded:
        plan = Plan(DUMMY, "dummy", loaded)
        assert "the kernel never registers it (EOPNOTSUPP)" in failed(stage, plan)
        assert "BPF_MAP_UPDATE_ELEM: EOPNOTSUPP" in answered(stage, plan)


def test_a_scheduler_by_cids_needs_an_arena(stage: Stage) -> None:
    stage.needs(CID)
    assert "set_cmask" in shown(stage, CID)
    with programs(stage, CID, "enqueue") as loaded:
        data = {"name": "stops_cid", "flags": "SWITCH_PARTIAL"}
        plan = Plan(CID, "stops_cid", loaded, data, link=True)
        assert "needs a program that uses an arena map (EINVAL)" in failed(stage, plan)
        told = answered(stage, plan)
        assert "BPF_LINK_CREATE: EINVAL. The subsystem refuses it if no program uses an" in told


@contextmanager
def ring() -> Iterator[int]:
    """A ring as io_uring_bpf_ops wants it, owned by this thread."""
    parameters = (ctypes.c_uint32 * 30)()  # struct io_uring_params
    parameters[2] = _SINGLE_ISSUER | _DEFER_TASKRUN
    fd = ctypes.CDLL(None, use_errno=True).syscall(_IO_URING_SETUP, 4, parameters)
    assert fd >= 0, os.strerror(ctypes.get_errno())
    try:
        yield fd
    finally:
        os.close(fd)


def test_a_ring_is_one_of_the_process_that_registers(stage: Stage) -> None:
    stage.needs(IO_URING)
    assert shown(stage, IO_URING)["ring_fd"] == "__u32"
    with programs(stage, IO_URING, "loop_step") as loaded:
        plan = Plan(IO_URING, "loop", loaded, {"ring_fd": 0}, link=True)
        assert "ring_fd 0 is no io_uring ring of this process" in failed(stage, plan)
        assert "BPF_LINK_CREATE: EOPNOTSUPP. Ring_fd 0 is no" in answered(stage, plan)
        assert "loop_step is mandatory" in failed(stage, Plan(IO_URING, "loop", {}, link=True))


def test_a_ring_that_is_closed_leaves_map_and_link(stage: Stage) -> None:
    """Nothing tells which ring has the operations: so it is said that nothing tells."""
    stage.needs(IO_URING)
    with programs(stage, IO_URING, "loop_step") as loaded:
        with ring() as fd:
            plan = Plan(IO_URING, "loop", loaded, {"ring_fd": fd}, link=True)
            outcome = stage.carry_out(plan)
            assert outcome.ok, outcome.words
        assert stage.map(outcome.map_id).status == "attached"
        (said,) = stage.account(outcome.map_id).subsystem
        assert (said.what, said.value) == ("ring", "not told")
        assert stage.unregister(outcome).ok
        stage.end(outcome)
    assert stage.gone("map", outcome.map_id)


def test_what_this_kernel_has_not_is_said(stage: Stage) -> None:
    told = failed(stage, Plan("future_ops", "future"))
    begin, offers, offered = told.partition("it offers ")
    assert begin + offers == "this kernel does not offer future_ops: it offers "
    btf = stage.kit.btf
    there = {name for name in KNOWN if btf.find(f"bpf_struct_ops_{name}", Kind.STRUCT)}
    assert set(offered.split(", ")) & KNOWN == there
