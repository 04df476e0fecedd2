"""Who holds a map of ours in this kernel: the account of its reference count must be complete."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

import pytest

from stops_tui.bpf.errors import BpfError
from stops_tui.bpf.syscall import Bpf, opened
from stops_tui.kernels.live import sockets
from stops_tui.kernels.live.kernel import LiveKernel
from stops_tui.kernels.live.kmsg import lines_with
from stops_tui.kernels.live.netns import Namespace, inside
from stops_tui.kernels.live.tcp_iter import TcpWalks
from stops_tui.kernels.live.users import LiveUsers
from stops_tui.kernels.users import RawNetns, RawTcpUsers
from tests.support.clang import missing, tool
from tests.support.live import MAY_BE_DEFAULT, Kit, LiveMap, eventually, open_bpf_fds, use
from tests.support.netns import NetnsProcess, netns_process


@pytest.fixture
def users() -> Iterator[LiveUsers]:
    kernel = LiveKernel.open()
    yield kernel.users
    kernel.close()


def looked(users: LiveUsers, *maps: LiveMap) -> RawTcpUsers:
    found = users.tcp({ops.id: ops.name for ops in maps})
    assert found.by_name == ""
    return found


def held(found: RawTcpUsers, ops: LiveMap) -> int:
    """By sockets and defaults."""
    return sum(
        netns.sockets.get(ops.id, 0) + (ops.id in netns.defaults) for netns in found.namespaces
    )


def in_netns(there: NetnsProcess) -> Namespace:
    return Namespace(RawNetns(there.inode), there.path)


def test_three_namespaces_add_up(kit: Kit, users: LiveUsers) -> None:
    with kit.tcp_map(data=MAY_BE_DEFAULT) as ops, ExitStack() as stack:
        there = [
            stack.enter_context(
                netns_process(
                    ops.name, clients=n, listening=n == 2, unbound=n - 1, default=ops.name
                )
            )
            for n in (1, 2, 3)
        ]
        found = looked(users, ops)
        assert ops.refcnt == 1 + held(found, ops)
        assert {netns.netns.inode for netns in found.namespaces} == {at.inode for at in there}
        assert {netns.netns.pid for netns in found.namespaces} == {at.pid for at in there}
        for at, netns in zip(
            there, sorted(found.namespaces, key=lambda n: n.netns.pid), strict=True
        ):
            groups = users.tcp_groups(ops.id, ops.name, [at.inode], 100)[at.inode]
            assert sum(group.sockets for group in groups) == netns.sockets[ops.id]
            assert {(group.pid, group.comm) for group in groups} == {(at.pid, "netns-test")}
            rows = users.tcp_sockets(ops.id, ops.name, at.inode, 100)
            assert len(rows) == netns.sockets[ops.id]
            assert {row.pid for row in rows} == {at.pid}
    assert eventually(lambda: not kit.map_exists(ops.id))


def test_maps_of_one_name_are_told_apart(kit: Kit, users: LiveUsers) -> None:
    name = kit.name()
    with kit.tcp_map(name=name) as old, netns_process(name, clients=2, unbound=1) as before:
        old.unregister()
        with kit.tcp_map(name=name) as new, netns_process(name, clients=3) as after:
            found = looked(users, old, new)
            by_netns = {netns.netns.inode: dict(netns.sockets) for netns in found.namespaces}
            assert by_netns == {before.inode: {old.id: 3}, after.inode: {new.id: 3}}
            assert (old.refcnt, new.refcnt) == (3, 4)
            assert len(users.tcp_sockets(old.id, name, before.inode, 10)) == 3
            assert users.tcp_sockets(new.id, name, before.inode, 10) == ()
            assert [
                g.sockets for g in users.tcp_groups(new.id, name, [after.inode], 10)[after.inode]
            ] == [3]


def test_closing_the_last_socket_frees_the_map(kit: Kit, users: LiveUsers) -> None:
    with kit.tcp_map() as ops, netns_process(ops.name, unbound=2) as there:
        ops.unregister()
        ops.drop()
        map_id, name = ops.id, ops.name
        assert users.tcp({map_id: name}).namespaces[0].sockets == {map_id: 2}
        there.close_one()
        assert users.tcp({map_id: name}).namespaces[0].sockets == {map_id: 1}
        there.close_one()
        assert eventually(lambda: not kit.map_exists(map_id))
        assert users.tcp({map_id: name}).namespaces == ()


OTHER_STATES = ("CLOSE", "ESTABLISHED", "LISTEN")


def test_sockets_that_are_bound_shared_or_of_ipv6(kit: Kit, users: LiveUsers) -> None:
    with kit.tcp_map() as ops, ExitStack() as stack:
        made = [stack.enter_context(closing(socket.socket(f))) for f in (2, 2, 10, 10)]
        for each in made:
            use(each, ops.name)
        made[1].bind(("127.0.0.1", 0))
        made[2].bind(("::1", 0))
        made[2].listen()
        stack.enter_context(closing(made[0].dup()))
        with kit.listener() as listening:  # by IPv4, from a socket of IPv6
            made[3].connect(("::ffff:127.0.0.1", listening.getsockname()[1]))
            found = looked(users, ops)
            assert [netns.netns.ours for netns in found.namespaces] == [True]
            assert held(found, ops) == 4 == ops.refcnt - 1
            rows = users.tcp_sockets(ops.id, ops.name, found.namespaces[0].netns.inode, 10)
            states = sorted(row.state for row in rows)
            bound = next((row for row in rows if row.state == "BOUND_INACTIVE"), None)
            assert states == sorted([bound.state if bound else "CLOSE", *OTHER_STATES])
            if bound:  # since Linux 6.8
                assert bound.local == f"127.0.0.1:{made[1].getsockname()[1]}"
            connected = next(row for row in rows if row.state == "ESTABLISHED")
            assert connected.remote == f"[::ffff:127.0.0.1]:{listening.getsockname()[1]}"
            assert connected.cwnd > 0
            made[3].close()


def test_a_socket_that_its_process_has_closed(kit: Kit, users: LiveUsers) -> None:
    """It lives on, of nobody, until its data are read; in TIME_WAIT it holds nothing."""
    with kit.tcp_map() as ops, kit.listener() as listening:
        with closing(socket.socket()) as client:
            use(client, ops.name)
            client.connect(listening.getsockname())
            server = listening.accept()[0]
            client.setblocking(False)
            with suppress(BlockingIOError):
                while True:
                    client.send(bytes(1 << 16))
        with closing(server):
            (netns,) = looked(users, ops).namespaces
            assert netns.sockets == {ops.id: 1}
            assert ops.refcnt == 2
            inode = netns.netns.inode
            groups = users.tcp_groups(ops.id, ops.name, [inode], 10)[inode]
            assert [(g.sockets, g.pid, g.peer) for g in groups] == [(1, 0, "127.0.0.1")]
            (row,) = users.tcp_sockets(ops.id, ops.name, netns.netns.inode, 10)
            assert (row.state, row.inode, row.pid) == ("FIN_WAIT1", 0, 0)
            while server.recv(1 << 20):
                pass
        assert eventually(lambda: ops.refcnt == 1)
        assert looked(users, ops).namespaces == ()


def test_a_map_that_nobody_uses(kit: Kit, users: LiveUsers) -> None:
    with kit.tcp_map() as ops:
        assert looked(users, ops).namespaces == ()
        assert users.tcp_groups(ops.id, ops.name, [1], 10) == {}
        assert users.tcp({1 << 30: "nobody"}).namespaces == ()


def test_a_look_leaves_nothing_in_the_kernel(kit: Kit, users: LiveUsers) -> None:
    before = open_bpf_fds()
    with kit.tcp_map() as ops, netns_process(ops.name, clients=1) as there:
        own = Path("/proc/self/ns/net").stat().st_ino
        looked(users, ops)
        users.tcp_sockets(ops.id, ops.name, there.inode, 1)
        assert Path("/proc/thread-self/ns/net").stat().st_ino == own
    assert eventually(lambda: open_bpf_fds() == before)
    assert eventually(lambda: not OURS & set(program_names(kit)))


def test_a_look_loads_no_more_than_it_needs(
    kit: Kit, users: LiveUsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []
    for method in "prog_load", "map_create":
        monkeypatch.setattr(Bpf, method, noting(made, getattr(Bpf, method)))
    with (
        kit.tcp_map() as ops,
        netns_process(ops.name, clients=1) as one,
        netns_process(ops.name, clients=1) as two,
    ):
        made.clear()
        looked(users, ops)
        assert made == ["stops_maps", "stops_counts", "stops_count", "stops_closed"]
        made.clear()
        looked(users, ops)
        assert made == ["stops_counts", "stops_count", "stops_closed"]
        made.clear()
        found = users.tcp_groups(ops.id, ops.name, [one.inode, two.inode], 9)
        assert [sum(group.sockets for group in groups) for groups in found.values()] == [1, 1]
        assert made == ["stops_closed", "stops_cookies"]


def noting(made: list[str], call: Callable[..., int]) -> Callable[..., int]:
    """The call; the name of what it makes is noted."""

    def noted(*args: Any, **named: Any) -> int:
        made.append(named["name"])
        return call(*args, **named)

    return noted


OURS = {"stops_maps", "stops_count", "stops_cookies", "stops_closed"}


def program_names(kit: Kit) -> list[str]:
    names, prog_id = [], kit.bpf.prog_get_next_id(0)
    while prog_id is not None:
        with (
            suppress(BpfError),  # it ended
            opened(kit.bpf.prog_get_fd_by_id(prog_id)) as fd,
        ):
            names.append(kit.bpf.prog_get_info_by_fd(fd).name)
        prog_id = kit.bpf.prog_get_next_id(prog_id)
    return names


def sockets_are_told() -> None:
    if reason := sockets.missing():
        missing(reason)


def test_by_name_without_the_iterator(
    kit: Kit, users: LiveUsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise BpfError("BPF_PROG_LOAD", 1)

    sockets_are_told()
    monkeypatch.setattr(TcpWalks, "_addresses", refuse)
    with (
        kit.tcp_map(data=MAY_BE_DEFAULT) as ops,
        netns_process(ops.name, clients=3, listening=True, default=ops.name) as there,
    ):
        found = users.tcp({ops.id: ops.name})
        assert found.by_name.startswith("a BPF iterator is refused: BPF_PROG_LOAD: EPERM")
        assert held(found, ops) == 8 == ops.refcnt - 1
        assert (
            sum(
                g.sockets for g in users.tcp_groups(ops.id, ops.name, [there.inode], 9)[there.inode]
            )
            == 7
        )


def test_as_ss_counts_and_details_them(kit: Kit, users: LiveUsers) -> None:
    sockets_are_told()
    with kit.tcp_map() as ops, netns_process(ops.name, clients=5, listening=True) as there:
        command = ["nsenter", f"--net={there.path}", tool("ss"), "-tianeOH"]
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        theirs = {}
        for line in filter(lambda line: f" {ops.name} " in line, lines.splitlines()):
            words = line.split()
            facts = dict(word.partition(":")[::2] for word in words[5:])
            theirs[int(facts["ino"])] = words[3], words[4], int(facts["cwnd"])
        counts = inside(in_netns(there), sockets.counts_by_name)
        assert counts[ops.name] == len(theirs) == 11
        rows = users.tcp_sockets(ops.id, ops.name, there.inode, 100)
        assert {r.inode: (r.local, r.remote or "0.0.0.0:*", r.cwnd) for r in rows} == theirs
        assert len(users.tcp_sockets(ops.id, ops.name, there.inode, 4)) == 4


UNPRIVILEGED = """
import json, sys
from pathlib import Path
from stops_tui.btf import Btf
from stops_tui.kernels.live.users import LiveUsers
users = LiveUsers(lambda: Btf.parse(Path("/sys/kernel/btf/vmlinux").read_bytes()))
found = users.tcp({int(sys.argv[1]): sys.argv[2]})
users.qdiscs({"noqueue"})
counts = {n.netns.inode: n.sockets[int(sys.argv[1])] for n in found.namespaces}
print(json.dumps([counts, found.by_name, found.unseen]))
"""


def test_without_capabilities_it_says_what_is_missing(kit: Kit) -> None:
    sockets_are_told()
    with (
        kit.tcp_map() as ops,
        kit.clients(ops.name, 2),
        netns_process(ops.name, clients=1) as there,
    ):
        lacking = "--bounding-set=-sys_admin,-bpf,-perfmon,-net_admin"
        command = ["setpriv", lacking, sys.executable, "-c", UNPRIVILEGED, str(ops.id), ops.name]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        counts, by_name, unseen = json.loads(done.stdout)
        own = Path("/proc/self/ns/net").stat().st_ino
        assert counts == {str(own): 2}
        assert by_name.startswith("a BPF iterator is refused: ")
        foreign = [line for line in unseen if line.startswith(f"network namespace {there.inode} ")]
        assert foreign == [
            f"network namespace {there.inode} of process {there.pid}: it may not be entered: run as"
            " root of the host, or in a container started with --cap-add SYS_ADMIN"
        ]


def test_qdiscs_as_tc_tells_them(users: LiveUsers) -> None:
    with netns_process("reno", clients=1) as there:
        inside_it = ["nsenter", f"--net={there.path}", tool("tc")]
        tbf = ("tbf", "rate", "100mbit", "burst", "10kb", "latency", "10ms")
        added = [*inside_it, "qdisc", "add", "dev", "lo", "root", "handle", "12:", *tbf]
        if subprocess.run(added, capture_output=True, check=False).returncode:
            pytest.skip("this kernel has no tbf")
        there.close_one()  # which sends a packet
        shown = subprocess.run(
            [*inside_it, "-s", "-j", "qdisc", "show"], capture_output=True, check=True
        )
        theirs = [
            (q["dev"], q["handle"], q["packets"], q["backlog"], q["qlen"], q["drops"])
            for q in json.loads(shown.stdout)
            if q["kind"] == "tbf" and q["root"]
        ]
        found = users.qdiscs({"tbf", "nothing"})
        ours = [q for q in found.instances if q.netns.inode == there.inode]
        assert {(q.kind, q.parent, q.netns.pid) for q in ours} == {("tbf", "root", there.pid)}
        assert [(q.device, q.handle, q.packets, q.backlog, q.qlen, q.drops) for q in ours] == theirs
        assert found.default == Path("/proc/sys/net/core/default_qdisc").read_text().strip()


def test_the_kernels_log_is_read() -> None:
    """It is only read here: guests find a scheduler's own words in it."""
    lines, unseen = lines_with("")
    assert unseen == ""
    assert lines
    assert all(re.match(r"\[ *\d+\.\d{6}\] ", line) for line in lines)
