"""register and unregister as scripts use them: real traffic, real pins, killed at every step."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stops_tui.bpf.errors import BpfError
from stops_tui.bpf.syscall import opened
from stops_tui.kernels.live.kernel import LiveKernel
from tests.support import bpftool
from tests.support.clang import bpf_object, shared_library, tool
from tests.support.live import Kit, available, eventually, use

COMMAND = [sys.executable, "-m", "stops_tui"]
SIGNAL_AT = Path(__file__).parents[1] / "support" / "signal_at.c"
FILE = os.urandom(3 << 20)

EXAMPLE_CALLS = 6
"""Calls that change the kernel when reno is registered by a plain map: three programs, BTF, map,
value. A link is the seventh, and a pin the last one."""


@dataclass(frozen=True)
class Cli:
    """The command, with an audit file of its own.

    Attributes:
        state: The folder of the audit file.
        prefix: What the command is run by.
    """

    state: Path
    prefix: tuple[str, ...] = ()

    def run(
        self, *arguments: str, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run it without a terminal."""
        return subprocess.run(
            [*self.prefix, *COMMAND, *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "XDG_STATE_HOME": str(self.state), **(env or {})},
        )

    def outcome(self, *arguments: str, exit_code: int = 0) -> Any:
        """What it prints with --json."""
        ended = self.run(*arguments, "--json")
        assert ended.returncode == exit_code, ended.stderr
        return json.loads(ended.stdout)

    def signalled(
        self, *arguments: str, by: signal.Signals, at: int, after: bool = False
    ) -> subprocess.CompletedProcess[str]:
        """Run it, and let a signal come at one of the calls that change the kernel."""
        preload = {"LD_PRELOAD": str(shared_library(SIGNAL_AT)), "SIGNAL": str(int(by))}
        where = {"SIGNAL_AT": str(at), "SIGNAL_AFTER": str(int(after))}
        return self.run(*arguments, env=preload | where)

    @property
    def audit(self) -> list[dict[str, Any]]:
        """Every call that the audit file tells of."""
        file = self.state / "stops-tui" / "audit.jsonl"
        return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []

    def left(self, kit: Kit) -> list[str]:
        """What of all that was ever made is still in the kernel, as "link 7"."""
        opens: dict[str, tuple[str, Callable[[int], int]]] = {
            "BPF_PROG_LOAD": ("prog", kit.bpf.prog_get_fd_by_id),
            "BPF_MAP_CREATE": ("map", kit.bpf.map_get_fd_by_id),
            "BPF_LINK_CREATE": ("link", kit.bpf.link_get_fd_by_id),
        }
        found = []
        for call in self.audit:
            if call["result"] and call["call"] in opens:
                kind, open_ = opens[call["call"]]
                with suppress(BpfError), opened(open_(call["result"])):
                    found.append(f"{kind} {call['result']}")
        return found


@pytest.fixture
def cli(kit: Kit, tmp_path: Path) -> Iterator[Cli]:
    """The command; whatever a failed test leaves registered is taken away."""
    cli = Cli(tmp_path / "state")
    yield cli
    for call in cli.audit:
        if call["call"] == "BPF_MAP_CREATE" and call["result"]:
            kit.free(call["result"])
    assert eventually(lambda: not cli.left(kit)), cli.left(kit)


