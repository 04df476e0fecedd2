"""Snapshots of the running kernel: states, statuses, holders, links and programs."""

from __future__ import annotations

from collections.abc import Iterator
from subprocess import Popen

import pytest

from stops_tui.bpf.syscall import Bpf
from stops_tui.inventory_ahead import InventoryAhead
from stops_tui.kernels.live.kernel import LiveKernel
from stops_tui.struct_ops.events import History
from stops_tui.struct_ops.holders import Process, by_map
from stops_tui.struct_ops.inventory import Inventory, StructOpsMap, serving
from stops_tui.struct_ops.types import offered_types
from tests.support.live import TCP, Kit, eventually


@pytest.fixture
def kernel() -> Iterator[LiveKernel]:
    kernel = LiveKernel.open()
    yield kernel
    kernel.close()


@pytest.fixture
def inventory(kernel: LiveKernel) -> Inventory:
    return Inventory(kernel)


def story(map_: StructOpsMap) -> tuple[str, str, int, int]:
    return map_.state, map_.status, map_.refcnt, map_.holders


def test_the_life_of_a_plain_map(kit: Kit, inventory: Inventory) -> None:
    with kit.tcp_map(state="INIT") as ours:

        def seen() -> tuple[str, str, int, int]:
            return story(inventory.sweep().maps[ours.id])

        assert seen() == ("INIT", "initialised", 0, 0)
        ours.register()
        assert seen() == ("INUSE", "registered", 1, 0)
        with kit.clients(ours.name, 10):
            assert seen() == ("INUSE", "registered", 11, 10)
            ours.unregister()
            assert seen() == ("TOBEFREE", "unregistered, held", 10, 10)
            ours.drop()
            assert seen() == ("TOBEFREE", "unregistered, held", 10, 10)
        assert eventually(lambda: ours.id not in inventory.sweep().maps)


def test_the_life_of_a_link_map(kit: Kit, inventory: Inventory) -> None:
    with kit.tcp_map(link=True, state="INIT") as ours:

        def seen() -> tuple[str, str, int, int]:
            return story(inventory.sweep().maps[ours.id])

        assert seen() == ("INIT", "initialised", 0, 0)
        ours.register()
        assert seen() == ("READY", "ready, not attached", 0, 0)
        with ours.link() as link:
            assert seen() == ("READY", "attached", 1, 0)
            assert inventory.sweep().maps[ours.id].links == (link.id,)
            with kit.clients(ours.name, 2):
                assert seen() == ("READY", "attached", 3, 2)
                link.drop()
                assert eventually(lambda: seen() == ("READY", "unregistered, held", 2, 2))
            assert eventually(lambda: seen() == ("READY", "ready, not attached", 0, 0))


def test_sockets_are_events(kit: Kit, inventory: Inventory) -> None:
    with kit.tcp_map() as ours:
        history = History()
        history.add(inventory.sweep())
        with kit.clients(ours.name, 2):
            history.add(inventory.sweep())
        assert eventually(lambda: bool(history.add(inventory.sweep())))
        changes = [(e.what, e.before, e.after) for e in history.events_of(ours.id)]
        assert changes[0] == ("refcnt", "1", "3")
        assert {what for what, _, _ in changes} == {"refcnt"}
        assert history.refcnts(ours.id)[:2] == (1, 3)


def test_members_and_the_programs_behind_them(kit: Kit, inventory: Inventory) -> None:
    with kit.program("init", btf=False) as bare:
        members = ("ssthresh", "undo_cwnd", "cong_avoid", "init")
        with kit.tcp_map(members=members, programs={"init": bare}) as ours:
            snapshot = inventory.sweep()
            map_ = snapshot.maps[ours.id]
            served = {v.member.name: v.prog_id for v in map_.members if v.prog_id}
            assert served == ours.programs
            data = {v.member.name: v.text for v in map_.members if v.member.kind == "data"}
            assert data["name"] == f'"{ours.name}"'
            names = {m: snapshot.programs[id_].name for m, id_ in ours.programs.items()}
            assert names["cong_avoid"] == "stops_test_cong_avoid"
            assert names["init"] == "stops_test_init"[:15]
            places = serving(snapshot)
            for member, prog_id in ours.programs.items():
                assert places[prog_id] == [(ours.id, member)]
            all_programs = {program.id: program for program in inventory.programs()}
            assert set(ours.programs.values()) <= set(all_programs)
            assert inventory.attached_struct(all_programs[ours.programs["init"]].raw) == TCP


