"""Congestion controls in several network namespaces, and one swapped for another under load."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace

import pytest

from stops_tui.kernels.writes import Refused
from stops_tui.struct_ops.examples import example_plan
from stops_tui.struct_ops.registration import swap
from stops_tui.struct_ops.registration.execute import execute
from stops_tui.struct_ops.registration.plan import Plan
from tests.support.guest import load
from tests.support.live import connected, eventually, reset_at_close, use
from tests.vm.guest.netns import default_congestion_control, inside, namespaces
from tests.vm.guest.stage import Stage

NETNS = ("stops_a", "stops_b", "stops_c")


@pytest.fixture(autouse=True)
def sockets_are_told() -> None:
    load("inet_diag", "tcp_diag")


def reno(stage: Stage, *, link: bool) -> Plan:
    """The example under a name that nobody has."""
    if link:
        stage.kit.need_links()
    name = stage.kit.name()
    plan = example_plan("reno", stage.facts().types, link=link)
    return replace(plan, map_name=name, data={**plan.data, "name": name})


@dataclass
class Load:
    """A connection over loopback that is never idle, and how many bytes came over it."""

    name: str
    received: int = 0
    _over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def running(self) -> Iterator[None]:
        with socket.socket() as listening, socket.socket() as client:
            use(client, self.name)
            listening.bind(("127.0.0.1", 0))
            listening.listen()
            client.connect(listening.getsockname())
            accepted, _ = listening.accept()
            threads = [
                threading.Thread(target=self._send, args=(client,)),
                threading.Thread(target=self._read, args=(accepted,)),
            ]
            for thread in threads:
                thread.start()
            try:
                yield
            finally:
                self._over.set()
                for thread in threads:
                    thread.join()

    def goes_on(self) -> bool:
        """Whether more bytes come than came until now."""
        before = self.received
        return eventually(lambda: self.received > before)

    def _send(self, client: socket.socket) -> None:
        with client:
            reset_at_close(client)
            while not self._over.wait(0.05):
                client.sendall(bytes(1 << 14))

    def _read(self, accepted: socket.socket) -> None:
        with accepted:
            try:
                while data := accepted.recv(1 << 16):
                    self.received += len(data)
            except ConnectionResetError:
                return


@pytest.mark.parametrize("link", [False, True], ids=["plain", "link"])
def test_the_defaults_of_namespaces_hold_it(stage: Stage, link: bool) -> None:
    """A new namespace inherits the default, and is one more that holds it."""
    plan = reno(stage, link=link)
    with (
        stage.registered(plan) as outcome,
        default_congestion_control(plan.map_name),
        namespaces(*NETNS[:2]),
    ):
        account = stage.account(outcome.map_id)
        defaults = {part.netns: part.n for part in account.parts if part.what == "netns default"}
        assert account.unexplained == 0, account
        assert sorted(defaults.values()) == [1, 1, 1]
        assert set(NETNS[:2]) <= defaults.keys()
        assert account.refcnt == 4
    assert stage.gone("map", outcome.map_id)


def test_a_swap_under_load(stage: Stage) -> None:
    """Sockets and defaults of before stay with the old map, and both accounts add up."""
    plan = reno(stage, link=True)
    name = plan.map_name
    stage.look()
    with stage.registered(plan) as old, ExitStack() as stack:
        with default_congestion_control(name):
            stack.enter_context(namespaces(*NETNS))
        servers = {}
        for netns in NETNS:
            with inside(netns):
                servers[netns] = stack.enter_context(
                    closing(socket.create_server(("127.0.0.1", 0)))
                )
                stack.enter_context(connected(servers[netns], 2))
        before = stage.account(old.map_id)
        assert before.unexplained == 0, before
        assert before.refcnt == 1 + 3 * (1 + 1 + 2 + 2), "link, defaults, servers, both ends"

        traffic = Load(name)
        stack.enter_context(traffic.running())
        assert traffic.goes_on()
        facts = stage.facts()
        new = execute(
            replace(plan, map_name="another", replace_link=old.link_id), facts, stage.kernel.writes
        )
        assert new.ok, new.words
        assert traffic.goes_on(), "by the old map"
        assert stage.map(old.map_id).status == "unregistered, held"
        assert stage.map(new.map_id).links == (old.link_id,)

        for netns in NETNS:
            with inside(netns):
                stack.enter_context(connected(servers[netns], 1, name))
        accounts = {map_id: stage.told_account(map_id) for map_id in (old.map_id, new.map_id)}
        assert [account["unexplained"] for account in accounts.values()] == [0, 0], accounts
        assert accounts[old.map_id]["refcnt"] == 3 * (1 + 1 + 2 + 2 + 1) + 1, (
            "and the load's sender"
        )
        assert accounts[new.map_id]["refcnt"] == 1 + 3
        told = {
            part["netns"]: part["n"]
            for part in accounts[new.map_id]["parts"]
            if part["what"] == "TCP sockets"
        }
        assert told == dict.fromkeys(NETNS, 1)
    assert stage.gone("map", new.map_id)
    assert stage.gone("map", old.map_id)


def test_a_map_is_never_replaced_by_itself(stage: Stage) -> None:
    """It would be the end of this kernel: the guard is below every screen."""
    plan = reno(stage, link=True)
    with stage.registered(plan) as outcome:
        facts, writes = stage.facts(), stage.kernel.writes
        itself = swap.plan_for(facts, outcome.link_id, outcome.map_id)
        refused = swap.execute(itself, facts, writes)
        assert "replace a map by itself can stop the kernel" in refused.words
        with (
            closing(writes.open_link(outcome.link_id)) as link,
            closing(writes.open_map(outcome.map_id)) as map_,
            pytest.raises(Refused, match="corrupts the kernel's list"),
        ):
            writes.update_link(link, map_, map_)
        assert stage.map(outcome.map_id).status == "attached"