@pytest.fixture
def bpffs(cli: Cli, tmp_path: Path) -> Iterator[tuple[Cli, Path]]:
    """The command in a mount namespace of its own, and a bpffs that only that one has."""
    point = tmp_path / "bpffs"
    point.mkdir()
    script = f"mount -t bpf bpf {point} && echo mounted && exec sleep infinity"
    with subprocess.Popen(
        [tool("unshare"), "--mount", "--propagation", "private", "sh", "-c", script],
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        try:
            assert holder.stdout
            assert holder.stdout.readline() == "mounted\n"
            yield Cli(cli.state, (tool("nsenter"), f"--mount=/proc/{holder.pid}/ns/mnt")), point
        finally:
            holder.kill()


@contextmanager
def counting() -> Iterator[LiveKernel]:
    """A kernel whose run statistics are on."""
    kernel = LiveKernel.open()
    kernel.count_runs(True)
    try:
        yield kernel
    finally:
        kernel.close()


def transfer(name: str, scratch: Path) -> None:
    """Send a file over loopback, both sides using this congestion control, and compare it."""
    source, copy = scratch / "sent", scratch / "received"
    source.write_bytes(FILE)
    with socket.socket() as listening, socket.socket() as client:
        for each in (listening, client):
            use(each, name)
            each.settimeout(20)
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        client.connect(listening.getsockname())
        accepted, _ = listening.accept()

        def receive() -> None:
            with accepted, copy.open("wb") as file:
                while data := accepted.recv(1 << 16):
                    file.write(data)

        receiver = threading.Thread(target=receive)
        receiver.start()
        with source.open("rb") as file:
            client.sendfile(file)
        used = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16)
        client.shutdown(socket.SHUT_WR)
        receiver.join(20)
    assert used.rstrip(b"\0").decode() == name
    assert hashlib.sha256(copy.read_bytes()).digest() == hashlib.sha256(FILE).digest()


def runs(kernel: LiveKernel, programs: Mapping[str, int]) -> dict[str, int]:
    """How often each member's program ran."""
    counts = kernel.run_counts(programs.values())
    return {member: counts[prog_id].run_cnt for member, prog_id in programs.items()}


# The way from a bare kernel and back.


@pytest.mark.parametrize("example", ["reno", "constant"])
def test_an_example_from_nothing_to_traffic_and_back_to_nothing(
    kit: Kit, cli: Cli, tmp_path: Path, example: str
) -> None:
    name = kit.name("stops_")
    made = cli.outcome("register", "--example", example, "--set", f"name={name}")
    assert (made["ok"], made["state"], made["link_id"]) == (True, "INUSE", 0)
    assert name in available()
    assert f'"{name}"' in bpftool.text("struct_ops", "dump", "id", str(made["map_id"]))
    programs = bpftool.Registered(made["map_id"], name).programs
    assert {f"program {id_}" for id_ in programs.values()} == {
        step["message"] for step in made["steps"] if step["call"] == "BPF_PROG_LOAD"
    }
    with counting() as kernel:
        before = runs(kernel, programs)
        transfer(name, tmp_path)
        after = runs(kernel, programs)
    assert after["cong_avoid"] > before["cong_avoid"]
    ended = cli.outcome("unregister", "name", name, "--yes")
    assert (ended["ok"], ended["map_id"]) == (True, made["map_id"])
    assert name not in available()
    assert eventually(lambda: not cli.left(kit)), cli.left(kit)


def test_the_audit_file_tells_every_call_to_its_owner_alone(kit: Kit, cli: Cli) -> None:
    name = kit.name()
    made = cli.outcome("register", "--example", "reno", "--set", f"name={name}")
    cli.outcome("unregister", "id", str(made["map_id"]), "--yes")
    assert [call["call"] for call in cli.audit] == [
        *["BPF_PROG_LOAD"] * 3,
        *["BPF_BTF_LOAD", "BPF_MAP_CREATE", "BPF_MAP_UPDATE_ELEM", "BPF_MAP_DELETE_ELEM"],
    ]
    file = cli.state / "stops-tui" / "audit.jsonl"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_programs_of_two_objects_make_a_third_map_that_carries_traffic(
    kit: Kit, cli: Cli, tmp_path: Path
) -> None:
    name = kit.name()
    program = bpf_object("cc")
    with (
        bpftool.registered(program, tmp_path, name=kit.name()) as one,
        bpftool.registered(program, tmp_path, name=kit.name()) as other,
    ):
        chosen = {
            "ssthresh": one.programs["ssthresh"],
            "cong_avoid": other.programs["cong_avoid"],
            "undo_cwnd": one.programs["undo_cwnd"],
        }
        options = [f"--prog={member}={prog_id}" for member, prog_id in chosen.items()]
        made = cli.outcome(
            "register", "--type", "tcp_congestion_ops", "--set", f"name={name}", *options
        )
        assert made["ok"]
        assert {name, one.name, other.name} <= set(available())
        assert bpftool.Registered(made["map_id"], name).programs == chosen
        with counting() as kernel:
            before = runs(kernel, chosen)
            transfer(name, tmp_path)
            after = runs(kernel, chosen)
        assert after["cong_avoid"] > before["cong_avoid"]
        assert cli.outcome("unregister", "name", name, "--yes")["ok"]
        assert eventually(lambda: not cli.left(kit))
        assert {one.name, other.name} <= set(available())


