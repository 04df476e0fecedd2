"""The running kernel by the protocol `Kernel`, compared with bpftool, and holding nothing."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from stops_tui.bpf.info import BPF_F_LINK
from stops_tui.bpf.syscall import opened
from stops_tui.btf import Composite, Kind
from stops_tui.kernels.kernel import RawMap
from stops_tui.kernels.live.kernel import LiveKernel
from tests.support import bpftool
from tests.support.live import TCP_MANDATORY, Kit, eventually, open_bpf_fds


@pytest.fixture
def kernel() -> Iterator[LiveKernel]:
    live = LiveKernel.open()
    yield live
    live.close()


def test_maps_in_every_state(kit: Kit, kernel: LiveKernel) -> None:
    with (
        kit.tcp_map(state="INIT") as init,
        kit.tcp_map() as inuse,
        kit.tcp_map(state="TOBEFREE") as tobefree,
        kit.tcp_map(link=kit.links) as ready,
    ):
        maps = kernel.sweep().maps
        vmlinux = kit.bpf.map_get_info_by_fd(init.fd).btf_id  # 0 before 6.9
        for ops in (init, inuse, tobefree, ready):
            raw = maps[ops.id]
            told = kit.bpf.map_get_info_by_fd(ops.fd)
            assert (raw.id, raw.name, raw.info) == (ops.id, ops.name, told.raw)
            assert raw.flags == (BPF_F_LINK if ops is ready and kit.links else 0)
            assert (raw.value_type_id, raw.btf_id) == (kit.layout().value_type_id, vmlinux)
            assert raw.value == kit.bpf.map_lookup_elem(ops.fd, len(ops.value))
    assert not {init.id, inuse.id, tobefree.id, ready.id} & set(kernel.sweep().maps)


def test_the_maps_that_bpftool_lists(kit: Kit, kernel: LiveKernel) -> None:
    with kit.tcp_map(), kit.tcp_map(state="INIT"):

        def same() -> bool:  # others may make maps meanwhile: look again
            before = set(kernel.sweep().maps)
            listed = {each["id"] for each in bpftool.parsed("struct_ops", "list")}
            return before == listed == set(kernel.sweep().maps)

        assert eventually(same)


def test_what_did_not_change_is_the_same_object(kit: Kit, kernel: LiveKernel) -> None:
    with kit.tcp_map() as still, kit.tcp_map() as used:
        before = kernel.sweep()
        assert all(each is before.maps[map_id] for map_id, each in kernel.sweep().maps.items())
        with kit.clients(used.name, 2):
            after = kernel.sweep()
            assert after.maps[still.id] is before.maps[still.id]
            assert after.maps[used.id].value != before.maps[used.id].value
            assert refcnt(after.maps[used.id]) == refcnt(before.maps[used.id]) + 2 == 3


def refcnt(raw: RawMap) -> int:
    return int.from_bytes(raw.value[:4], sys.byteorder)


def test_a_link_and_the_map_it_holds(kit: Kit, kernel: LiveKernel) -> None:
    with kit.tcp_map(link=True) as ops:
        with ops.link() as link:
            before = kernel.sweep().links[link.id]
            assert before.map_id == ops.id
            assert kernel.sweep().links[link.id] is before
            kit.bpf.link_detach(link.fd)
            assert kernel.sweep().links[link.id].map_id == 0
        assert link.id not in kernel.sweep().links


@contextmanager
def repeated(*calls: Callable[[], object]) -> Iterator[None]:
    """Each call over and over in a thread of its own; what any of them raises is raised."""
    stop, errors = threading.Event(), list[BaseException]()

    def repeat(call: Callable[[], object]) -> None:
        try:
            while not stop.is_set():
                call()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=repeat, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not errors, errors


def test_the_observer_holds_nothing(kit: Kit, kernel: LiveKernel) -> None:
    with kit.tcp_map(state="TOBEFREE") as ops, kit.tcp_map(link=True) as linked:
        with linked.link():
            fds = open_bpf_fds()
            seen = kernel.sweep()
            kernel.programs()
            assert open_bpf_fds() == fds
            assert seen.maps.keys() >= {ops.id, linked.id}
        ops.drop()
        assert not kit.map_exists(ops.id)
        assert seen.maps[ops.id].value  # the record needs no map


def test_a_map_is_freed_at_once_while_sweeps_run(kit: Kit, kernel: LiveKernel) -> None:
    def freed_in_time() -> bool:
        with kit.tcp_map(state="TOBEFREE") as ops:
            ops.drop()
            # A sweep may have it open at this very moment, for some microseconds.
            return eventually(lambda: not kit.map_exists(ops.id), 0.2)

    with repeated(kernel.sweep, kernel.programs):
        assert all(freed_in_time() for _ in range(20))


def test_several_threads_at_once(kit: Kit, kernel: LiveKernel) -> None:
    with kit.tcp_map() as kept:
        (prog_id, *_) = kept.programs.values()

        def code() -> None:
            assert kernel.code(prog_id)

        with repeated(kernel.sweep, kernel.programs, kernel.holders, code):
            end = time.monotonic() + 1
            while time.monotonic() < end:
                with kit.tcp_map(link=True) as ops, ops.link():
                    assert kernel.sweep().maps[kept.id].name == kept.name


def test_programs_as_bpftool_tells_them(kit: Kit, kernel: LiveKernel) -> None:
    with kit.tcp_map() as ops:
        told = {each["id"]: each for each in bpftool.parsed("prog", "list")}
        mine = {program.id: program for program in kernel.programs()}
        assert list(mine) == sorted(mine)
        for prog_id in ops.programs.values():
            program, other = mine[prog_id], told[prog_id]
            assert other["type"] == "struct_ops"
            assert other["name"].startswith(program.name)
            assert (program.tag, program.uid) == (other["tag"], other["uid"])
            assert abs(program.load_time - other["loaded_at"]) < 2
            assert program.xlated_size == other["bytes_xlated"]
            assert program.jited_size == other["bytes_jited"]
            assert program.btf_id == other["btf_id"]
            assert program.attach_btf_id == kit.layout().type_id
            assert program.attach_btf_obj_id == 1
            assert program.verified_insns == 2
            btf = kernel.btf(program.btf_id)
            assert btf
            assert btf.type(program.func_type_id).name == other["name"]
            assert kernel.program(prog_id) == program
    # The kernel frees a map's programs some moments after the map.
    assert eventually(lambda: not any(map(kernel.program, ops.programs.values())))
    assert not {program.id for program in kernel.programs()} & set(ops.programs.values())


def test_a_program_of_another_type_is_none(kit: Kit, kernel: LiveKernel) -> None:
    socket_filter = 1
    with opened(
        kit.bpf.prog_load(b"\xb7" + bytes(7) + b"\x95" + bytes(7), prog_type=socket_filter)
    ) as fd:
        prog_id = kit.bpf.prog_get_info_by_fd(fd).id
        assert kernel.program(prog_id) is None
        assert prog_id not in {program.id for program in kernel.programs()}


def test_run_counts_move_while_they_are_asked_for(kit: Kit, kernel: LiveKernel) -> None:
    fds = open_bpf_fds()
    with kit.tcp_map(members=(*TCP_MANDATORY, "init")) as ops:
        prog_id = ops.programs["init"]
        (before,) = kernel.run_counts([prog_id, 0x7FFFFFFF]).values()
        kernel.count_runs(True)
        kernel.count_runs(True)
        with kit.clients(ops.name, 4):
            after = kernel.run_counts([prog_id])[prog_id]
        assert after.run_cnt == before.run_cnt + 4
        assert after.run_time_ns > before.run_time_ns
        assert {each.id: each for each in kernel.programs()}[prog_id].runs == after
        kernel.count_runs(False)
        kernel.count_runs(True)
        kernel.close()
        kernel.close()
    assert open_bpf_fds() == fds


def test_kernel_btf(kit: Kit, kernel: LiveKernel) -> None:
    btfs = kernel.kernel_btfs()
    listed = [each for each in bpftool.parsed("btf", "list") if each["kernel"]]
    assert [(each.name, each.id) for each in btfs] == [
        (each["name"], each["id"]) for each in listed
    ]
    vmlinux = btfs[0]
    assert kernel.btf(vmlinux.id) is vmlinux.btf is kernel.kernel_btfs()[0].btf
    assert isinstance(vmlinux.btf.type(kit.layout().type_id), Composite)
    assert kernel.btf(0x7FFFFFFF) is None


def test_btf_that_is_gone_may_be_kept(kit: Kit, kernel: LiveKernel) -> None:
    with kit.program("undo_cwnd") as fd:
        btf_id = kit.bpf.prog_get_info_by_fd(fd).btf_id
        btf = kernel.btf(btf_id)
    assert btf
    assert btf.find("stops_test_undo_cwnd", Kind.FUNC)
    assert kernel.btf(btf_id) is btf


def test_holders(kit: Kit, kernel: LiveKernel) -> None:
    with kit.tcp_map(state="INIT") as ops:
        sleep = ["sleep", "100"]
        holder = subprocess.Popen(sleep, pass_fds=[ops.fd])
        try:
            assert eventually(
                lambda: any(
                    (fd.pid, fd.kind, fd.id, fd.comm) == (holder.pid, "map", ops.id, "sleep")
                    for fd in kernel.holders().fds
                )
            )
        finally:
            holder.kill()
            holder.wait()
        assert holder.pid not in {fd.pid for fd in kernel.holders().fds}


def test_who_may_not_read_is_told_why() -> None:
    script = """
from stops_tui.kernels.kernel import KernelUnreadable
from stops_tui.kernels.live.kernel import LiveKernel
try:
    LiveKernel.open()
except KernelUnreadable as error:
    print(error.obstacles[0].exit_code, error.obstacles[0].what)
"""
    drop = ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all", "--reuid", "65534"]
    told = subprocess.run(
        [*drop, "--clear-groups", sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.startswith("3 CAP_SYS_ADMIN is missing")


def test_each_thread_has_buffers_of_its_own(kernel: LiveKernel) -> None:
    used = []
    thread = threading.Thread(target=lambda: used.append(kernel._bpf))
    thread.start()
    thread.join()
    assert used[0] is not kernel._bpf is kernel._bpf
