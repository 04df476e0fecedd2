"""The account of a reference count: it adds up, says what it does not know, and why in a line."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stops_tui.kernels.kernel import RawSubsystems
from stops_tui.kernels.users import (
    RawHidDevice,
    RawNetns,
    RawQdisc,
    RawSchedExt,
    RawTcpUsers,
)
from stops_tui.struct_ops.account import Account, Accounts, accounts, qdisc
from stops_tui.struct_ops.account.accounts import LOOKS
from stops_tui.struct_ops.account.words import ago, listing
from tests.support.fake_kernel import FakeKernel
from tests.support.fake_users import HOST, FakeUsers

WEB, DB = RawNetns(4026532001, "web"), RawNetns(4026532002, "db")
NAMELESS = RawNetns(4026532003, pid=77, comm="sh")
STALLED = (
    'sched_ext: BPF scheduler "simple" enabled',
    'sched_ext: BPF scheduler "simple" disabled (runnable task stall)',
    "sched_ext: simple: python3[136] failed to run for 2.304s",
)
REGISTERED = {"name": b"cc"}


def account(kernel: FakeKernel, map_id: int = 5, **known: object) -> Account:
    return Accounts(kernel).take([map_id], **known)[map_id]  # type: ignore[arg-type]


def summands(found: Account) -> list[tuple[str, int, str]]:
    return [(part.what, part.n, part.netns) for part in found.parts]


@pytest.fixture
def kernel() -> FakeKernel:
    """One plain congestion control, 5, that nobody uses."""
    kernel = FakeKernel()
    kernel.add_map(5, "five", members=REGISTERED)
    return kernel


# The sum


def test_sockets_and_defaults_add_up(kernel: FakeKernel) -> None:
    kernel.set(5, refcnt=7)
    kernel.users.add_sockets(5, 3, "nginx", 812, WEB)
    kernel.users.add_sockets(5, 1, "curl", 99)
    kernel.users.add_default(5, DB)
    kernel.users.add_default(5)
    found = account(kernel)
    assert summands(found) == [
        ("registration", 1, ""),
        ("TCP sockets", 3, "web"),
        ("TCP sockets", 1, "net:[4026531840]"),
        ("netns default", 1, "net:[4026531840]"),
        ("netns default", 1, "db"),
    ]
    assert (found.refcnt, found.unexplained, found.not_looked_at) == (7, 0, ())


@given(
    refcnt=st.integers(0, 20),
    sockets=st.lists(st.integers(1, 5), max_size=4),
    defaults=st.integers(0, 3),
    state=st.sampled_from(["INUSE", "TOBEFREE", "READY"]),
    links=st.integers(0, 2),
)
def test_the_parts_and_what_is_unexplained_are_the_refcnt(
    refcnt: int, sockets: list[int], defaults: int, state: str, links: int
) -> None:
    kernel = FakeKernel()
    kernel.add_map(5, "five", state=state, refcnt=refcnt, members=REGISTERED)
    for link in range(links if state == "READY" else 0):
        kernel.add_link(20 + link, 5)
    for nth, number in enumerate(sockets):
        kernel.users.add_sockets(5, number, "p", 1, RawNetns(nth))
    for nth in range(defaults):
        kernel.users.add_default(5, RawNetns(nth))
    found = account(kernel)
    assert sum(part.n for part in found.parts) + found.unexplained == refcnt
    assert found.sentence.isprintable()


def test_what_is_unexplained_comes_with_who_it_could_be(kernel: FakeKernel) -> None:
    kernel.set(5, refcnt=3)
    kernel.users.unseen = ("netns of process 1: Permission denied",)
    found = account(kernel)
    assert found.unexplained == 2
    unseen, unlisted, forgotten = found.not_looked_at
    assert unseen == "netns of process 1: Permission denied"
    assert "no hash table lists" in unlisted
    assert "never gives that reference back" in forgotten
    assert found.sentence == "Registered; used by 2 unexplained holders"


def test_a_default_that_any_namespace_may_have_is_never_forgotten() -> None:
    kernel = FakeKernel()
    kernel.add_map(5, "five", refcnt=2, members=REGISTERED | {"flags": 1})
    assert "never gives" not in str(account(kernel).not_looked_at)


def test_nobody_is_looked_for_where_nobody_is_counted(kernel: FakeKernel) -> None:
    assert account(kernel).sentence == "Registered; nobody uses it"
    assert kernel.users.looks == 0


def test_a_map_that_is_gone_has_no_account(kernel: FakeKernel) -> None:
    assert Accounts(kernel).take([5, 6]).keys() == {5}


class Moving(FakeUsers):
    """Users that come and go while they are looked at."""

    def __init__(self, kernel: FakeKernel, moves: int) -> None:
        super().__init__()
        self.kernel, self.moves = kernel, moves

    def tcp(self, maps: Mapping[int, str]) -> RawTcpUsers:
        found = super().tcp(maps)
        if self.moves:
            self.moves -= 1
            self.add_sockets(5, 1, "curl", 99)
            self.kernel.set(5, refcnt=self.kernel.maps[5].value[0] + 1)
        return found


def test_it_looks_again_when_the_count_moved_meanwhile(kernel: FakeKernel) -> None:
    kernel.set(5, refcnt=2)
    kernel.users = Moving(kernel, moves=1)
    kernel.users.add_sockets(5, 1, "curl", 99)
    found = account(kernel)
    assert (found.refcnt, found.unexplained, found.settled) == (3, 0, True)


def test_what_never_stands_still_is_said_to_move(kernel: FakeKernel) -> None:
    kernel.set(5, refcnt=2)
    kernel.users = Moving(kernel, moves=100)
    kernel.users.add_sockets(5, 1, "curl", 99)
    found = account(kernel)
    assert not found.settled
    assert kernel.users.moves == 100 - LOOKS
    assert sum(part.n for part in found.parts) + found.unexplained == found.refcnt


def test_more_than_the_count_is_not_hidden(kernel: FakeKernel) -> None:
    kernel.set(5, refcnt=2)
    kernel.users.add_sockets(5, 3, "curl", 99)
    found = account(kernel)
    assert found.unexplained == -2
    assert "moved while it was looked at" in found.not_looked_at[0]


# Maps of one name


def of_one_name(by_name: str) -> FakeKernel:
    """Two maps of one name; each has two sockets, or by name both have all four."""
    kernel = FakeKernel()
    kernel.add_map(5, "old", state="TOBEFREE", refcnt=2, members=REGISTERED)
    kernel.add_map(6, "new", refcnt=3, members=REGISTERED)
    for map_id in 5, 6:
        kernel.users.add_sockets(map_id, 4 if by_name else 2, "nginx", 812, WEB)
    kernel.users.by_name = by_name
    return kernel


def test_maps_of_one_name_are_told_apart() -> None:
    kernel = of_one_name("")
    taken = Accounts(kernel).take([5, 6])
    assert [each.unexplained for each in taken.values()] == [0, 0]
    assert kernel.users.looks == 1 + 2  # one for all maps, and one for the processes of each


def test_by_name_only_nobody_is_given_to_the_wrong_map() -> None:
    taken = Accounts(of_one_name("no BPF iterator")).take([5, 6])
    assert [each.unexplained for each in taken.values()] == [2, 2]
    assert taken[5].not_looked_at[0] == (
        "4 TCP sockets of netns web, of map 5 or 6: known by name only (no BPF iterator)"
    )


def test_a_name_that_one_map_has_is_enough(kernel: FakeKernel) -> None:
    kernel.set(5, refcnt=3)
    kernel.add_map(6, "six", refcnt=1, members=REGISTERED)  # nobody holds this one
    kernel.users.add_sockets(5, 2, "nginx", 812, WEB)
    kernel.users.by_name = "no BPF iterator"
    assert account(kernel).unexplained == 0


# The sentence


def unregistered(kernel: FakeKernel, holders: int) -> None:
    kernel.set(5, state="TOBEFREE", refcnt=holders)


def test_why_an_unregistered_map_does_not_go_away(kernel: FakeKernel) -> None:
    unregistered(kernel, 3)
    kernel.users.add_sockets(5, 3, "nginx", 812, WEB)
    seen = {5: kernel.now() - 250}
    assert account(kernel, unregistered=seen).sentence == (
        "Unregistered 4 min ago; kept by 3 TCP sockets of nginx (pid 812) in netns web"
    )


@pytest.mark.parametrize(
    ("processes", "whose"),
    [
        ([], ""),
        ([(812, 1)], " of nginx (pid 812)"),
        ([(812, 2), (813, 1)], " of nginx (pid 812) and nginx (pid 813)"),
        ([(812, 3), (813, 2), (814, 1)], " of nginx (pid 812), nginx (pid 813) and others"),
        ([(812, 3), (0, 1)], " of nginx (pid 812) and others"),
        ([(0, 2)], ""),
    ],
)
def test_whose_sockets(
    kernel: FakeKernel, processes: Collection[tuple[int, int]], whose: str
) -> None:
    total = sum(number for _, number in processes)
    unregistered(kernel, total)
    for pid, number in processes:
        kernel.users.add_sockets(5, number, "nginx" if pid else "", pid, WEB)
    sockets = f"{total} TCP socket{'s' * (total != 1)}{whose} in netns web"
    assert account(kernel).sentence == (
        f"Unregistered; kept by {sockets}" if total else "Unregistered; nobody is seen to keep it"
    )


def test_many_users_are_counted(kernel: FakeKernel) -> None:
    namespaces = [RawNetns(nth, f"n{nth}") for nth in range(100, 110)]
    for nth, netns in enumerate(namespaces):
        kernel.users.add_sockets(5, 20 - nth, "nginx", 812, netns)
        kernel.users.add_default(5, netns)
    kernel.set(5, refcnt=1 + sum(range(11, 21)) + 10)
    found = account(kernel)
    assert found.unexplained == 0
    assert found.sentence == (
        "Registered; used by 20 TCP sockets of nginx (pid 812) in netns n100, "
        "19 TCP sockets of nginx (pid 812) in netns n101, the defaults of 10 netns and 116 more"
    )


@pytest.mark.parametrize(
    ("netns", "where"),
    [
        (WEB, "netns web"),
        (HOST._replace(ours=True), "this netns"),
        (NAMELESS, "the netns of sh (pid 77)"),
        (RawNetns(4026532004), "netns net:[4026532004]"),
        (RawNetns(4, "\x1b[2J"), "netns \\x1b[2J"),
    ],
)
def test_where_a_netns_is(kernel: FakeKernel, netns: RawNetns, where: str) -> None:
    kernel.set(5, refcnt=2)
    kernel.users.add_default(5, netns)
    assert account(kernel).sentence == f"Registered; used by the default of {where}"


def test_who_keeps_a_link_and_a_map_from_user_space() -> None:
    kernel = FakeKernel.busy()
    said = {each.map.id: each.sentence for each in Accounts(kernel).take([72, 80, 82, 83]).values()}
    assert said == {
        72: "Ejected; still attached by link 22, kept by scx_simple (pid 812)",
        80: "Ready, not attached; kept by bpftool (pid 901) and the pin /sys/fs/bpf/[bold]lab",
        82: "Initialised; nobody is seen to keep it",
        83: "Attached by link 23, kept by the pin /sys/fs/bpf/mouse; its device is gone",
    }


def test_a_link_of_this_program() -> None:
    kernel = FakeKernel.busy()
    assert account(kernel, 72, held=[22]).sentence == (
        "Ejected; still attached by link 22, kept by this program and scx_simple (pid 812)"
    )


def test_an_unreadable_map_has_an_account_as_well() -> None:
    kernel = FakeKernel.busy()
    kernel.replace_map(kernel.maps[58]._replace(value=b""))
    found = account(kernel, 58)
    assert found.sentence.startswith("Unknown: a value of 0 bytes")
    assert found.parts == ()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.4, "just now"),
        (59, "59 s ago"),
        (250, "4 min ago"),
        (7200, "2 h ago"),
        (90_000, "1 day ago"),
        (200_000, "2 days ago"),
    ],
)
def test_ago(seconds: float, words: str) -> None:
    assert ago(seconds) == words


def test_listing() -> None:
    assert [listing(list(text)) for text in ("", "a", "ab", "abc")] == [
        "", "a", "a and b", "a, b and c",
    ]  # fmt: skip


# Other subsystems


@pytest.fixture
def like_qdiscs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fake kernel has no Qdisc_ops: a congestion control is looked for as one."""
    monkeypatch.setitem(accounts._LOOKS, "tcp_congestion_ops", qdisc.look)