def test_a_pinned_link_lives_on_and_is_ended_by_its_pin(kit: Kit, bpffs: tuple[Cli, Path]) -> None:
    (cli, point), name = bpffs, kit.name()
    pin = f"{point}/{name}"
    made = cli.outcome(
        *("register", "--example", "reno", "--set", f"name={name}", "--link", "--pin", pin)
    )
    assert (made["state"], made["status"]) == ("READY", "attached")
    assert name in available()
    (found,) = cli.outcome("list", "id", str(made["map_id"]))
    assert (found["links"], found["link_pins"]) == ([made["link_id"]], [pin])
    refused = cli.outcome(*("register", "--example", "reno", "--set", f"name={name}"), exit_code=5)
    assert "is already registered" in refused["words"]
    ended = cli.outcome("unregister", "pinned", pin, "--yes")
    assert ended["ok"], ended["words"]
    assert name not in available()
    assert cli.outcome("unregister", "pinned", pin, "--yes", exit_code=1)["ok"] is False
    assert eventually(lambda: not cli.left(kit)), cli.left(kit)


def test_a_dry_run_and_a_question_without_an_answer_change_nothing(kit: Kit, cli: Cli) -> None:
    name = kit.name()
    tried = cli.outcome("register", "--example", "reno", "--set", f"name={name}", "--dry-run")
    assert (tried["ok"], tried["left"]) == (True, [])
    assert name not in available()
    assert eventually(lambda: not cli.left(kit))
    with kit.tcp_map() as ours:
        ended = cli.run("unregister", "id", str(ours.id))
        assert (ended.returncode, ended.stdout) == (2, "")
        assert "say --yes" in ended.stderr
        assert ours.state == "INUSE"


# Killed at every step.


@pytest.mark.parametrize("at", range(1, EXAMPLE_CALLS + 1))
def test_killed_before_any_call_of_a_plain_map_nothing_is_left(kit: Kit, cli: Cli, at: int) -> None:
    name = kit.name()
    register = ("register", "--example", "reno", "--set", f"name={name}")
    assert cli.signalled(*register, by=signal.SIGKILL, at=at).returncode == -signal.SIGKILL
    assert len(cli.audit) == at - 1
    assert name not in available()
    assert eventually(lambda: not cli.left(kit)), cli.left(kit)


def test_killed_after_it_was_registered_a_plain_map_stays_as_was_said(kit: Kit, cli: Cli) -> None:
    name = kit.name()
    register = ("register", "--example", "reno", "--set", f"name={name}")
    said = cli.run(*register, "--dry-run").stderr
    assert "a plain map outlives this program: it is registered until it is unregistered" in said
    ended = cli.signalled(*register, by=signal.SIGKILL, at=EXAMPLE_CALLS, after=True)
    assert ended.returncode == -signal.SIGKILL
    assert name in available()
    assert cli.outcome("unregister", "name", name, "--yes")["ok"]
    assert name not in available()


@pytest.mark.parametrize("at", range(1, EXAMPLE_CALLS + 3))
def test_killed_before_its_link_is_pinned_nothing_is_left(
    kit: Kit, bpffs: tuple[Cli, Path], at: int
) -> None:
    (cli, point), name = bpffs, kit.name()
    register = ("register", "--example", "reno", "--set", f"name={name}", "--link")
    ended = cli.signalled(*register, "--pin", f"{point}/{name}", by=signal.SIGKILL, at=at)
    assert ended.returncode == -signal.SIGKILL
    assert len(cli.audit) == at - 1
    assert eventually(lambda: name not in available())
    assert eventually(lambda: not cli.left(kit)), cli.left(kit)
    assert cli.outcome("unregister", "pinned", f"{point}/{name}", exit_code=1)["ok"] is False


