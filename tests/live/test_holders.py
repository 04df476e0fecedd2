"""The account of maps in this kernel: it adds up, and says who has to let go."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from stops_tui.kernels.live.kernel import LiveKernel
from stops_tui.struct_ops.account import Account, Accounts
from stops_tui.struct_ops.events import Event, History
from stops_tui.struct_ops.inventory import Inventory
from tests.support.clang import tool
from tests.support.command import COMMAND, Cli, loaded, run
from tests.support.guest import PATIENCE
from tests.support.live import MAY_BE_DEFAULT, Kit, eventually
from tests.support.netns import NetnsProcess, netns_process


@pytest.fixture
def kernel() -> Iterator[LiveKernel]:
    kernel = LiveKernel.open()
    yield kernel
    kernel.close()


def account(kernel: LiveKernel, map_id: int) -> Account:
    return Accounts(kernel).take([map_id])[map_id]


def sockets_by_ss(there: NetnsProcess, name: str) -> int:
    """Sockets of a namespace under a congestion control, those without an address left out."""
    ss = [tool("nsenter"), f"--net={there.path}", tool("ss"), "-tianOH"]
    out = subprocess.run(ss, capture_output=True, text=True, check=True).stdout
    return sum(f" {name} " in f"{line} " for line in out.splitlines())


def test_three_namespaces_with_a_server_clients_and_a_default_each(kit: Kit) -> None:
    with kit.tcp_map(data=MAY_BE_DEFAULT) as ops, ExitStack() as stack:
        there = [
            stack.enter_context(
                netns_process(ops.name, clients=n, listening=True, unbound=1, default=ops.name)
            )
            for n in (1, 2, 3)
        ]
        (found,) = loaded("holders", "id", str(ops.id))
        assert (found["refcnt"], found["unexplained"]) == (ops.refcnt, 0)
        sockets = {p["netns"]: p["n"] for p in found["parts"] if p["what"] == "TCP sockets"}
        assert sockets == {
            f"net:[{at.inode}]": sockets_by_ss(at, ops.name) + 1 for at in there
        }  # ss shows no socket that is not bound
        defaults = [p["netns"] for p in found["parts"] if p["what"] == "netns default"]
        assert sorted(defaults) == sorted(sockets)
        assert {p["detail"] for p in found["parts"] if p["what"] == "TCP sockets"} == {
            f"netns-test (pid {at.pid})" for at in there
        }


def test_two_maps_of_one_name_add_up_each(kit: Kit, kernel: LiveKernel) -> None:
    with kit.tcp_map() as old, ExitStack() as stack:
        stack.enter_context(netns_process(old.name, clients=2, listening=True, comm="old-user"))
        old.unregister()
        new = stack.enter_context(kit.tcp_map(name=old.name))
        stack.enter_context(netns_process(new.name, clients=1, unbound=2, comm="new-user"))
        accounts = Accounts(kernel).take([old.id, new.id])
        assert [each.unexplained for each in accounts.values()] == [0, 0]
        assert [each.refcnt for each in accounts.values()] == [5, 4]
        assert "5 TCP sockets of old-user" in accounts[old.id].sentence
        assert "3 TCP sockets of new-user" in accounts[new.id].sentence


def test_why_it_does_not_go_away_and_that_it_went(kit: Kit, kernel: LiveKernel) -> None:
    inventory, history = Inventory(kernel), History()
    with kit.tcp_map() as ops, netns_process(ops.name, clients=2, comm="last-user") as there:
        history.add(inventory.sweep())
        ops.unregister()
        ops.drop()
        history.add(inventory.sweep())
        assert history.unregistered(ops.id)
        assert account(kernel, ops.id).sentence == (
            f"Unregistered; kept by 2 TCP sockets of last-user (pid {there.pid}) "
            f"in the netns of last-user (pid {there.pid})"
        )
        there.close_one()
        assert "1 TCP socket of last-user" in account(kernel, ops.id).sentence
        there.close_one()
        assert eventually(lambda: not kit.map_exists(ops.id))
        (event,) = [event for event in history.add(inventory.sweep()) if event.what == "map"]
        assert event == Event(
            event.time, ops.id, ops.name, "map", "unregistered, held", "",
            "freed: its last holder let go",
        )  # fmt: skip
        assert Accounts(kernel).take([ops.id]) == {}


def test_who_keeps_map_and_link_from_user_space(kit: Kit, cli: Cli) -> None:
    """It is asked in another process: a look leaves out its own."""
    with kit.tcp_map(link=True) as ops, ops.link() as link:
        (found,) = cli.outcome("holders", "id", str(ops.id))
        assert f"Attached by link {link.id}, kept by " in found["sentence"]
        assert found["sentence"].endswith("; nobody uses it")
        kinds = {(fd["kind"], fd["id"]) for fd in found["fds"]}
        assert kinds == {("map", ops.id), ("link", link.id)}
        (listed,) = cli.outcome("list", "id", str(ops.id), "--holders")
        assert listed["sentence"] == found["sentence"]
        assert ops.name in run("holders", "name", ops.name)


def test_without_capabilities_what_is_missing_is_said(kit: Kit) -> None:
    """CAP_SYS_ADMIN lists maps; without CAP_NET_ADMIN, CAP_SYS_PTRACE and more the rest is told."""
    with kit.tcp_map() as ops, netns_process(ops.name, clients=2):
        dropped = "-net_admin,-sys_ptrace,-bpf,-perfmon,-syslog,-dac_override,-dac_read_search"
        few = [tool("setpriv"), "--bounding-set", dropped, "--inh-caps", dropped]
        ended = subprocess.run(
            [*few, *COMMAND, "holders", "id", str(ops.id), "--json"],
            capture_output=True, text=True, check=False, timeout=60 * PATIENCE,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stderr
        (found,) = json.loads(ended.stdout)
        assert sum(p["n"] for p in found["parts"]) + found["unexplained"] == found["refcnt"] == 3
        assert found["unexplained"] == 0 or found["not_looked_at"]
