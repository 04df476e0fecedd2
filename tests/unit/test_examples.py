"""The built-in examples: made for the kernel's BTF, offered only where it has what they need."""

from __future__ import annotations

import pytest

from stops_tui.bpf.insns import R0, R1, Insn, PseudoCall, encode, exit_, ldx, mov
from stops_tui.struct_ops.examples import EXAMPLES, Missing, example_plan, unavailable
from stops_tui.struct_ops.examples.example import kfunc, offset_of
from stops_tui.struct_ops.members import Decoder
from stops_tui.struct_ops.registration.encode import encode as encode_value
from stops_tui.struct_ops.registration.naming import name_problem
from stops_tui.struct_ops.registration.plan import Example, PlanError
from stops_tui.struct_ops.types import offered_types
from tests.support.btf_builder import BtfBuilder
from tests.support.fake_kernel import FakeKernel

TYPES = {type_.name: type_ for type_ in offered_types(FakeKernel())}
BTF = TYPES["tcp_congestion_ops"].btf


def _program(example: str, member: str) -> tuple[Insn, ...]:
    return EXAMPLES[example].programs[member](BTF)


@pytest.mark.parametrize("member", ["ssthresh", "undo_cwnd", "cong_avoid"])
def test_reno_calls_the_kernels_own_function(member: str) -> None:
    insns = _program("reno", member)
    calls = [insn.imm for insn in insns if insn.src == PseudoCall.KFUNC and insn.code == 0x85]
    assert calls == [kfunc(BTF, f"tcp_reno_{member}")]
    assert insns[-1] == exit_()


def test_reno_passes_all_arguments_and_loses_none_on_the_way() -> None:
    """R1 points to the arguments, so it is overwritten last."""
    loads = [insn for insn in _program("reno", "cong_avoid") if insn.code & 7 == 1]
    assert [(insn.dst, insn.off) for insn in loads] == [(3, 16), (2, 8), (1, 0)]
    assert all(insn.src == R1 for insn in loads)


def test_the_constant_window_is_stored_where_this_kernel_has_it() -> None:
    store = next(insn for insn in _program("constant", "cong_avoid") if insn.code & 7 == 2)
    assert (store.dst, store.off, store.imm) == (R1, 12, 10)
    assert _program("constant", "ssthresh") == (mov(R0, 10), exit_())


def test_every_program_is_whole_and_named_as_the_kernel_allows() -> None:
    for example in EXAMPLES.values():
        for member, assemble in example.programs.items():
            assert len(encode(assemble(BTF))) % 8 == 0
            assert name_problem(example.program_name(member)) == ""


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_is_a_whole_plan_here(name: str) -> None:
    plan = example_plan(name, TYPES)
    type_ = TYPES[plan.type_name]
    assert plan.programs == {m: Example(name, m) for m in EXAMPLES[name].programs}
    assert Decoder(type_).data(encode_value(type_, plan.data))["name"] == plan.map_name
    given = {*plan.programs, *plan.data}
    assert all(m.name in given or m.instead in given for m in type_.members if m.mandatory), (
        "mandatory members"
    )


def test_the_scheduler_leaves_normal_tasks_alone() -> None:
    plan = example_plan("fifo", TYPES)
    type_ = TYPES["sched_ext_ops"]
    assert Decoder(type_).data(encode_value(type_, plan.data))["flags"] == 8  # SWITCH_PARTIAL


def test_kernels_that_lack_something_do_not_offer_them() -> None:
    b = BtfBuilder()
    u32 = b.integer("u32", 4)
    b.struct("tcp_sock", 4, [("other", u32, 0)])
    b.enum("scx_ops_flags", {"SCX_OPS_ENQ_LAST": 2, "SCX_OPS_X": 4})
    poor = b.btf()
    assert "no function tcp_reno_ssthresh()" in EXAMPLES["reno"].missing(poor)
    assert "no member snd_cwnd in struct tcp_sock" in EXAMPLES["constant"].missing(poor)
    assert "no flag SWITCH_PARTIAL" in EXAMPLES["fifo"].missing(poor)
    assert unavailable(EXAMPLES["reno"], {}) == "this kernel has no tcp_congestion_ops"
    with pytest.raises(PlanError, match="example fifo: this kernel has no sched_ext_ops"):
        example_plan("fifo", {})
    with pytest.raises(PlanError, match="no example 'x': there are reno, constant, fifo"):
        example_plan("x", TYPES)


def test_a_member_is_found_within_nameless_structs_and_no_others() -> None:
    b = BtfBuilder()
    u32 = b.integer("u32", 4)
    inner = b.struct("", 8, [("a", u32, 0), ("b", u32, 32)])
    named = b.struct("named", 4, [("hidden", u32, 0)])
    b.bitfields("s", 32, [("n", named, 0, 0), ("", inner, 64, 0), ("bit", u32, 128, 3)])
    btf = b.btf()
    assert offset_of(btf, "s", "b") == 12
    for absent in ("hidden", "bit", "c"):
        with pytest.raises(Missing, match=f"no member {absent} in struct s"):
            offset_of(btf, "s", absent)


def test_arguments_are_loaded_whole() -> None:
    assert ldx("u64", R1, R1, 0) in _program("reno", "ssthresh")
