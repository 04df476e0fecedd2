"""Which programs fit a member, best first, and why."""

from __future__ import annotations

import pytest

from stops_tui.struct_ops.candidates import Candidate, candidates, named_after
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.plan import Example, Loaded, Pinned
from tests.support.fake_kernel import FakeKernel

TCP = "tcp_congestion_ops"


def _candidates(kernel: FakeKernel, member: str, type_name: str = TCP) -> list[Candidate]:
    facts = RegistrationFacts.gather(kernel)
    return list(candidates(facts, facts.types[type_name], member))


def _of(found: list[Candidate], prog_id: int) -> Candidate:
    return next(each for each in found if each.source == Loaded(prog_id))


def test_a_program_that_serves_the_member_fits_exactly() -> None:
    best = _candidates(FakeKernel.busy(), "ssthresh")[0]
    assert (best.source, best.fit, best.name) == (Loaded(25), "exact", "dctcp_ssthresh")
    assert best.why == "serves ssthresh in map 58 dctcp"


def test_one_that_serves_another_member_does_not() -> None:
    found = _of(_candidates(FakeKernel.busy(), "ssthresh"), 29)
    assert (found.fit, found.reason, found.why) == (
        "no",
        "serves undo_cwnd in map 58 dctcp",
        "",
    )


def test_one_for_another_struct_does_not() -> None:
    found = _of(_candidates(FakeKernel.busy(), "ssthresh"), 40)
    assert (found.fit, found.reason) == ("no", "implements a member of sched_ext_ops")


def test_a_name_is_a_guess_and_said_as_one() -> None:
    kernel = FakeKernel.busy()
    kernel.add_program(60, "vegas_ssthresh")
    kernel.add_program(61, "vegas_cwnd_undo")
    found = _candidates(kernel, "ssthresh")
    assert _of(found, 60).fit == "guess"
    assert _of(found, 60).why == (
        "made for tcp_congestion_ops; its name suggests ssthresh and its prototype is the member's"
    )
    assert _of(found, 61).why.startswith("made for tcp_congestion_ops; its name suggests undo_cwnd")
    assert _of(found, 50).why == "made for tcp_congestion_ops; its prototype is the member's"


def test_a_program_of_which_only_the_struct_is_known() -> None:
    kernel = FakeKernel()
    kernel.add_program(60, "x", btf=False)
    found = _of(_candidates(kernel, "ssthresh"), 60)
    assert (found.fit, found.why) == (
        "guess",
        "made for tcp_congestion_ops; its member is not known",
    )


def test_the_best_come_first() -> None:
    kernel = FakeKernel.busy()
    kernel.add_program(60, "vegas_cwnd_undo")
    kernel.add_program(61, "vegas_ssthresh")
    found = _candidates(kernel, "ssthresh")
    assert [each.fit for each in found] == sorted(
        (each.fit for each in found), key=["exact", "guess", "no"].index
    )
    order = [each.source for each in found]
    places = [order.index(Loaded(prog_id)) for prog_id in (25, 61, 50, 60, 29)]
    assert places == sorted(places)
    assert order.index(Loaded(25)) < order.index(Example("reno", "ssthresh")) < places[1]


def test_pinned_programs_are_there_by_their_path_too() -> None:
    kernel = FakeKernel.busy()
    kernel.pin("/sys/fs/bpf/[a]", "prog", 25)
    found = _candidates(kernel, "ssthresh")
    assert [each.source for each in found[:2]] == [Loaded(25), Pinned("/sys/fs/bpf/[a]")]
    assert found[1].prog_id == 25


def test_examples_are_there_where_this_kernel_can_run_them() -> None:
    kernel = FakeKernel()
    found = {str(each.source): each for each in _candidates(kernel, "cong_avoid")}
    assert found["example:reno/cong_avoid"].fit == "exact"
    assert found["example:reno/ssthresh"].reason == "implements ssthresh"
    assert _candidates(kernel, "hid_rdesc_fixup", "hid_bpf_ops") == []


@pytest.mark.parametrize(
    ("function", "member"),
    [
        ("bpf_cubic_cong_avoid", "cong_avoid"),
        ("dctcp_cwnd_undo", "undo_cwnd"),
        ("x_cwnd_event", "cwnd_event"),
        ("my.Init", "init"),
        ("ssthresh_for_cong_avoid", "cong_avoid"),
        ("initialise", ""),
        ("", ""),
        ("name", ""),
    ],
)
def test_what_a_name_suggests(function: str, member: str) -> None:
    facts = RegistrationFacts.gather(FakeKernel())
    assert named_after(function, facts.types[TCP]) == member