def test_killed_after_its_link_was_pinned_it_stays_until_the_pin_is_removed(
    kit: Kit, bpffs: tuple[Cli, Path]
) -> None:
    (cli, point), name = bpffs, kit.name()
    pin = f"{point}/{name}"
    register = ("register", "--example", "reno", "--set", f"name={name}", "--link", "--pin", pin)
    ended = cli.signalled(*register, by=signal.SIGKILL, at=EXAMPLE_CALLS + 2, after=True)
    assert ended.returncode == -signal.SIGKILL
    assert name in available()
    assert cli.outcome("unregister", "pinned", pin, "--yes")["ok"]
    assert name not in available()


def test_killed_before_it_is_pinned_a_plain_map_is_registered_as_was_said(
    kit: Kit, bpffs: tuple[Cli, Path]
) -> None:
    (cli, point), name = bpffs, kit.name()
    pin = f"{point}/{name}"
    register = ("register", "--example", "reno", "--set", f"name={name}", "--pin", pin)
    ended = cli.signalled(*register, by=signal.SIGKILL, at=EXAMPLE_CALLS + 1)
    assert ended.returncode == -signal.SIGKILL
    assert name in available()
    assert cli.outcome("unregister", "pinned", pin, "--yes", exit_code=1)["ok"] is False
    assert cli.outcome("unregister", "name", name, "--yes")["ok"]


def test_killed_after_it_mounted_a_bpffs_only_that_stays_and_was_named(
    kit: Kit, bpffs: tuple[Cli, Path], tmp_path: Path
) -> None:
    (cli, _), name, folder = bpffs, kit.name(), tmp_path / "agreed"
    folder.mkdir()
    plan = tmp_path / "plan.toml"
    plan.write_text(
        f'type = "tcp_congestion_ops"\nname = "{name}"\nlink = true\n'
        f'pin = "{folder}/{name}"\nmount = "{folder}"\n[data]\nname = "{name}"\n[programs]\n'
        + "".join(f'{m} = "example:reno/{m}"\n' for m in ("ssthresh", "cong_avoid", "undo_cwnd"))
    )
    register = ("register", "--plan", str(plan))
    assert f"the bpffs mounted on {folder} stays" in cli.run(*register, "--dry-run").stderr
    ended = cli.signalled(*register, by=signal.SIGKILL, at=EXAMPLE_CALLS + 2)
    assert ended.returncode == -signal.SIGKILL
    mounts = subprocess.run(
        [*cli.prefix, "cat", "/proc/mounts"], capture_output=True, text=True, check=True
    ).stdout
    assert f" {folder} bpf " in mounts
    assert eventually(lambda: name not in available())
    assert eventually(lambda: not cli.left(kit)), cli.left(kit)


def test_killed_while_unregistering_it_can_be_ended_again(
    kit: Kit, bpffs: tuple[Cli, Path]
) -> None:
    (cli, point), name = bpffs, kit.name()
    pin = f"{point}/{name}"
    register = ("register", "--example", "reno", "--set", f"name={name}", "--link", "--pin", pin)
    assert cli.outcome(*register)["ok"]
    unregister = ("unregister", "pinned", pin, "--yes")
    assert cli.signalled(*unregister, by=signal.SIGKILL, at=1).returncode == -signal.SIGKILL
    assert name in available()
    ended = cli.signalled(*unregister, by=signal.SIGKILL, at=1, after=True)
    assert ended.returncode == -signal.SIGKILL
    assert name not in available()
    again = cli.outcome(*unregister)
    assert [step["call"] for step in again["steps"]] == ["unlink", "read back"]
    assert eventually(lambda: not cli.left(kit)), cli.left(kit)


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_other_signals_wait_until_all_is_done_and_told(
    kit: Kit, cli: Cli, by: signal.Signals
) -> None:
    name = kit.name()
    register = ("register", "--example", "reno", "--set", f"name={name}", "--json")
    ended = cli.signalled(*register, by=by, at=2)
    assert ended.returncode == -by
    made = json.loads(ended.stdout)
    assert (made["ok"], made["state"]) == (True, "INUSE")
    assert name in available()
    assert cli.outcome("unregister", "id", str(made["map_id"]), "--yes")["ok"]
