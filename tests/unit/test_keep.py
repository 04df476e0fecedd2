"""Pinning held links, and removing one pin, on the fake kernel."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from stops_tui.kernels.kernel import RawBpffs, RawSubsystems
from stops_tui.kernels.writes import Handle, ReadOnly
from stops_tui.screens.leaving import Leaving, leaving
from stops_tui.struct_ops.registration import keep, unpin
from stops_tui.struct_ops.registration.checks import failures
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.plan import PlanError
from tests.support.fake_kernel import FakeKernel

LEAST: dict[str, int | bytes] = {"ssthresh": 25, "cong_avoid": 26, "undo_cwnd": 29}


def kernel_with(*names: str) -> tuple[FakeKernel, list[Handle]]:
    """Link maps of these names, each with a link of ours."""
    kernel = FakeKernel.busy()
    kernel.writes.armed = True
    held = []
    for number, name in enumerate(names):
        map_id = 300 + number
        cc = f"cc{number}".encode()
        kernel.add_map(map_id, name, state="READY", refcnt=0, members={**LEAST, "name": cc})
        map_ = kernel.writes.open_map(map_id)
        held.append(kernel.writes.create_link(map_))
        map_.close()
    kernel.writes.calls.clear()
    return kernel, held


def ids(held: list[Handle]) -> list[int]:
    return [link.id for link in held]


def paths(kernel: FakeKernel) -> dict[str, int]:
    return {pin.path: pin.id for pin in kernel.holders().pins if pin.kind == "link"}


def test_each_link_gets_a_free_path_named_after_its_map() -> None:
    kernel, held = kernel_with("lab", "lab", "v1.2", "mouse")
    found = keep.plan_for(RegistrationFacts.gather(kernel), ids(held))
    a, b, c, d = ids(held)
    assert found.paths == {
        a: "/sys/fs/bpf/lab",
        b: f"/sys/fs/bpf/link_{b}",
        c: "/sys/fs/bpf/v1_2",  # a bpffs takes no dot
        d: f"/sys/fs/bpf/link_{d}",  # /sys/fs/bpf/mouse is there
    }
    assert found.mount == ""
    assert keep.checks(found) == ()


def test_all_are_pinned_and_seen() -> None:
    kernel, held = kernel_with("lab", "two")
    facts = RegistrationFacts.gather(kernel)
    wanted = keep.plan_for(facts, ids(held))
    outcome = keep.execute(wanted, facts, kernel.writes, held)
    assert outcome.ok
    assert {"/sys/fs/bpf/lab": held[0].id, "/sys/fs/bpf/two": held[1].id}.items() <= (
        paths(kernel).items()
    )
    calls = [result.step.call for result in outcome.steps]
    assert calls == [step.call for step in keep.steps(wanted, facts)]
    assert calls == ["BPF_OBJ_PIN", "BPF_OBJ_PIN", "read back"]


def test_a_bpffs_is_mounted_where_there_is_none_and_named_as_what_stays() -> None:
    kernel, held = kernel_with("lab")
    kernel.conditions_now = kernel.conditions_now._replace(bpffs=())
    facts = RegistrationFacts.gather(kernel)
    wanted = keep.plan_for(facts, ids(held))
    assert wanted.mount == "/sys/fs/bpf"
    assert "umount /sys/fs/bpf" in keep.checks(wanted)[0].words
    outcome = keep.execute(wanted, facts, kernel.writes, held)
    assert outcome.ok
    assert outcome.left == ("a bpffs mounted on /sys/fs/bpf",)


def test_another_bpffs_serves_as_well() -> None:
    kernel, held = kernel_with("lab")
    other = (RawBpffs("/run/bpf", frozenset({"/run/bpf", "/run/bpf/lab"})),)
    kernel.conditions_now = kernel.conditions_now._replace(bpffs=other)
    found = keep.plan_for(RegistrationFacts.gather(kernel), ids(held))
    assert list(found.paths.values()) == [f"/run/bpf/link_{held[0].id}"], "lab is a folder there"


def test_a_failure_removes_the_pins_before_it() -> None:
    kernel, held = kernel_with("lab", "two")
    before = paths(kernel)
    facts = RegistrationFacts.gather(kernel)
    wanted = keep.plan_for(facts, ids(held))
    kernel.pin("/sys/fs/bpf/two", "map", 58)  # meanwhile
    outcome = keep.execute(wanted, facts, kernel.writes, held)
    assert not outcome.ok
    assert "EEXIST" in outcome.words
    assert paths(kernel) == before
    assert kernel.sweep().links[held[0].id].map_id == 300, "the links are as they were"


def detach(kernel: FakeKernel, link: Handle) -> None:
    kernel.detach(link.id)


def remove(kernel: FakeKernel, link: Handle) -> None:
    """Detached, and closed by the app, which then sees that it registers nothing."""
    kernel.detach(link.id)
    link.close()


def replace(kernel: FakeKernel, link: Handle) -> None:
    kernel.add_link(link.id, 80)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (remove, "link {id} is gone since you looked"),
        (detach, "link {id} held map 301 when you looked and holds no map now"),
        (replace, "link {id} held map 301 when you looked and holds map 80 now"),
    ],
)
def test_a_link_that_changed_meanwhile_leaves_all_as_they_were(
    change: Callable[[FakeKernel, Handle], None], words: str
) -> None:
    kernel, held = kernel_with("lab", "two")
    facts = RegistrationFacts.gather(kernel)
    wanted = keep.plan_for(facts, ids(held))
    change(kernel, held[1])
    outcome = keep.execute(wanted, facts, kernel.writes, held)
    assert outcome.words == f"{words.format(id=held[1].id)}. Nothing was done."
    assert not outcome.ok
    assert "BPF_OBJ_PIN" not in [call.command for call in kernel.writes.calls]


def test_read_only_pins_and_unpins_nothing() -> None:
    kernel, held = kernel_with("lab")
    facts = RegistrationFacts.gather(kernel)
    kernel.writes.armed = False
    with pytest.raises(ReadOnly):
        keep.execute(keep.plan_for(facts, ids(held)), facts, kernel.writes, held)
    with pytest.raises(ReadOnly):
        unpin.execute(unpin.plan_for(facts, "/sys/fs/bpf/mouse"), facts, kernel.writes)
    assert kernel.writes.calls == []


# Removing one pin


def unpinning(kernel: FakeKernel, path: str) -> tuple[unpin.Unpinning, str]:
    """What is to be removed, and all that is said before."""
    facts = RegistrationFacts.gather(kernel)
    wanted = unpin.plan_for(facts, path)
    return wanted, " / ".join(check.words for check in unpin.checks(wanted, facts))


def test_the_last_pin_of_a_link_goes_with_the_registration() -> None:
    kernel = FakeKernel.busy()
    kernel.writes.armed = True
    wanted, words = unpinning(kernel, "/sys/fs/bpf/mouse")
    assert wanted.last
    assert "nothing else that can be seen keeps link 23: map 83 mouse is unregistered" in words
    facts = RegistrationFacts.gather(kernel)
    outcome = unpin.execute(wanted, facts, kernel.writes)
    assert outcome.ok
    assert (outcome.link_id, outcome.map_id) == (0, 0)
    assert outcome.left == ()


def test_a_second_pin_keeps_the_link() -> None:
    kernel = FakeKernel.busy()
    kernel.writes.armed = True
    kernel.pin("/sys/fs/bpf/mouse2", "link", 23)
    wanted, words = unpinning(kernel, "/sys/fs/bpf/mouse")
    assert not wanted.last
    assert "link 23 stays" in words
    outcome = unpin.execute(wanted, RegistrationFacts.gather(kernel), kernel.writes)
    assert outcome.ok
    assert outcome.link_id == 23
    assert outcome.status == "attached, device gone"


def test_the_pin_of_a_registered_map_is_not_what_keeps_it() -> None:
    kernel = FakeKernel.busy()
    kernel.pin("/sys/fs/bpf/dctcp", "map", 58)
    _, words = unpinning(kernel, "/sys/fs/bpf/dctcp")
    assert "map 58 dctcp stays registered" in words


def test_a_pin_of_another_object_by_now_is_left_alone() -> None:
    kernel = FakeKernel.busy()
    kernel.writes.armed = True
    facts = RegistrationFacts.gather(kernel)
    wanted = unpin.plan_for(facts, "/sys/fs/bpf/mouse")
    kernel.unpin("/sys/fs/bpf/mouse")
    kernel.pin("/sys/fs/bpf/mouse", "map", 58)
    outcome = unpin.execute(wanted, facts, kernel.writes)
    assert not outcome.ok
    assert outcome.words == (
        "/sys/fs/bpf/mouse was a pin of link 23 when you looked and is of map 58 now. "
        "Nothing was done."
    )
    assert any(pin.path == "/sys/fs/bpf/mouse" for pin in kernel.holders().pins)


@pytest.mark.parametrize(
    ("path", "change", "words"),
    [
        ("mouse", lambda k: k.unpin("/sys/fs/bpf/mouse"), "no map and no link is pinned at"),
        ("mouse", lambda k: k.pin("/run/x", "link", 23), "something else keeps link 23"),
        ("two", lambda k: k.unpin("/sys/fs/bpf/also"), "nothing else keeps link 30"),
        ("mouse", lambda k: k.detach(23), "link 23 held map 83 when you looked and holds no map"),
        ("mouse", lambda k: k.add_link(23, 80), "link 23 held map 83 when you looked and holds"),
        ("dctcp", lambda k: k.set(58, "TOBEFREE"), "map 58 dctcp was registered when you looked"),
    ],
)
def test_a_pin_with_which_something_else_goes_by_now_is_left_alone(
    path: str, change: Callable[[FakeKernel], None], words: str
) -> None:
    kernel = FakeKernel.busy()
    kernel.writes.armed = True
    kernel.add_link(30, 80)
    kernel.pin("/sys/fs/bpf/two", "link", 30)
    kernel.pin("/sys/fs/bpf/also", "link", 30)
    kernel.pin("/sys/fs/bpf/dctcp", "map", 58)
    facts = RegistrationFacts.gather(kernel)
    wanted = unpin.plan_for(facts, f"/sys/fs/bpf/{path}")
    change(kernel)
    outcome = unpin.execute(wanted, facts, kernel.writes)
    assert not outcome.ok
    assert outcome.words.startswith(words)
    assert outcome.words.endswith(". Nothing was done.")
    assert kernel.writes.calls == []


def test_the_pin_of_a_link_that_this_program_holds_is_not_its_last_holder() -> None:
    kernel, held = kernel_with("lab")
    kernel.pin("/sys/fs/bpf/lab", "link", held[0].id)
    facts = RegistrationFacts.gather(kernel)
    assert unpin.plan_for(facts, "/sys/fs/bpf/lab").last
    wanted = unpin.plan_for(facts, "/sys/fs/bpf/lab", held)
    assert not wanted.last
    outcome = unpin.execute(wanted, facts, kernel.writes, held=held)
    assert outcome.ok
    assert (outcome.link_id, outcome.status) == (held[0].id, "attached")


@pytest.mark.parametrize("path", ["/sys/fs/bpf/nothing", "/sys/fs/bpf/prog"])
def test_only_pins_of_maps_and_links_are_removed(path: str) -> None:
    kernel = FakeKernel.busy()
    kernel.pin("/sys/fs/bpf/prog", "prog", 25)
    with pytest.raises(PlanError):
        unpin.plan_for(RegistrationFacts.gather(kernel), path)


def test_a_pin_stays_where_its_end_would_end_another_scheduler() -> None:
    kernel, _ = kernel_with()
    kernel.add_map(310, "lazy", "sched_ext_ops", "READY", members={"name": b"lazy"})
    kernel.add_link(25, 310)
    kernel.pin("/sys/fs/bpf/lazy", "link", 25)
    facts = RegistrationFacts.gather(kernel)
    wanted = unpin.plan_for(facts, "/sys/fs/bpf/lazy")
    assert failures(unpin.checks(wanted, facts)) == (), "none runs"
    kernel.subsystems = RawSubsystems("enabled", "fifo")
    outcome = unpin.execute(wanted, facts, kernel.writes)
    assert 'ends the scheduler that runs, "fifo"' in outcome.words
    assert kernel.writes.calls == []


def test_who_quits_may_not_end_another_scheduler_by_it() -> None:
    kernel, _ = kernel_with()
    held = [kernel.writes.open_link(22)]
    assert "unregister" in answers(leaving(kernel, held)), "none runs"
    kernel.subsystems = RawSubsystems("enabled", "fifo")
    asked = leaving(kernel, held)
    assert 'ends the scheduler that runs, "fifo"' in asked.warnings[0].words
    assert answers(asked) == ["stay", "pin"]


def answers(asked: Leaving) -> list[str]:
    return [answer.key for answer in asked.question(to_arm="").answers]
