"""Snapshots of a kernel: what they tell, and what is not done twice."""

from __future__ import annotations

import pytest

from stops_tui.btf import Btf, BtfError
from stops_tui.kernels.kernel import RawSubsystems
from stops_tui.struct_ops.inventory import Inventory, StructOpsMap, serving
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.subsystems import of_type
from stops_tui.struct_ops.value import value_tree
from tests.support.fake_kernel import FakeKernel


@pytest.fixture
def kernel() -> FakeKernel:
    return FakeKernel.busy()


def member_texts(map_: StructOpsMap) -> dict[str, int | str]:
    return {v.member.name: v.prog_id or v.text for v in map_.members if v.is_set}


def test_each_map_is_decoded(kernel: FakeKernel) -> None:
    maps = Inventory(kernel).sweep().maps
    assert list(maps) == [58, 61, 72, 80, 81, 82, 83, 84, 90]
    dctcp = maps[58]
    assert (dctcp.state, dctcp.status, dctcp.refcnt, dctcp.holders) == ("INUSE", "registered", 6, 5)
    assert (dctcp.name, dctcp.type_name, dctcp.links) == ("dctcp", "tcp_congestion_ops", ())
    assert member_texts(dctcp) == {
        "ssthresh": 25,
        "cong_avoid": 26,
        "set_state": 27,
        "cwnd_event": 28,
        "undo_cwnd": 29,
        "init": 24,
        "name": '"bpf_dctcp"',
        "flags": "0x2",
    }
    assert len(dctcp.members) == 13
    release = dctcp.members[-1]
    assert (release.prog_id, release.text, release.is_set) == (0, "", False)


def test_a_device_is_told_as_sysfs_names_it(kernel: FakeKernel) -> None:
    mouse = Inventory(kernel).sweep().maps[83]
    (hid_id,) = (value for value in mouse.members if value.member.name == "hid_id")
    assert hid_id.text == "0x002A"
    assert mouse.type
    data = value_tree(mouse.type, mouse.raw.value).children[1]
    assert "0x002A" in [part.text for part in data.children]


def test_statuses_tell_what_states_do_not(kernel: FakeKernel) -> None:
    assert {id_: m.status for id_, m in Inventory(kernel).sweep().maps.items()} == {
        58: "registered",
        61: "unregistered, held",
        72: "ejected",
        80: "ready, not attached",
        81: "unregistered, held",
        82: "initialised",
        83: "attached, device gone",
        84: "registered",
        90: "registered",
    }


@pytest.mark.parametrize(
    ("state", "ops", "status"),
    [
        ("enabled", "simple", "attached"),
        ("disabling", "simple", "attached"),
        ("enabling", None, "attached"),
        ("enabled", "another", "ejected"),
        ("disabled", None, "ejected"),
        (None, None, "attached"),
    ],
)
def test_a_scheduler_is_ejected_when_sched_ext_says_so(
    kernel: FakeKernel, state: str | None, ops: str | None, status: str
) -> None:
    inventory = Inventory(kernel)
    before = inventory.sweep()
    kernel.subsystems = RawSubsystems(state, ops, frozenset({0x2A}))
    after = inventory.sweep()
    assert after is not before
    assert after.maps[72].status == status
    assert after.maps[83].status == "attached"


def test_of_schedulers_of_one_name_the_one_linked_last_runs(kernel: FakeKernel) -> None:
    """No link is made while another runs (EBUSY): so the first was ejected by then."""
    kernel.subsystems = RawSubsystems("enabled", "simple", frozenset())
    inventory = Inventory(kernel)
    assert inventory.sweep().maps[72].status == "attached"
    kernel.add_map(71, "simple", "sched_ext_ops", "READY", members={"name": b"simple"})
    kernel.add_link(25, 71)
    found = inventory.sweep().maps
    assert [found[id_].status for id_ in (71, 72)] == ["attached", "ejected"]
    kernel.set(58, refcnt=7)
    assert inventory.sweep().maps[72] is found[72]


@pytest.mark.parametrize(
    ("plain", "runs"), [((73,), 73), ((71,), 72), ((73, 74), 74), ((70, 71), 72)]
)
def test_of_schedulers_of_one_name_the_newest_runs_without_a_link_too(
    kernel: FakeKernel, plain: tuple[int, ...], runs: int
) -> None:
    """A plain one is registered as soon as it is made: its map's id tells when."""
    kernel.subsystems = RawSubsystems("enabled", "simple", frozenset())
    for map_id in plain:
        kernel.add_map(map_id, "simple", "sched_ext_ops", members={"name": b"simple"})
    found = Inventory(kernel).sweep().maps
    assert [id_ for id_ in (72, *plain) if found[id_].status != "ejected"] == [runs]


