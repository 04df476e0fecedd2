"""TCP users where the kernel refuses a BPF iterator, or lists no sockets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from errno import ENOENT, EPERM
from typing import Any

import pytest

from stops_tui.bpf.errors import BpfError
from stops_tui.kernels.live import sockets, tcp_users
from stops_tui.kernels.live.netns import Namespaces
from stops_tui.kernels.live.sockets import Wanted
from stops_tui.kernels.live.tcp_iter import ClosedSocket, TcpCounts
from stops_tui.kernels.live.tcp_users import TcpUsers
from stops_tui.kernels.users import RawNetns, RawSocket, RawTcpGroup, RawTcpNetns, RawTcpUsers
from tests.support.btf_builder import BtfBuilder

HOST, WEB = RawNetns(1, ours=True), RawNetns(2, "web")
REFUSED = (
    "a BPF iterator is refused: BPF_PROG_LOAD: EPERM"
    " (CAP_BPF and CAP_PERFMON are needed (CAP_SYS_ADMIN does too))"
)


class TwoNamespaces(Namespaces):
    """Looks are made where the test is."""

    def everywhere(
        self, look: Callable[[RawNetns], Any], seconds: float = 1.0
    ) -> tuple[list[Any], list[str]]:
        return [(netns, look(netns)) for netns in (HOST, WEB)], ["network namespace x: no"]

    def in_one(self, inode: int, look: Callable[[], Any], seconds: float) -> Any:
        if inode not in (1, 2):
            raise FileNotFoundError
        return look()


class Walks:
    """What stands in for BPF iterators."""

    def __init__(self, btf: object) -> None:
        pass

    @contextmanager
    def counting(self, map_ids: Collection[int]) -> Iterator[Callable[[int], TcpCounts]]:
        counts = {1: ({7: 3}, frozenset({7})), 2: ({8: 2}, frozenset[int]())}
        yield counts.__getitem__

    @contextmanager
    def listing(self, map_id: int) -> Iterator[Callable[[int], set[int]]]:
        yield lambda most: {5, 6}

    def closed(self, map_ids: Collection[int]) -> set[ClosedSocket]:
        return {ClosedSocket(7, 100, 2), ClosedSocket(7, 101, 2), ClosedSocket(8, 102, 99)}


@pytest.fixture
def tcp(monkeypatch: pytest.MonkeyPatch) -> TcpUsers:
    monkeypatch.setattr(tcp_users, "TcpWalks", Walks)
    monkeypatch.setattr(sockets, "missing", lambda: "")
    monkeypatch.setattr(sockets, "counts_by_name", lambda: Counter({"cc": 4, "x": 1}))
    monkeypatch.setattr(tcp_users, "read_small", lambda _: b"cc\n")
    owned = {100: (812, "nginx"), 200: (812, "nginx")}
    monkeypatch.setattr(
        tcp_users, "owners", lambda inodes: {i: owned[i] for i in inodes & set(owned)}
    )
    builder = BtfBuilder()
    builder.integer("int", 4)
    return TcpUsers(builder.btf(), TwoNamespaces())


def refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise BpfError("BPF_PROG_LOAD", EPERM)

    for walk in "counting", "listing", "closed":
        monkeypatch.setattr(Walks, walk, refused)


def test_sockets_of_no_hash_table_are_added_where_they_are(tcp: TcpUsers) -> None:
    assert tcp.counts({7: "cc", 8: "cc"}) == RawTcpUsers(
        (
            RawTcpNetns(HOST, {7: 3}, frozenset({7})),
            RawTcpNetns(WEB, {7: 2, 8: 2}),
            RawTcpNetns(RawNetns(99), {8: 1}),
        ),
        unseen=("network namespace x: no",),
    )


def test_nothing_is_looked_at_for_no_map(tcp: TcpUsers) -> None:
    assert tcp.counts({}) == RawTcpUsers()


def test_by_name_where_an_iterator_is_refused(
    tcp: TcpUsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch)
    found = tcp.counts({7: "cc", 8: "cc", 9: "none"})
    both: Mapping[int, int] = {7: 4, 8: 4}
    assert found.namespaces == (
        RawTcpNetns(HOST, both, frozenset({7, 8})),
        RawTcpNetns(WEB, both, frozenset({7, 8})),
    )
    assert found.by_name == REFUSED


def test_a_kernel_without_inet_diag(tcp: TcpUsers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "missing", lambda: "modprobe tcp_diag")

    def listing() -> Counter[str]:
        raise FileNotFoundError(ENOENT, "not asked again")

    monkeypatch.setattr(sockets, "counts_by_name", listing)
    found = tcp.counts({7: "cc"})
    assert found.namespaces[0].sockets == {7: 3}
    assert found.unseen[1:] == ("processes and details of TCP sockets: modprobe tcp_diag",)
    refuse(monkeypatch)
    found = tcp.counts({7: "cc"})
    assert found.namespaces == (
        RawTcpNetns(HOST, {}, frozenset({7})),
        RawTcpNetns(WEB, {}, frozenset({7})),
    )
    assert found.unseen[1:] == ("TCP sockets: modprobe tcp_diag",)


def test_groups_and_rows_of_one_namespace(tcp: TcpUsers, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []

    def peers(name: str, wanted: object, most: int) -> list[tuple[int, str]]:
        asked.append(wanted)
        return [(200, "192.0.2.1"), (0, "192.0.2.1"), (0, "192.0.2.1")]

    def listed(netns: int, name: str, wanted: object, most: int) -> list[RawSocket]:
        asked.append(wanted)
        return [RawSocket(netns, "LISTEN", "0.0.0.0:80", "", 200)]

    monkeypatch.setattr(sockets, "peers", peers)
    monkeypatch.setattr(sockets, "sockets", listed)
    assert tcp.groups(7, "cc", [1, 2, 3], 10) == {
        1: (RawTcpGroup(2, 0, "", "192.0.2.1"), RawTcpGroup(1, 812, "nginx", "192.0.2.1")),
        2: (
            RawTcpGroup(2, 0, "", "192.0.2.1"),
            RawTcpGroup(1, 0, "", ""),
            RawTcpGroup(1, 812, "nginx", ""),
            RawTcpGroup(1, 812, "nginx", "192.0.2.1"),
        ),
    }
    assert len(tcp.groups(7, "cc", [2], 2)[2]) == 2
    rows = tcp.sockets(7, "cc", 2, 10)
    assert [(row.state, row.inode, row.pid, row.comm) for row in rows] == [
        ("LISTEN", 200, 812, "nginx"),
        ("CLOSE", 100, 812, "nginx"),
        ("CLOSE", 101, 0, ""),
    ]
    assert len(tcp.sockets(7, "cc", 2, 2)) == 2
    assert asked[0] == Wanted({5, 6}, set())
    assert asked[-1] == Wanted({5, 6}, {100, 101})
    refuse(monkeypatch)
    assert len(tcp.sockets(7, "cc", 2, 10)) == 1
    assert asked[-1] is None


def test_a_namespace_that_is_gone_has_nothing(tcp: TcpUsers) -> None:
    assert tcp.groups(7, "cc", [3], 10) == {}
    assert tcp.sockets(7, "cc", 3, 10) == ()
