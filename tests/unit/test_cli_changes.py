"""register, unregister, swap and examples: what they take, ask, do and say, on the fake kernel."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from errno import EEXIST, EINVAL, EPERM
from pathlib import Path
from typing import Any

import pytest

from stops_tui import cli
from stops_tui.bpf.errors import BpfError
from stops_tui.cli.parser import parse
from stops_tui.kernels.kernel import Kernel, KernelUnreadable, Obstacle
from tests.support.clang import bpf_object
from tests.support.fake_kernel import FakeKernel

ROOT = Path(__file__).parents[2]
PIN = "/sys/fs/bpf/ours"
RENO = "register --example reno"
LINKED = f"{RENO} --set name=ours --link --pin {PIN}"

Run = Callable[[str], tuple[int, str, str]]
Loaded = Callable[[str], tuple[int, Any]]


@pytest.fixture(autouse=True)
def _own_audit_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def kernel() -> FakeKernel:
    return FakeKernel.busy()


@pytest.fixture
def run(kernel: FakeKernel, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line on the kernel: (exit code, standard output, standard error)."""

    def run(arguments: str) -> tuple[int, str, str]:
        exit_code = cli.run(parse(arguments.split()), lambda: kernel)
        assert not kernel.writes.armed
        assert kernel.writes.open_handles == []
        return exit_code, *capsys.readouterr()

    return run


@pytest.fixture
def loaded(run: Run) -> Loaded:
    """Run a command line with --json: (exit code, what it printed, parsed)."""

    def loaded(arguments: str) -> tuple[int, Any]:
        exit_code, out, _ = run(f"{arguments} --json")
        return exit_code, json.loads(out)

    return loaded


def commands(kernel: FakeKernel) -> list[str]:
    """What was sent to change the kernel."""
    return [call.command for call in kernel.writes.calls]