def test_a_value_that_cannot_be_decoded_has_no_place(kernel: FakeKernel) -> None:
    kernel.replace_map(kernel.maps[72]._replace(value=b""))
    assert Inventory(kernel).sweep().maps[72].status == "?"


def test_a_sub_scheduler_has_a_place_of_its_own() -> None:
    place = of_type("sched_ext_ops").place
    assert place
    assert place({"sub_cgroup_id": 7}) != place({"sub_cgroup_id": 8})
    assert place({"sub_cgroup_id": 0}) == place({"sub_cgroup_id": 1}) == place({})


def test_a_sub_scheduler_is_not_the_one_that_root_names() -> None:
    refusal = of_type("sched_ext_ops").refusal
    assert refusal
    facts = RawSubsystems("enabled", "root_scheduler")
    assert refusal({"name": "simple", "sub_cgroup_id": 0}, facts) == "ejected"
    assert refusal({"name": "simple", "sub_cgroup_id": 7}, facts) == ""


def test_without_a_hid_bus_no_device_is_called_gone(kernel: FakeKernel) -> None:
    kernel.subsystems = RawSubsystems()
    assert Inventory(kernel).sweep().maps[83].status == "attached"


def test_an_unchanged_kernel_gives_the_same_snapshot(kernel: FakeKernel) -> None:
    inventory = Inventory(kernel)
    first = inventory.sweep()
    read = kernel.programs_read
    assert inventory.sweep() is first
    assert kernel.programs_read == read


def test_only_what_changed_is_made_anew(kernel: FakeKernel) -> None:
    inventory = Inventory(kernel)
    before = inventory.sweep()
    read = kernel.programs_read
    kernel.set(58, refcnt=7)
    after = inventory.sweep()
    assert after.maps[58].refcnt == 7
    assert all(after.maps[id_] is before.maps[id_] for id_ in before.maps if id_ != 58)
    assert after.programs[25] is before.programs[25]
    assert kernel.programs_read == read


def test_maps_that_only_a_link_can_change_may_rest(kernel: FakeKernel) -> None:
    inventory = Inventory(kernel)
    maps = inventory.sweep().maps
    assert kernel.resting == set()
    rested = []
    for _ in range(20):
        inventory.sweep()
        rested.append(kernel.resting)
    assert rested.count({80}) == 18
    assert rested.count(set()) == 2
    assert (maps[80].state, maps[80].refcnt, maps[80].links) == ("READY", 0, ())


def test_what_decides_a_change_reads_every_map(kernel: FakeKernel) -> None:
    """Sockets may be with a map that a link held and left between two sweeps."""
    facts = RegistrationFacts.gather(kernel)
    assert kernel.resting == set()
    for _ in range(3):
        facts.inventory.sweep()
        assert kernel.resting == set()


def test_a_link_changes_the_map_it_is_on(kernel: FakeKernel) -> None:
    inventory = Inventory(kernel)
    before = inventory.sweep()
    kernel.add_link(95, 80)
    kernel.add_link(94, 80)
    after = inventory.sweep()
    assert (after.maps[80].links, after.maps[80].status) == ((94, 95), "attached")
    assert after.maps[81] is before.maps[81]
    assert list(after.links) == [22, 23, 24, 94, 95]
    kernel.detach(94)
    kernel.remove_link(95)
    assert inventory.sweep().maps[80].links == ()


def test_time_is_that_of_the_sweep_that_found_it(kernel: FakeKernel) -> None:
    times = iter([1.5, 2.5])
    inventory = Inventory(kernel, clock=lambda: next(times))
    assert inventory.sweep().time == inventory.sweep().time == 1.5
    kernel.set(58, refcnt=1)
    assert inventory.sweep().time == 2.5


def test_programs_have_their_whole_name_and_prototype(kernel: FakeKernel) -> None:
    programs = Inventory(kernel).sweep().programs
    assert sorted(programs) == [24, 25, 26, 27, 28, 29, 40, 41]
    assert programs[28].name == "dctcp_cwnd_event_of_a_long_name"
    assert programs[28].raw.name == "dctcp_cwnd_even"
    assert programs[25].prototype == "u32 dctcp_ssthresh(struct sock * sk)"
    assert (programs[41].name, programs[41].prototype) == ("simple_init", "")


