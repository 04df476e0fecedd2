"""Which struct_ops types a kernel offers, and their members."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from stops_tui.btf import Btf, BtfError
from stops_tui.kernels.kernel import KernelBtf
from stops_tui.struct_ops.members import name_in_subsystem
from stops_tui.struct_ops.subsystems import of_type
from stops_tui.struct_ops.types import StructOpsType, offered_types, type_of_value
from tests.support.btf_builder import BtfBuilder
from tests.support.fake_btf import Types
from tests.support.fake_kernel import FakeKernel


@pytest.fixture
def offered() -> dict[str, StructOpsType]:
    return {type_.name: type_ for type_ in offered_types(FakeKernel())}


def test_types_of_vmlinux_and_of_modules_without_the_internals(
    offered: dict[str, StructOpsType],
) -> None:
    assert {name: type_.btf_name for name, type_ in offered.items()} == {
        "tcp_congestion_ops": "vmlinux",
        "sched_ext_ops": "vmlinux",
        "hid_bpf_ops": "vmlinux",
        "bpf_dummy_ops": "vmlinux",
        "smc_hs_ctrl": "smc",
    }


def test_a_type_and_its_value_struct(offered: dict[str, StructOpsType]) -> None:
    tcp = offered["tcp_congestion_ops"]
    assert (tcp.value_size, tcp.data_offset, tcp.size) == (192, 64, 112)
    assert tcp.btf.type(tcp.type_id).name == "tcp_congestion_ops"
    assert tcp.btf.type(tcp.value_type_id).name == "bpf_struct_ops_tcp_congestion_ops"
    smc = offered["smc_hs_ctrl"]
    assert smc.btf_id == 77
    assert smc.btf.type(smc.value_type_id).name == "bpf_struct_ops_smc_hs_ctrl"


def test_members_are_told_in_c(offered: dict[str, StructOpsType]) -> None:
    told = [
        (m.index, m.name, m.kind, m.type, m.offset, m.size)
        for m in offered["tcp_congestion_ops"].members
    ]
    assert len(told) == 13
    assert told[0] == (0, "ssthresh", "func", "u32 (struct sock *)", 0, 8)
    assert told[3] == (3, "cwnd_event", "func", "void (struct sock *, enum tcp_ca_event)", 24, 8)
    assert told[7] == (7, "name", "data", "char[16]", 56, 16)
    assert told[8] == (8, "list", "data", "struct list_head", 72, 16)
    assert told[10] == (10, "flags", "data", "u32", 92, 4)


def test_mandatory_members_are_marked(offered: dict[str, StructOpsType]) -> None:
    mandatory = {
        name: {member.name: member.instead for member in type_.members if member.mandatory}
        for name, type_ in offered.items()
    }
    assert mandatory == {
        "tcp_congestion_ops": {
            "ssthresh": "",
            "undo_cwnd": "",
            "name": "",
            "cong_avoid": "cong_control",
            "cong_control": "cong_avoid",
        },
        "sched_ext_ops": {"name": ""},
        "hid_bpf_ops": {},
        "bpf_dummy_ops": {},
        "smc_hs_ctrl": {"name": ""},
    }
    assert "enqueue" in of_type("Qdisc_ops").mandatory
    assert of_type("io_uring_bpf_ops").mandatory == {"loop_step"}
    assert not of_type("my_own_ops").mandatory


def value_of(members: Sequence[tuple[str, int, int, int]], b: BtfBuilder) -> StructOpsType:
    """The type of a struct of (name, type, bit offset, bits) members, 64 bytes long."""
    struct = b.bitfields("my_ops", 64, members)
    value = b.struct("bpf_struct_ops_my_ops", 128, [("data", struct, 512)])
    found = type_of_value(KernelBtf("vmlinux", 1, b.btf()), value)
    assert found is not None
    return found


def test_bitfields_and_nameless_members() -> None:
    b = BtfBuilder()
    t = Types(b)
    nameless = b.union("", 8, [("a", t.u32, 0), ("b", t.u64, 0)])
    found = value_of(
        [("low", t.u32, 0, 3), ("high", t.u32, 3, 7), ("", nameless, 64, 0), ("b", t.bool, 128, 0)],
        b,
    )
    assert [(m.name, m.kind, m.type, m.offset, m.size) for m in found.members] == [
        ("low", "data", "u32 : 3", 0, 1),
        ("high", "data", "u32 : 7", 0, 2),
        ("", "data", "union {...}", 8, 8),
        ("b", "data", "_Bool", 16, 1),
    ]


def test_a_function_behind_a_typedef_is_a_function() -> None:
    b = BtfBuilder()
    t = Types(b)
    callback = b.typedef("callback_t", b.const(t.function(t.int, t.task)))
    found = value_of([("run", callback, 0, 0), ("pointer", t.task, 64, 0)], b)
    assert [(m.kind, m.type) for m in found.members] == [
        ("func", "int (struct task_struct *)"),
        ("data", "struct task_struct *"),
    ]


def test_the_value_struct_of_kernels_before_6_9() -> None:
    b = BtfBuilder()
    t = Types(b)
    state = b.enum("bpf_struct_ops_state", {"BPF_STRUCT_OPS_STATE_INIT": 0})
    struct = b.struct("my_ops", 4, [("flags", t.u32, 0)])
    value = b.struct(
        "bpf_struct_ops_my_ops",
        128,
        [("refcnt", t.u32, 0), ("state", state, 32), ("data", struct, 512)],
    )
    found = type_of_value(KernelBtf("vmlinux", 1, b.btf()), value)
    assert found is not None
    assert (found.name, found.type_id, found.data_offset) == ("my_ops", struct, 64)


def test_a_module_whose_btf_is_wrong_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    vmlinux, smc = FakeKernel().kernel_btfs()
    b = BtfBuilder()
    b.integer("int", 4)
    data = b.data()
    broken = Btf.parse(data[:28] + (30 << 24).to_bytes(4, "little") + data[32:])
    kernel = FakeKernel()
    kernel.kernel_btfs = lambda: (vmlinux, KernelBtf("new", 5, broken), smc)  # type: ignore[method-assign]
    assert [each.name for each in offered_types(kernel)][-1] == "smc_hs_ctrl"
    kernel.kernel_btfs = lambda: (KernelBtf("vmlinux", 1, broken), smc)  # type: ignore[method-assign]
    with pytest.raises(BtfError, match="kind 30"):
        offered_types(kernel)


def test_what_is_no_value_struct() -> None:
    b = BtfBuilder()
    t = Types(b)
    struct = b.struct("my_ops", 4, [("flags", t.u32, 0)])
    wrong = [
        b.struct("bpf_struct_ops_map", 8, [("lock", t.u64, 0)]),
        b.struct("bpf_struct_ops_value", 64, [("data", t.chars(0), 512)]),
        b.struct("bpf_struct_ops_pointer", 8, [("data", b.ptr(struct), 0)]),
        b.struct("bpf_struct_ops_union", 8, [("data", b.union("u", 4, [("a", t.u32, 0)]), 0)]),
        b.struct("another_my_ops", 4, [("data", struct, 0)]),
        b.struct("bpf_struct_ops_broken", 4, [("data", 9999, 0)]),
        b.union("bpf_struct_ops_my_ops", 4, [("data", struct, 0)]),
        struct,
        0,
        9999,
    ]
    kernel_btf = KernelBtf("vmlinux", 1, Btf.parse(b.data()))
    assert [type_of_value(kernel_btf, type_id) for type_id in wrong[:6]] == [None] * 6
    assert [type_of_value(kernel_btf, type_id) for type_id in wrong[7:]] == [None] * 3


def test_a_nameless_member_is_no_name_in_the_subsystem(offered: dict[str, StructOpsType]) -> None:
    tcp = offered["tcp_congestion_ops"]
    value = bytes(64) + b"A" * 128
    assert name_in_subsystem(tcp, value) == "A" * 16
    members = tuple(m._replace(name="" if m.name == "name" else m.name) for m in tcp.members)
    assert name_in_subsystem(tcp._replace(name="my_own_ops", members=members), value) == ""