# The command line.


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ("register --prog 484", "--prog: say which member it is for, as in name=484"),
        ("register --set =x", "--set: say which member it is for"),
        ("register --pin= --example reno", "--pin: it is empty"),
        ("register --objects x.o", "unrecognized arguments: --objects"),
        ("unregister", "which one? Say id N, name X, link N or pinned PATH"),
        ("unregister 58", "say id or name or link or pinned before '58'"),
        ("unregister id x", "an id is a number, not 'x'; for a name say: name x"),
        ("unregister link x", "a link is a number, not 'x' (see"),
        ("unregister pinned", "pinned of what? As in: stops-tui unregister pinned /sys/fs/bpf/"),
        ("swap", "which link? As in: stops-tui swap link 22 map 61"),
        ("swap map 5", "say link before 'map'"),
        ("swap link 22", "which map? Say map M, or what it is made of"),
        ("swap link 22 61", "say map before '61'"),
        ("swap link 22 map", "map of what? As in: stops-tui swap link 22 map 61"),
        ("swap link 22 map x", "a map is a number, not 'x'"),
        ("swap link 22 map 61 --example reno", "is taken as it is: leave the other options out"),
        ("examples reno", "unrecognized arguments: reno"),
        ("--demo register --example reno", "open the app on it, as in: stops-tui --demo --write"),
        ("--demo unregister id 58", "the demo kernel ends with this command"),
        ("--demo swap link 22 map 61", "the demo kernel ends with this command"),
        ("--write register --example reno", "--write has no effect on register: leave it out"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_exit_2(
    arguments: str, error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(arguments.split())
    out, err = capsys.readouterr()
    assert (ended.value.code, out, err.count("\n")) == (2, "", 1)
    assert error in err


def test_examples_are_listed_with_what_this_kernel_lacks(run: Run, loaded: Loaded) -> None:
    exit_code, (reno, constant, fifo) = loaded("examples")
    assert exit_code == 0
    assert (reno["name"], reno["type"], reno["problem"]) == ("reno", "tcp_congestion_ops", "")
    assert reno["programs"]["ssthresh"] == "example:reno/ssthresh"
    assert (constant["data"], fifo["type"]) == ({"name": "stops_constant"}, "sched_ext_ops")
    exit_code, out, err = run("examples")
    assert (exit_code, err, len(out.splitlines())) == (0, "", 4)


# register


def test_an_example_is_registered_under_its_name(kernel: FakeKernel, loaded: Loaded) -> None:
    exit_code, found = loaded(RENO)
    assert exit_code == 0
    assert found["ok"]
    made = kernel.sweep().maps[found["map_id"]]
    assert made.name == "stops_reno"
    assert (found["link_id"], found["state"], found["status"]) == (0, "INUSE", "registered")
    assert [step["call"] for step in found["steps"]] == [
        *["BPF_PROG_LOAD"] * 3,
        "BPF_BTF_LOAD",
        "BPF_MAP_CREATE",
        "BPF_MAP_UPDATE_ELEM",
        "read back",
    ]
    assert all(step["ok"] and step["errno"] == step["log"] == "" for step in found["steps"])
    assert found["steps"][4]["message"] == f"map {made.id}"
    assert found["undo"] == [f"stops-tui unregister id {made.id}"]
    assert found["left"] == [f"map {made.id} stops_reno, registered"]
    assert any("outlives this program" in check["words"] for check in found["checks"])


def test_as_text_it_tells_what_stays_before_and_after(run: Run) -> None:
    exit_code, out, err = run(RENO)
    assert exit_code == 0
    assert err == (
        "stops-tui: a plain map outlives this program: it is registered until it is "
        "unregistered, or the host restarts\n"
    )
    lines = out.splitlines()
    assert lines[0].split() == ["CALL", "OF", "RESULT"]
    assert lines[1].split()[:3] == ["ok", "BPF_PROG_LOAD", "ssthresh"]
    assert lines[-2].startswith("Registered: map ")
    assert lines[-1].startswith("To undo it: stops-tui unregister id ")


def test_every_change_is_in_the_audit_file(run: Run, kernel: FakeKernel, tmp_path: Path) -> None:
    run(RENO)
    run("unregister name stops_reno --yes")
    file = tmp_path / "state" / "stops-tui" / "audit.jsonl"
    told = [json.loads(line) for line in file.read_text().splitlines()]
    assert [each["call"] for each in told] == commands(kernel)
    assert told[-1]["call"] == "BPF_MAP_DELETE_ELEM"


def test_what_is_given_goes_over_the_example(kernel: FakeKernel, loaded: Loaded) -> None:
    arguments = "--set name=x --set name=a.rather_long_1 --set flags=0x2 --prog ssthresh=25"
    exit_code, found = loaded(f"{RENO} --prog init=24 {arguments}")
    assert exit_code == 0
    made = kernel.sweep().maps[found["map_id"]]
    assert made.name == "a.rather_long_1"
    _, (value,) = loaded(f"list id {made.id}")
    members = {name: each["prog_id"] for name, each in value["members"].items()}
    assert (members["ssthresh"], members["init"]) == (25, 24)
    assert kernel.program(members["cong_avoid"])


def test_a_map_may_be_named_other_than_its_congestion_control(
    kernel: FakeKernel, loaded: Loaded
) -> None:
    _, found = loaded(f"{RENO} --name mine --set name=lab2")
    assert kernel.sweep().maps[found["map_id"]].name == "mine"


def test_members_alone_make_a_map(kernel: FakeKernel, loaded: Loaded) -> None:
    kernel.pin("/sys/fs/bpf/undo", "prog", 29)
    exit_code, found = loaded(
        "register --type tcp_congestion_ops --set name=lab3 --prog ssthresh=25 "
        "--prog cong_avoid=example:reno/cong_avoid --prog undo_cwnd=/sys/fs/bpf/undo"
    )
    assert exit_code == 0, found["words"]
    calls = [step["call"] for step in found["steps"][:3]]
    assert sorted(calls) == ["BPF_OBJ_GET", "BPF_PROG_GET_FD_BY_ID", "BPF_PROG_LOAD"]


def test_a_link_needs_a_pin_here(kernel: FakeKernel, run: Run, loaded: Loaded) -> None:
    for arguments in (f"{RENO} --link", f"{RENO} --link --dry-run"):
        exit_code, out, err = run(arguments)
        assert (exit_code, out) == (2, "")
        assert "pin it (--pin PATH), or make a plain map (without --link)" in err
    assert commands(kernel) == []
    exit_code, found = loaded(LINKED)
    assert exit_code == 0
    assert (found["state"], found["status"]) == ("READY", "attached")
    assert kernel.sweep().links[found["link_id"]].map_id == found["map_id"]
    assert [(pin.kind, pin.id) for pin in kernel.holders().pins if pin.path == PIN] == [
        ("link", found["link_id"])
    ]
    assert found["undo"] == [f"stops-tui unregister pinned {PIN}"]


def test_a_plan_file_is_registered_and_may_be_changed(
    kernel: FakeKernel, loaded: Loaded, tmp_path: Path
) -> None:
    file = tmp_path / "plan.toml"
    file.write_text(
        'type = "tcp_congestion_ops"\nname = "fromfile"\nlink = true\n'
        f'pin = "{PIN}"\n[programs]\nssthresh = 25\ncong_avoid = 26\n'
        'undo_cwnd = "example:reno/undo_cwnd"\n[data]\nname = "fromfile"\n'
    )
    exit_code, found = loaded(f"register --plan {file} --set name=other --pin {PIN}2")
    assert exit_code == 0, found["words"]
    assert kernel.sweep().maps[found["map_id"]].name == "fromfile"
    assert [pin.path for pin in kernel.holders().pins if pin.id == found["link_id"]] == [f"{PIN}2"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("type = 5\nname = 'x'\n", "plan.toml, line 1: type: it is to be text"),
        ("type = 'tcp_congestion_ops'\n", "plan.toml: the key name is missing"),
        ("type = 'tcp_congestion_ops'\nname = 'x'\n[data]\nnam = 'x'\n", "plan.toml: data.nam: "),
        ("type = 'tcp_congestion_ops'\nname = 'x'\n[data]\nflags = 'y'\n", "data.flags: flags: "),
        (
            "type = 'tcp_congestion_ops'\nname = 'x'\n[programs]\nssthresh = 'y'\n",
            "plan.toml, line 4: programs.ssthresh: 'y' is no program",
        ),
        (
            "type = 'tcp_congestion_ops'\nname = 'x'\n[programs]\nnam = 5\n",
            'plan.toml: programs.nam: tcp_congestion_ops has no member "nam"',
        ),
        ("type = 'tcp_congestion_ops'\nname = 'x'\nlink = true\n", "an unpinned link would end"),
        (
            "type = 'tcp_congestion_ops'\nname = 'x'\nreplace_link = 22\n",
            "say stops-tui swap link 22 --plan",
        ),
        ("type =", "plan.toml: "),
    ],
)
def test_what_is_wrong_with_a_plan_file_is_told_with_its_place(
    run: Run, kernel: FakeKernel, tmp_path: Path, text: str, says: str
) -> None:
    file = tmp_path / "plan.toml"
    file.write_text(text)
    exit_code, out, err = run(f"register --plan {file}")
    assert (exit_code, out, err.count("\n")) == (2, "", 1)
    assert says in err
    assert commands(kernel) == []


def test_a_file_that_cannot_be_read_is_told(loaded: Loaded, run: Run, tmp_path: Path) -> None:
    exit_code, found = loaded(f"register --plan {tmp_path}/absent.toml")
    assert exit_code == 2
    assert found["words"].startswith(f"{tmp_path}/absent.toml: No such file")
    (tmp_path / "latin.toml").write_bytes(b"type = '\xff'")
    exit_code, _, err = run(f"register --plan {tmp_path}/latin.toml")
    assert exit_code == 2
    assert "it is not text in UTF-8, at byte 8" in err


@pytest.mark.parametrize(
    ("arguments", "exit_code", "says"),
    [
        ("", 2, "which type? Say --type T, or take an --example NAME, a --plan FILE"),
        ("--example reno --plan x", 2, "take --example or --plan, not both"),
        ("--example ren", 1, 'there is no example "ren": did you mean reno?'),
        ("--example zzz", 1, "there are reno, constant, fifo"),
        ("--type tcp_congestion", 1, "did you mean tcp_congestion_ops?"),
        ("--type zzz", 1, "it offers "),
        ("--example reno --type hid_bpf_ops", 2, "example reno implements tcp_congestion_ops"),
        ("--example reno --prog ssthres=25", 2, "did you mean ssthresh?"),
        ("--example reno --prog zzz=25", 2, "see stops-tui types tcp_congestion_ops"),
        ("--example reno --prog name=25", 2, "name is a data member, not a function"),
        ("--example reno --prog ssthresh=foo", 2, "give its id, the path of a pin, example:"),
        ("--example reno --prog ssthresh=9999", 1, "there is no struct_ops program 9999"),
        ("--example reno --prog ssthresh=/x", 1, "nothing is pinned at /x"),
        ("--example reno --prog ssthresh=example:reno/zzz", 1, "see `stops-tui examples`"),
        ("--example reno --prog ssthresh=26", 2, "serves cong_avoid in map 58"),
        ("--example reno --prog ssthresh=40", 2, "implements a member of sched_ext_ops"),
        ("--example reno --set nam=x", 2, "did you mean name?"),
        ("--example reno --set ssthresh=25", 2, "ssthresh is a function, not a data member"),
        ("--example reno --set key=5", 2, "key: it may not be set: the kernel computes it"),
        ("--example reno --set key=5", 2, "; set name"),
        ("--example reno --set name=a-b", 2, "letters, digits, _ and . only, not '-'"),
        ("--example reno --set name=0123456789abcdef", 2, "it may have 15 bytes at most"),
        ("--example reno --set flags=many", 2, "'many' is not a number"),
        ("--example reno --name a-b", 2, "the map's name: it may have letters"),
        ("--type tcp_congestion_ops --set name=x", 2, "ssthresh is mandatory"),
        ("--type bpf_dummy_ops", 2, "the kernel never registers it"),
        ("--example reno --set name=cubic", 5, "is already registered"),
        ("--example reno --pin /tmp/x", 2, "/tmp/x is in no bpffs"),
        ("--example reno --pin /sys/fs/bpf/[bold]lab", 2, "already: choose another path"),
    ],
)
def test_what_cannot_be_registered_is_one_line_and_nothing_is_sent(
    kernel: FakeKernel, run: Run, loaded: Loaded, arguments: str, exit_code: int, says: str
) -> None:
    ended, out, err = run(f"register {arguments}")
    assert (ended, out, err.count("\n")) == (exit_code, "", 1)
    assert says in err
    ended, found = loaded(f"register {arguments}")
    assert ended == exit_code
    assert (found["ok"], found["steps"], found["map_id"]) == (False, [], 0)
    assert says in found["words"]
    assert commands(kernel) == []


def test_without_capabilities_it_is_exit_3(kernel: FakeKernel, loaded: Loaded) -> None:
    kernel.conditions_now = kernel.conditions_now._replace(capabilities=frozenset({"CAP_CHOWN"}))
    exit_code, found = loaded(RENO)
    assert exit_code == 3
    assert "CAP_BPF is missing" in found["words"]
    assert any(check["level"] == "failed" for check in found["checks"])


def test_an_example_that_this_kernel_cannot_run_is_exit_4(
    loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "stops_tui.struct_ops.examples.unavailable", lambda *_: "this kernel has no such thing"
    )
    exit_code, found = loaded(RENO)
    assert (exit_code, found["words"]) == (4, "example reno: this kernel has no such thing")


def test_a_refusal_is_exit_5_with_its_errno_and_leaves_nothing(
    kernel: FakeKernel, run: Run, loaded: Loaded
) -> None:
    before = kernel.sweep()
    kernel.writes.refuse("BPF_MAP_UPDATE_ELEM", EEXIST)
    exit_code, found = loaded(RENO)
    assert exit_code == 5
    assert (found["ok"], found["map_id"], found["left"], found["undo"]) == (False, 0, [], [])
    (failed,) = [step for step in found["steps"] if not step["ok"]]
    assert (failed["call"], failed["errno"]) == ("BPF_MAP_UPDATE_ELEM", "EEXIST")
    assert "choose another name" in failed["message"]
    assert kernel.sweep() == before
    kernel.writes.refuse("BPF_PROG_LOAD", EINVAL, "no", "R0 !read_ok\n\x1b[2Jprocessed 1 insn")
    exit_code, out, err = run(RENO)
    assert exit_code == 5
    assert out.splitlines()[1].split()[:2] == ["failed", "BPF_PROG_LOAD"]
    assert "stops-tui: 1 BPF_PROG_LOAD: EINVAL. No. Nothing was left behind." in err
    assert "stops-tui: BPF_PROG_LOAD: \\x1b[2Jprocessed 1 insn" in err
    assert kernel.sweep() == before


def test_a_dry_run_registers_nothing(kernel: FakeKernel, loaded: Loaded) -> None:
    before = kernel.sweep()
    exit_code, found = loaded(f"{RENO} --dry-run")
    assert (exit_code, found["ok"], found["undo"], found["left"]) == (0, True, [], [])
    assert found["words"].startswith("The kernel accepts it; nothing was registered.")
    assert kernel.sweep() == before
    exit_code, found = loaded("register --type smc_hs_ctrl --set name=dry --dry-run")
    assert (exit_code, found["steps"]) == (0, [])
    assert "Only the checks ran, and passed" in found["words"]


def unreadable() -> Kernel:
    raise KernelUnreadable([Obstacle("CAP_SYS_ADMIN is missing", "all", "sudo it", 3)])


def refused() -> Kernel:
    raise BpfError("BPF_MAP_GET_NEXT_ID", EPERM)


@pytest.mark.parametrize("open_kernel", [unreadable, refused])
@pytest.mark.parametrize("arguments", [RENO, "unregister id 5 --yes", "swap link 1 map 2"])
def test_json_is_an_outcome_even_where_the_kernel_cannot_be_read(
    open_kernel: Any, arguments: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(parse([*arguments.split(), "--json"]), open_kernel) == 3
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert (found["ok"], found["map_id"], found["steps"]) == (False, 0, [])
    assert err == f"stops-tui: {found['words']}\n"


# unregister


def test_a_plain_map_is_unregistered_by_id_or_name(kernel: FakeKernel, loaded: Loaded) -> None:
    _, made = loaded(RENO)
    exit_code, found = loaded("unregister name stops_reno --yes")
    assert (exit_code, found["ok"], found["map_id"]) == (0, True, made["map_id"])
    assert made["map_id"] not in kernel.sweep().maps
    exit_code, found = loaded("unregister id 58 --yes")
    assert (exit_code, found["state"], found["status"]) == (0, "TOBEFREE", "unregistered, held")
    assert found["left"] == ["map 58 dctcp (unregistered, held)"]
    assert "stays until the 5 who use it end" in found["words"]


@pytest.mark.parametrize("by", ["id", "name", "link", "pinned"])
def test_a_link_map_loses_its_link_and_its_pin(kernel: FakeKernel, loaded: Loaded, by: str) -> None:
    before = kernel.sweep()
    _, made = loaded(LINKED)
    chosen = {"id": made["map_id"], "name": "ours", "link": made["link_id"], "pinned": PIN}[by]
    exit_code, found = loaded(f"unregister {by} {chosen} --yes")
    assert exit_code == 0, found["words"]
    assert [step["call"] for step in found["steps"]] == [
        "BPF_LINK_GET_FD_BY_ID",
        "BPF_LINK_DETACH",
        "unlink",
        "read back",
    ]
    assert kernel.sweep().maps == before.maps
    assert kernel.sweep().links == before.links
    assert PIN not in [pin.path for pin in kernel.holders().pins]


def test_the_pin_of_a_plain_map_stands_for_it(kernel: FakeKernel, loaded: Loaded) -> None:
    _, made = loaded(f"{RENO} --pin {PIN}")
    exit_code, found = loaded(f"unregister pinned {PIN} --yes")
    assert (exit_code, found["map_id"], found["left"]) == (0, made["map_id"], [])
    assert PIN not in [pin.path for pin in kernel.holders().pins]


@pytest.mark.parametrize(
    ("arguments", "exit_code", "says"),
    [
        ("id 9999", 1, "there is no struct_ops map 9999"),
        ("name zzz", 1, "no struct_ops map has name zzz"),
        ("link 9999", 1, "there is no struct_ops link 9999"),
        ("pinned /sys/fs/bpf/zzz", 1, "nothing is pinned at /sys/fs/bpf/zzz"),
        ("pinned /sys/../sys//fs/bpf/zzz", 1, "nothing is pinned at /sys/fs/bpf/zzz"),
        ("id 61", 5, "map 61 cubic_old is not registered: it is unregistered, held"),
        ("id 80", 5, "map 80 lab is not registered: it is ready, not attached"),
        ("id 82", 5, "map 82 fresh is not registered: it is initialised"),
    ],
)
def test_what_cannot_be_unregistered_is_told_and_nothing_is_sent(
    kernel: FakeKernel, run: Run, loaded: Loaded, arguments: str, exit_code: int, says: str
) -> None:
    ended, out, err = run(f"unregister {arguments} --yes")
    assert (ended, out, err.count("\n")) == (exit_code, "", 1)
    assert says in err
    ended, found = loaded(f"unregister {arguments} --yes")
    assert (ended, found["ok"], found["steps"]) == (exit_code, False, [])
    assert says in found["words"]
    assert commands(kernel) == []


def test_a_name_that_several_maps_have_is_exit_2_with_their_ids(
    kernel: FakeKernel, loaded: Loaded
) -> None:
    kernel.add_map(91, "dctcp", state="TOBEFREE", refcnt=2)
    exit_code, found = loaded("unregister name dctcp --yes")
    assert exit_code == 2
    assert "id 58 dctcp (registered), id 91 dctcp (unregistered, held)" in found["words"]
    assert commands(kernel) == []


def test_a_name_is_also_the_one_that_the_subsystem_knows(
    kernel: FakeKernel, loaded: Loaded
) -> None:
    kernel.add_map(91, "bpf_dctcp", state="TOBEFREE", refcnt=2)
    exit_code, found = loaded("unregister name bpf_dctcp --yes")
    assert exit_code == 2
    assert "id 58 dctcp (registered), id 91 bpf_dctcp (unregistered, held)" in found["words"]
    assert commands(kernel) == []
    kernel.remove(91)
    exit_code, found = loaded("unregister name bpf_dctcp --yes")
    assert (exit_code, found["ok"], found["map_id"]) == (0, True, 58)


def test_without_a_terminal_and_without_yes_nothing_is_done(
    kernel: FakeKernel, run: Run, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", None)
    _, made = loaded(LINKED)
    kernel.writes.calls.clear()
    for arguments in ("unregister id 58", f"swap link {made['link_id']} --example reno "
                      "--set name=ours"):  # fmt: skip
        exit_code, out, err = run(arguments)
        assert (exit_code, out) == (2, "")
        assert "there is no terminal to ask on: say --yes. Nothing was done." in err
        exit_code, found = loaded(arguments)
        assert (exit_code, found["ok"], found["steps"]) == (2, False, [])
        assert found["map_id"] == (58 if "58" in arguments else made["map_id"])
    assert commands(kernel) == []


def on_a_terminal(arguments: str, answer: str, tmp_path: Path) -> tuple[int, str, str]:
    """Run it in a process of its own that asks on a terminal; what it asked there comes last."""
    ours, theirs = pty.openpty()
    os.write(ours, answer.encode())
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.cli_on_fake_kernel", *arguments.split()],
        cwd=ROOT,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
        env=os.environ | {"XDG_STATE_HOME": str(tmp_path)},
    ) as process:
        assert process.stdout
        out = process.stdout.read()
        exit_code = process.wait(timeout=30)
    os.close(theirs)
    asked = b""
    with suppress(OSError):  # EIO: all of it was read
        while part := os.read(ours, 1 << 16):
            asked += part
    os.close(ours)
    return exit_code, out, asked.decode()


@pytest.mark.parametrize("answer", ["\n", "n\n", "\x04", "yess\n", "Y E S\n"])
def test_no_is_the_answer_unless_it_is_yes(answer: str, tmp_path: Path) -> None:
    exit_code, out, asked = on_a_terminal("unregister id 58 --json", answer, tmp_path)
    assert exit_code == 2
    found = json.loads(out)
    assert (found["ok"], found["map_id"], found["steps"]) == (False, 58, [])
    assert "Not confirmed: nothing was done." in asked


def test_the_question_names_the_map_and_who_holds_it(tmp_path: Path) -> None:
    exit_code, out, asked = on_a_terminal("unregister id 58", "y\n", tmp_path)
    assert exit_code == 0
    assert "Unregistered: map 58 dctcp" in out
    assert "5 who use it now keep it until they end" in asked
    assert (
        "Unregister map 58 dctcp (tcp_congestion_ops, registered); held by 5 in the subsystem? "
        "[N/y]"
    ) in asked
    exit_code, out, asked = on_a_terminal("unregister link 22", "YES\n", tmp_path)
    assert exit_code == 0
    assert (
        "Unregister map 72 simple (sched_ext_ops, ejected); held by scx_simple 812; "
        "detach link 22? [N/y]"
    ) in asked
    _, _, asked = on_a_terminal("unregister id 83", "\n", tmp_path)
    assert "detach link 23; remove /sys/fs/bpf/mouse? [N/y]" in asked


def test_what_is_the_default_of_a_namespace_warns_of_that(kernel: FakeKernel, run: Run) -> None:
    kernel.conditions_now = kernel.conditions_now._replace(congestion_default="bpf_dctcp")
    _, _, err = run("unregister id 58 --yes")
    assert "sysctl net.ipv4.tcp_congestion_control=" in err


def test_what_changed_while_it_was_asked_is_left_alone(
    kernel: FakeKernel, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answered(*_: object, **__: object) -> None:
        kernel.set(58, state="TOBEFREE", refcnt=5)

    monkeypatch.setattr("stops_tui.report.unregister.ask", answered)
    exit_code, found = loaded("unregister id 58")
    assert (exit_code, found["ok"], found["steps"]) == (5, False, [])
    assert "was INUSE when you looked and is TOBEFREE now" in found["words"]
    assert commands(kernel) == []


# swap


def test_a_map_that_is_there_takes_the_place(kernel: FakeKernel, loaded: Loaded) -> None:
    _, made = loaded(LINKED)
    kernel.add_map(95, "other", state="READY", refcnt=0, members={"name": b"ours"})
    kernel.pin("/sys/fs/bpf/other", "map", 95)
    kernel.pin("/sys/fs/bpf/old", "map", made["map_id"])
    link_id = made["link_id"]
    exit_code, found = loaded(f"swap link {link_id} map 95 --dry-run")
    assert (exit_code, found["steps"]) == (0, [])
    exit_code, found = loaded(f"swap link {link_id} map 95 --yes")
    assert exit_code == 0, found["words"]
    assert (found["map_id"], found["link_id"], found["status"]) == (95, link_id, "attached")
    assert kernel.sweep().links[link_id].map_id == 95
    assert found["undo"] == [f"stops-tui swap link {link_id} map {made['map_id']}"]


def test_a_new_map_takes_the_place_of_one_that_ends(kernel: FakeKernel, loaded: Loaded) -> None:
    _, made = loaded(LINKED)
    link_id = made["link_id"]
    swap = f"swap link {link_id} --example constant --set name=ours"
    exit_code, found = loaded(f"{swap} --dry-run")
    assert (exit_code, kernel.sweep().links[link_id].map_id) == (0, made["map_id"])
    exit_code, found = loaded(f"{swap} --yes")
    assert exit_code == 0, found["words"]
    assert kernel.sweep().links[link_id].map_id == found["map_id"] != made["map_id"]
    assert made["map_id"] not in kernel.sweep().maps
    assert found["undo"] == []


def test_a_link_that_changed_while_it_was_asked_keeps_what_it_has(
    kernel: FakeKernel, loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, made = loaded(LINKED)
    link_id = made["link_id"]
    kernel.add_map(95, "other", state="READY", refcnt=0, members={"name": b"ours"})
    kernel.pin("/sys/fs/bpf/other", "map", 95)

    def answered(*_: object, **__: object) -> None:
        kernel.add_link(link_id, 95)

    monkeypatch.setattr("stops_tui.report.swap.ask", answered)
    exit_code, found = loaded(f"swap link {link_id} --example constant --set name=ours")
    assert (exit_code, found["steps"][-1]["errno"]) == (5, "EPERM")
    assert kernel.sweep().links[link_id].map_id == 95
    assert found["left"] == []


def test_a_failed_swap_leaves_nothing(kernel: FakeKernel, loaded: Loaded) -> None:
    _, made = loaded(LINKED)
    before = kernel.sweep()
    kernel.writes.refuse("BPF_LINK_UPDATE", EINVAL)
    exit_code, found = loaded(
        f"swap link {made['link_id']} --example constant --set name=ours --yes"
    )
    assert (exit_code, found["ok"]) == (5, False)
    assert found["steps"][-1]["errno"] == "EINVAL"
    assert kernel.sweep().maps == before.maps
    assert kernel.sweep().links == before.links


@pytest.mark.parametrize(
    ("arguments", "exit_code", "says"),
    [
        ("link 9999 map 58", 1, "there is no struct_ops link 9999"),
        ("link LINK map 9999", 1, "there is no struct_ops map 9999"),
        ("link LINK map MAP", 5, "to replace a map by itself can stop the kernel"),
        ("link LINK map 58", 5, "map 58 is INUSE: only a map made for links"),
        ("link LINK --example reno", 5, "only one of the same name can take its place"),
        ("link 22 --type sched_ext_ops --set name=simple", 5, "unregister, then register"),
        ("link LINK --example reno --set name=ours --pin /sys/fs/bpf/x", 2, "leave the pin out"),
    ],
)
def test_what_cannot_be_swapped_never_reaches_the_kernel(
    kernel: FakeKernel, loaded: Loaded, arguments: str, exit_code: int, says: str
) -> None:
    _, made = loaded(LINKED)
    kernel.writes.calls.clear()
    arguments = arguments.replace("LINK", str(made["link_id"])).replace("MAP", str(made["map_id"]))
    ended, found = loaded(f"swap {arguments} --yes")
    assert (ended, found["ok"], found["steps"]) == (exit_code, False, [])
    assert says in found["words"]
    assert commands(kernel) == []


# Object files.


@pytest.mark.parametrize(
    ("arguments", "exit_code", "says"),
    [
        ("--object /nowhere.o", 1, "/nowhere.o: No such file or directory"),
        ("--object /", 1, "/: it is a directory"),
        ("--object {plain}", 1, "{plain} has no struct_ops: see stops-tui object {plain}"),
        ("--object {pair}", 2, "has several struct_ops: meek, bold. Say which: --map NAME, for"),
        ("--object {pair} --map mee", 1, 'no struct_ops variable "mee": did you mean meek?'),
        ("--object {pair} --map zzz", 1, 'no struct_ops variable "zzz": it has meek, bold'),
        (
            "--object {pair} --map meek --prog undo_cwnd=undon",
            1,
            'undo_cwnd: {pair} has no program "undon": did you mean undone?',
        ),
        (
            "--object {pair} --map meek --prog undo_cwnd=zzz",
            1,
            '{pair} has no program "zzz": it has by_half, by_eighth, grown, undone',
        ),
        ("--map meek --example reno", 2, "--map names a variable of an object file: say --object"),
        ("--object {pair} --example reno", 2, "--object says all: leave --type, --example and"),
        (
            "--object {pair} --map meek --map bold --set name=x",
            2,
            "name of which map? Say it as in meek.name=x",
        ),
        (
            "--object {pair} --map meek --set bolt.name=x",
            2,
            'no map "bolt" is registered here: there are meek',
        ),
        ("--object {pair} --map meek --map bold --name x", 2, "several maps cannot all have one"),
        ("--object {pair} --map meek --set nam=x", 2, "did you mean name?"),
    ],
)
def test_what_is_wrong_with_an_order_of_an_object_is_one_line(
    kernel: FakeKernel, run: Run, arguments: str, exit_code: int, says: str
) -> None:
    files = {name: str(bpf_object(name)) for name in ("plain", "pair")}
    ended, out, err = run(f"register {arguments.format(**files)}")
    assert (ended, out, err.count("\n")) == (exit_code, "", 1)
    assert says.format(**files) in err
    assert commands(kernel) == []


def test_swap_takes_one_map_of_an_object(kernel: FakeKernel, run: Run) -> None:
    kernel.set(80, refcnt=1)
    kernel.add_link(30, 80)
    path = bpf_object("pair")
    ended, out, err = run(f"swap link 30 --object {path} --map meek --map bold --yes")
    assert (ended, out) == (2, "")
    assert err == "stops-tui: only one map can take the place: say --map once\n"
    assert commands(kernel) == []