def test_an_unchanged_map_is_the_same_object(kit: Kit, inventory: Inventory) -> None:
    with kit.tcp_map() as still, kit.tcp_map() as moving:
        before = inventory.sweep()
        with kit.clients(moving.name, 1):
            after = inventory.sweep()
            assert after is not before
            assert after.maps[still.id] is before.maps[still.id]
            assert after.maps[moving.id].refcnt == 2


def test_who_holds_a_map_and_its_link(kit: Kit, kernel: LiveKernel, inventory: Inventory) -> None:
    with kit.tcp_map(link=True) as ours, ours.link() as link:
        # Our own descriptors are not told: another process must have them.
        holder = Popen(["sleep", "60"], pass_fds=(ours.fd, link.fd))
        try:
            held = by_map(kernel.holders(), inventory.sweep())[ours.id]
        finally:
            holder.kill()
            holder.wait()
        assert [(fd.fd, fd.kind, fd.id) for fd in held.fds] == sorted(
            [(ours.fd, "map", ours.id), (link.fd, "link", link.id)]
        )
        assert held.processes == (Process(holder.pid, "sleep"),)


def test_this_kernels_types(kernel: LiveKernel) -> None:
    types = {type_.name: type_ for type_ in offered_types(kernel)}
    assert {TCP, "bpf_dummy_ops"} <= set(types)
    assert not {"value", "map", "link", "desc", "arg_info", "common_value"} & set(types)
    tcp = {member.name: member for member in types[TCP].members}
    assert tcp["ssthresh"].type == "u32 (struct sock *)"
    assert (tcp["name"].kind, tcp["name"].type, tcp["name"].size) == ("data", "char[16]", 16)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_sweep_begun_ahead_sees_what_was_there_and_the_next_one_what_came(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = LiveKernel.open()
    with kit.tcp_map(link=True) as ours, ours.link() as link:
        inventory = InventoryAhead(kernel)
        with monkeypatch.context() as patch:
            patch.setattr(kernel, "sweep", lambda *_: pytest.fail("this process looks itself"))
            before = inventory.sweep()
        with kit.tcp_map(link=True) as new:
            after = inventory.sweep()
            usual = Inventory(LiveKernel.open()).sweep()
            seen, expected = before.maps[ours.id], usual.maps[ours.id]
            assert seen._replace(type=None) == expected._replace(type=None)
            assert seen.type and seen.type.btf.type(seen.type.type_id).name == TCP
            assert before.links[link.id].map_id == ours.id
            assert new.id not in before.maps
            assert after.maps[ours.id] is seen
            assert after.maps[new.id].members == usual.maps[new.id].members
            assert after.maps[new.id].type == seen.type
            assert kernel.sweep().maps[ours.id] is seen.raw


def test_a_map_that_only_a_link_can_change_is_not_read_at_every_sweep(
    kit: Kit, inventory: Inventory, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    value_of = Bpf.map_value_by_id

    def noted(self: Bpf, map_id: int, value_size: int) -> bytes:
        read.append(map_id)
        return value_of(self, map_id, value_size)

    monkeypatch.setattr(Bpf, "map_value_by_id", noted)

    def was_read() -> bool:
        read.clear()
        inventory.sweep()
        return ours.id in read

    with kit.tcp_map(link=True) as ours, kit.tcp_map(state="INIT") as other:
        known = inventory.sweep().maps[ours.id]
        assert not was_read()
        assert other.id in read
        assert inventory.sweep().maps[ours.id] is known
        with ours.link():
            assert was_read()
            assert inventory.sweep().maps[ours.id].status == "attached"
            assert was_read()
        assert was_read()
        assert inventory.sweep().maps[ours.id].status == "ready, not attached"
        assert sum(was_read() for _ in range(10)) == 1
    assert ours.id not in inventory.sweep().maps