@pytest.mark.usefixtures("like_qdiscs")
def test_qdiscs_and_the_default() -> None:
    kernel = FakeKernel()
    kernel.add_map(5, "fq", state="READY", refcnt=3, members={"name": b"bpf_fq"})
    kernel.users.default_qdisc = "bpf_fq"
    kernel.users.qdisc_instances = [
        RawQdisc("bpf_fq", WEB, "eth0", "8001:", "root", 12, 3000, 2, 7),
        RawQdisc("bpf_fq", WEB, "eth1", "8002:", "root", 1),
        RawQdisc("fq", WEB, "eth2", "8003:", "root"),
    ]
    found = account(kernel)
    assert summands(found) == [("qdisc", 1, "web"), ("qdisc", 1, "web"), ("default_qdisc", 1, "")]
    assert found.unexplained == 0
    assert found.parts[0].detail == (
        "eth0 8001: root, 3,000 bytes and 2 packets wait, 7 dropped of 12 packets"
    )
    assert found.sentence == (
        "Unregistered; kept by qdisc 8001: of eth0 in netns web, qdisc 8002: of eth1 in netns web "
        "and net.core.default_qdisc, which names it"
    )


@pytest.mark.usefixtures("like_qdiscs")
def test_qdiscs_of_two_maps_of_one_id_are_given_to_none() -> None:
    kernel = FakeKernel()
    for map_id in 5, 6:
        kernel.add_map(map_id, "fq", state="READY", refcnt=1, members={"name": b"bpf_fq"})
    kernel.users.qdisc_instances = [RawQdisc("bpf_fq", WEB, "eth0", "8001:", "root")]
    found = account(kernel)
    assert found.unexplained == 1
    assert found.not_looked_at == ("1 qdisc or default of map 5 or 6: known by name only",)