def test_all_programs_are_told_those_in_no_map_too(kernel: FakeKernel) -> None:
    inventory = Inventory(kernel)
    inventory.sweep()
    kernel.count_runs(True)
    kernel.run(25, 3, 300)
    programs = {program.id: program for program in inventory.programs()}
    assert list(programs) == [24, 25, 26, 27, 28, 29, 40, 41, 50]
    assert programs[50].name == "not_in_any_map"
    assert programs[25].raw.runs.run_cnt == 3
    assert inventory.attached_struct(programs[40].raw) == "sched_ext_ops"
    unknown = programs[40].raw._replace(attach_btf_obj_id=12345)
    assert inventory.attached_struct(unknown) == "?"
    assert inventory.attached_struct(programs[40].raw._replace(attach_btf_id=99999)) == "?"
    old_kernel = programs[40].raw._replace(attach_btf_obj_id=0)
    assert inventory.attached_struct(old_kernel) == "sched_ext_ops"


def test_a_program_that_is_gone_leaves_its_id(kernel: FakeKernel) -> None:
    kernel.remove_program(25)
    snapshot = Inventory(kernel).sweep()
    assert 25 not in snapshot.programs
    assert snapshot.maps[58].members[0].prog_id == 25


def test_a_program_whose_btf_is_wrong_has_its_short_name(kernel: FakeKernel) -> None:
    inventory = Inventory(kernel)
    kernel.add_program(60, "broken")
    raw = kernel.programs()[-1]
    for wrong in (raw._replace(func_type_id=1), raw._replace(func_type_id=999)):
        kernel.programs = lambda raw=wrong: [raw]  # type: ignore[method-assign, misc]
        assert [(p.name, p.prototype) for p in inventory.programs()] == [("broken", "")]


def test_a_program_whose_btf_is_unreadable_has_its_short_name(kernel: FakeKernel) -> None:
    def refuse(_: int) -> Btf:
        raise BtfError("kind 30 is unknown", 24)

    kernel.btf = refuse  # type: ignore[assignment]
    assert {p.prototype for p in Inventory(kernel).sweep().programs.values()} == {""}


def test_maps_and_members_that_a_program_serves(kernel: FakeKernel) -> None:
    served = serving(Inventory(kernel).sweep())
    assert served[25] == [(id_, "ssthresh") for id_ in (58, 61, 80, 81, 90)]
    assert served[24] == [(58, "init")]
    assert 50 not in served


def test_a_module_type_is_read_in_its_own_btf(kernel: FakeKernel) -> None:
    map_ = Inventory(kernel).sweep().maps[84]
    assert map_.type is not None
    assert (map_.type.name, map_.type.btf_name, map_.type.btf_id) == ("smc_hs_ctrl", "smc", 77)
    assert member_texts(map_) == {"name": '"smc_ctl"'}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"value_type_id": 99999}, "type 99999 of vmlinux is no value type"),
        ({"value_type_id": 1}, "type 1 of vmlinux is no value type"),
        ({"btf_id": 555}, "its BTF object 555 cannot be read"),
        ({"value": b""}, "a value of 0 bytes, where tcp_congestion_ops has 192"),
        ({"value": bytes(191)}, "a value of 191 bytes, where tcp_congestion_ops has 192"),
    ],
)
def test_a_map_that_cannot_be_decoded_says_why(
    kernel: FakeKernel, change: dict[str, int | bytes], problem: str
) -> None:
    raw = kernel.sweep().maps[58]
    kernel.replace_map(raw._replace(**change))  # type: ignore[arg-type]
    snapshot = Inventory(kernel).sweep()
    map_ = snapshot.maps[58]
    assert map_.problem == problem
    assert (map_.state, map_.status, map_.refcnt, map_.members) == ("?", "?", 0, ())
    assert len(snapshot.maps) == 9


def test_a_map_whose_btf_is_not_told_is_of_vmlinux(kernel: FakeKernel) -> None:
    kernel.replace_map(kernel.sweep().maps[58]._replace(btf_id=0))
    assert Inventory(kernel).sweep().maps[58].type_name == "tcp_congestion_ops"


def test_hostile_text_is_shown_literally_and_escaped(kernel: FakeKernel) -> None:
    map_ = Inventory(kernel).sweep().maps[90]
    assert map_.name == "[red]"
    assert member_texts(map_)["name"] == r'"[/]\x1b[31m\x07\xff"'


def test_an_empty_host_has_nothing() -> None:
    inventory = Inventory(FakeKernel())
    snapshot = inventory.sweep()
    assert (snapshot.maps, snapshot.programs, snapshot.links) == ({}, {}, {})
    assert inventory.sweep() is snapshot
