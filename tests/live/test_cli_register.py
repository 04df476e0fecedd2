"""register and unregister as scripts use them: they end, are killed at every step, leave pins."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
from pathlib import Path

import pytest

from tests.support.command import Cli
from tests.support.live import Kit, available, eventually

EXAMPLE_CALLS = 6
"""Calls that change the kernel when reno is registered by a plain map: three programs, BTF, map,
value. A link is the seventh, and a pin the last one."""


# The way from a bare kernel and back.


def test_an_example_from_nothing_and_back_to_nothing(kit: Kit, cli: Cli) -> None:
    name = kit.name("stops_")
    made = cli.outcome("register", "--example", "reno", "--set", f"name={name}")
    assert (made["ok"], made["state"], made["link_id"]) == (True, "INUSE", 0)
    assert name in available()
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