def scheduler(state: RawSchedExt, running: bool) -> FakeKernel:
    kernel = FakeKernel()
    kernel.add_map(5, "simple", "sched_ext_ops", "READY", members={"name": b"simple"})
    kernel.add_link(22, 5)
    kernel.open_fd(812, "scx_simple", 5, "link", 22)
    kernel.users.sched_ext_now = state
    ops = "simple" if running else None
    kernel.subsystems = RawSubsystems("enabled" if running else "disabled", ops)
    return kernel


def test_an_ejected_scheduler_with_the_kernels_reason() -> None:
    kernel = scheduler(RawSchedExt("disabled"), running=False)
    kernel.users.log = STALLED
    found = account(kernel)
    assert found.reason == "runnable task stall: python3[136] failed to run for 2.304s"
    assert found.sentence == (
        "Ejected: runnable task stall: python3[136] failed to run for 2.304s; still attached by "
        "link 22, kept by scx_simple (pid 812)"
    )
    assert [said.value for said in found.subsystem if said.what == "kernel log"] == [*STALLED[1:]]


def test_a_scheduler_that_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([100.0, 102.0])
    monkeypatch.setattr("stops_tui.struct_ops.account.rates.monotonic", lambda: next(clock))
    events = {"SCX_EV_ENQ_SKIP_EXITING": 0, "SCX_EV_SELECT_CPU_FALLBACK": 10}
    state = RawSchedExt("enabled", "simple", True, 2, 7, events, 120)
    kernel = scheduler(state, running=True)
    schedulers = Accounts(kernel)
    first = schedulers.take([5])[5]
    assert first.sentence == (
        "Attached by link 22, kept by scx_simple (pid 812); schedules 120 tasks"
    )
    assert {said.what: said.value for said in first.subsystem} == {
        "state": "enabled",
        "root/ops": "simple",
        "switch_all": "1",
        "tasks": "120",
        "nr_rejected": "2",
        "enable_seq": "7",
        "SCX_EV_SELECT_CPU_FALLBACK": "10",
    }
    kernel.users.sched_ext_now = state._replace(events={"SCX_EV_SELECT_CPU_FALLBACK": 25})
    told = {said.what: said for said in schedulers.take([5])[5].subsystem}
    assert told["SCX_EV_SELECT_CPU_FALLBACK"].detail == "7.5/s"


def test_the_device_of_a_hid_fixup() -> None:
    kernel = FakeKernel.busy()
    kernel.subsystems = kernel.subsystems._replace(hid_ids=frozenset({0x2A}))
    kernel.users.hid_devices = {
        0x2A: RawHidDevice("0003:046D:C31C.002A", "A mouse", "USB", "hid-generic")
    }
    found = account(kernel, 83)
    assert [said.value for said in found.subsystem] == ["A mouse", "USB", "hid-generic"]
    assert found.sentence.endswith("; its device is A mouse (0003:046D:C31C.002A)")


def test_what_a_subsystem_does_not_tell_is_said() -> None:
    kernel = FakeKernel.busy()
    kernel.set(84, refcnt=2)
    found = account(kernel, 84)
    assert found.unexplained == 1
    assert "net.smc.hs_ctrl" in found.not_looked_at[0]
