"""From struct_ops variables of object files to plans, and where their programs are put."""

from __future__ import annotations

import pytest

from stops_tui.bpf.object_file import ObjectFile
from stops_tui.btf import Kind
from stops_tui.struct_ops.registration.object_plan import object_plan
from stops_tui.struct_ops.registration.objects import Unusable, Wanted, placed, wanted_of
from stops_tui.struct_ops.registration.plan import InObject, Plan, PlanError
from stops_tui.struct_ops.types import StructOpsType
from tests.support.fake_kernel import FakeKernel
from tests.support.object_files import PATH, object_file, variable

TCP = "tcp_congestion_ops"
PROGRAMS = {"ssthresh": "a_ssthresh", "cong_avoid": "a_avoid", "undo_cwnd": "a_undo"}


@pytest.fixture
def tcp() -> StructOpsType:
    return next(type_ for type_ in FakeKernel.busy().types if type_.name == TCP)


def one(tcp: StructOpsType, **data: bytes) -> ObjectFile:
    return object_file(tcp, variable(tcp, "mine", PROGRAMS, data))


def test_a_variable_is_a_plan_with_all_it_sets(tcp: StructOpsType) -> None:
    file = one(tcp, name=b"lab", flags=(2).to_bytes(4, "little"))
    plan, lost = object_plan(file, "mine", {TCP: tcp})
    assert lost == ()
    assert plan == Plan(
        TCP,
        "mine",
        {member: InObject(PATH, program) for member, program in PROGRAMS.items()},
        {"flags": 2, "name": "lab"},
    )


@pytest.mark.parametrize(
    ("section", "link"),
    [(".struct_ops", False), (".struct_ops.link", True), ("?.struct_ops.link", True)],
)
def test_the_section_says_whether_a_link_registers_it(
    tcp: StructOpsType, section: str, link: bool
) -> None:
    found = object_file(tcp, variable(tcp, "mine", PROGRAMS, section=section))
    assert object_plan(found, "mine", {TCP: tcp}).plan.link is link


def test_a_name_that_is_too_long_for_a_map_is_cut(tcp: StructOpsType) -> None:
    found = object_file(tcp, variable(tcp, "a_variable_of_a_long_name", PROGRAMS))
    plan = object_plan(found, "a_variable_of_a_long_name", {TCP: tcp}).plan
    assert plan.map_name == "a_variable_of_a"


def test_what_the_plan_cannot_hold_is_said(tcp: StructOpsType) -> None:
    file = one(tcp, name=b"lab\0rest", key=b"\5\0\0\0", list=b"\1")
    plan, lost = object_plan(file, "mine", {TCP: tcp})
    assert plan.data == {}
    told = {check.member: check.words for check in lost}
    assert told["name"] == ("name: the object sets bytes after its text, which a plan cannot hold")
    assert told["key"].startswith("key: the object sets it to 5, it may not be set: ")
    assert told["list"] == "list: the object sets it, and a plan cannot (struct list_head)"
    assert {check.level for check in lost} == {"failed"}


def test_what_this_kernel_lacks_is_said_where_the_object_sets_it(tcp: StructOpsType) -> None:
    kernels = tcp._replace(
        members=tuple(m for m in tcp.members if m.name not in ("undo_cwnd", "flags"))
    )
    file = one(tcp, flags=b"\2")
    plan, lost = object_plan(file, "mine", {TCP: kernels})
    assert "undo_cwnd" not in plan.programs
    assert {check.member for check in lost} == {"undo_cwnd", "flags"}
    assert object_plan(one(tcp), "mine", {TCP: kernels}).lost[0].member == "undo_cwnd"
    assert len(object_plan(one(tcp), "mine", {TCP: kernels}).lost) == 1, "flags is zero"


def test_without_the_type_the_plan_is_as_the_object_is(tcp: StructOpsType) -> None:
    plan, lost = object_plan(one(tcp, name=b"lab"), "mine", {})
    assert (plan.type_name, plan.data, lost) == (TCP, {"name": "lab"}, ())
    assert len(plan.programs) == 3


def test_text_that_is_no_unicode_is_kept(tcp: StructOpsType) -> None:
    assert object_plan(one(tcp, name=b"l\xffb"), "mine", {}).plan.data == {"name": "l\udcffb"}


def test_a_variable_that_is_not_there(tcp: StructOpsType) -> None:
    with pytest.raises(PlanError, match="has no struct_ops variable other"):
        object_plan(one(tcp), "other", {TCP: tcp})


# Where programs are put.


def wanted(*pairs: tuple[str, str]) -> list[Wanted]:
    return [Wanted(program, TCP, member) for program, member in pairs]


def pair(tcp: StructOpsType) -> ObjectFile:
    """Two variables that share two programs."""
    other = {**PROGRAMS, "ssthresh": "b_ssthresh"}
    return object_file(
        tcp, variable(tcp, "a", PROGRAMS), variable(tcp, "b", other), others=("spare", "more")
    )


def test_programs_stand_where_the_object_has_them(tcp: StructOpsType) -> None:
    plans = [object_plan(pair(tcp), name, {TCP: tcp}).plan for name in ("a", "b")]
    found = wanted_of(plans)[PATH]
    assert len(found) == 4, "what both want is wanted once"
    assert placed(pair(tcp), found) == {"a": PROGRAMS, "b": {"ssthresh": "b_ssthresh"}}
    assert placed(pair(tcp), wanted_of(plans[1:])[PATH]) == {
        "a": {"cong_avoid": "a_avoid", "undo_cwnd": "a_undo"},
        "b": {"ssthresh": "b_ssthresh"},
    }


def test_others_take_the_places_that_are_left(tcp: StructOpsType) -> None:
    found = wanted(("spare", "ssthresh"), ("b_ssthresh", "ssthresh"), ("more", "init"))
    assert placed(pair(tcp), found) == {
        "a": {"ssthresh": "spare", "init": "more"},
        "b": {"ssthresh": "b_ssthresh"},
    }
    assert placed(pair(tcp), wanted(("spare", "ssthresh"), ("a_ssthresh", "ssthresh"))) == {
        "a": {"ssthresh": "a_ssthresh"},
        "b": {"ssthresh": "spare"},
    }
    assert placed(pair(tcp), wanted(("a_ssthresh", "undo_cwnd"))) == {
        "a": {"undo_cwnd": "a_ssthresh"}
    }


@pytest.mark.parametrize(
    ("pairs", "says"),
    [
        (
            [("a_undo", "undo_cwnd"), ("a_undo", "ssthresh")],
            "one program implements one member, not undo_cwnd and ssthresh as well",
        ),
        (
            [("spare", "init"), ("more", "init"), ("a_undo", "init")],
            "has a place for a_undo for init of tcp_congestion_ops",
        ),
        ([("spare", "name")], "has a place for spare for name of"),
        ([("spare", "nothing")], "has a place for spare for nothing of"),
    ],
)
def test_programs_without_a_place(
    tcp: StructOpsType, pairs: list[tuple[str, str]], says: str
) -> None:
    with pytest.raises(Unusable, match=says):
        placed(pair(tcp), wanted(*pairs))


def test_another_type_gives_no_place(tcp: StructOpsType) -> None:
    assert tcp.btf.find("tcp_congestion_ops", Kind.STRUCT)
    with pytest.raises(Unusable, match="has a place"):
        placed(pair(tcp), [Wanted("spare", "hid_bpf_ops", "ssthresh")])
