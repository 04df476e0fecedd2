"""The command line: what it takes, what it says, how it ends."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EINVAL, EPERM
from pathlib import Path
from typing import Any

import pytest

from stops_tui import __version__, cli
from stops_tui.bpf.errors import BpfError
from stops_tui.cli.parser import SHELLS, build_parser, parse
from stops_tui.kernels.kernel import Kernel, KernelUnreadable, Obstacle
from tests.support.fake_kernel import FakeKernel

ROOT = Path(__file__).parents[2]
FAKE = [sys.executable, "-m", "tests.support.cli_on_fake_kernel"]


def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """The command, in a process of its own, on the simulated kernel."""
    return subprocess.run(
        [*FAKE, *arguments],
        cwd=ROOT,
        text=True,
        timeout=30,
        stdin=subprocess.DEVNULL,
        **({"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options),
    )


@contextmanager
def started(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [*FAKE, *arguments],
        cwd=ROOT,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("arguments", "select"),
    [
        ("list", None),
        ("list id 58", ("id", 58)),
        ("list name 58", ("name", "58")),
        ("list --json type tcp_congestion_ops", ("type", "tcp_congestion_ops")),
        ("dump name x --json", ("name", "x")),
        ("prog id 4294967295", ("id", 4294967295)),
    ],
)
def test_objects_are_chosen_by_id_name_or_type(arguments: str, select: object) -> None:
    assert parse(arguments.split()).select == select


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ("lst", "stops-tui: invalid choice: 'lst'"),
        ("list 58", "stops-tui list: say id or name or type before '58'"),
        ("list id", "stops-tui list: id of what? As in: stops-tui list id 58"),
        ("list id dctcp", "an id is a number, not 'dctcp'; for a name say: name dctcp"),
        ("list id -1", "-1"),
        ("list id ²", "an id is a number"),
        ("dump type tcp_congestion_ops", "say id or name before 'type'"),
        ("prog", "which one? Say id N or name X, as in: stops-tui prog id 25"),
        ("prog id 1 --xlated --jited", "not allowed with argument --xlated"),
        ("watch --duration -1", "expected a number of seconds, as in 60"),
        ("watch --duration nan", "expected a number of seconds, as in 60"),
        ("watch --interval 0", "expected 0.1 to 3600 seconds, not '0'"),
        ("--interval soon", "expected 0.1 to 3600 seconds, not 'soon'"),
        ("completion tcsh", "invalid choice: 'tcsh'"),
        ("list --jsn", "unrecognized arguments: --jsn"),
        ("examples \x1b]0;x", "unrecognized arguments: \\x1b]0;x"),
        ("--speed 5", "--speed is of the demo kernel: add --demo"),
        ("--seed 0", "--seed is of the demo kernel: add --demo"),
        ("list --seed 3", "--seed is of the demo kernel: add --demo"),
        ("--write list", "--write has no effect on list: leave it out"),
        ("--interval 5 replay x", "--interval has no effect on replay: leave it out"),
        ("--demo replay x", "--demo has no effect on replay: leave it out"),
        ("--demo --seed 3 object x", "--demo has no effect on object: leave it out"),
        ("list --demo --replay x", "Say --demo or --replay FILE"),
        ("list --at +1", "--at needs a recording: add --replay FILE"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_exit_2(
    arguments: str, error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(arguments.split())
    out, err = capsys.readouterr()
    assert ended.value.code == 2
    assert out == ""
    assert err.count("\n") == 1
    assert error in err
    assert "--help)" in err


def test_options_of_the_demo_may_stand_before_or_after_the_verb() -> None:
    for arguments in ("--demo --seed 0 --speed 5 list", "list --demo --seed 0 --speed 5"):
        found = parse(arguments.split())
        assert (found.demo, found.seed, found.speed) == (True, 0, 5.0)
    found = parse(["--demo", "list"])
    assert (found.seed, found.speed) == (1, 1.0)
    assert [parse(each.split()).speed for each in ("replay x", "replay x --speed 5",
            "--speed 5 replay x")] == [1.0, 5.0, 5.0]  # fmt: skip


def test_the_interval_may_stand_before_or_after_the_verb() -> None:
    assert parse(["--interval", "5", "watch"]).interval == 5
    assert parse(["watch", "--interval", "5"]).interval == 5
    assert parse(["watch"]).interval is None


@pytest.mark.parametrize(
    ("verb", "words"),
    [("list", "the id, the name or the type"), ("dump", "the id or the name"),
     ("unregister", "the id, the name or the path"), ("swap", "the id")],
)  # fmt: skip
def test_help_says_what_may_be_chosen(
    verb: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parse([verb, "--help"])
    assert re.search(rf"WHICH +{words}\n", capsys.readouterr().out)


def test_help_has_examples_for_every_verb(capsys: pytest.CaptureFixture[str]) -> None:
    verbs = ["list", "dump", "types", "progs", "prog", "watch", "config", "completion"]
    verbs += ["register", "unregister", "swap", "examples"]
    for arguments in [["--help"], *([verb, "--help"] for verb in verbs)]:
        with pytest.raises(SystemExit) as ended:
            parse(arguments)
        out = capsys.readouterr().out
        assert ended.value.code == 0
        assert f"stops-tui {arguments[0].replace('--help', 'list')}" in out.split("examples:")[1]


def test_the_version_is_the_packages() -> None:
    ended = run("--version")
    assert (ended.returncode, ended.stdout) == (0, f"stops-tui {__version__}\n")


def test_without_a_terminal_the_app_does_not_open_and_names_list() -> None:
    ended = run()
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "stops-tui list" in ended.stderr
    assert ended.stderr.count("\n") == 1


MODULES = """
import sys
from stops_tui.cli import run
from stops_tui.cli.parser import parse
from tests.support.fake_kernel import FakeKernel
run(parse(sys.argv[1:]), FakeKernel.busy)
print(*{name.partition(".")[0] for name in sys.modules}, file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("arguments", "absent"),
    [
        ("list", {"textual", "shtab", "capstone", "platformdirs"}),
        ("list --json", {"textual", "rich", "shtab", "capstone", "platformdirs", "tomllib"}),
        ("holders id 58 --json", {"textual", "rich", "shtab", "capstone", "tomllib"}),
        ("dump --json", {"textual", "rich", "shtab", "capstone", "platformdirs", "tomllib"}),
        ("types --json", {"textual", "rich", "shtab", "capstone", "platformdirs", "tomllib"}),
        ("progs --json", {"textual", "rich", "shtab", "capstone", "platformdirs", "tomllib"}),
        ("prog id 25", {"textual", "shtab", "platformdirs"}),
        ("watch --duration 0", {"textual", "rich", "shtab"}),
        ("config", {"textual", "shtab", "cffi"}),
        ("examples --json", {"textual", "rich", "shtab", "capstone", "platformdirs", "tomllib"}),
        ("register --example reno --json", {"textual", "rich", "shtab", "capstone", "tomllib"}),
        ("unregister id 58 --yes --json", {"textual", "rich", "shtab", "capstone", "tomllib"}),
        ("completion bash", {"textual", "rich", "cffi"}),
    ],
)
def test_a_report_imports_no_more_than_it_needs(
    arguments: str, absent: set[str], tmp_path: Path
) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", MODULES, *arguments.split()],
        cwd=ROOT, capture_output=True, text=True, timeout=30, check=True,
        env=os.environ | {"XDG_STATE_HOME": str(tmp_path)},
    )  # fmt: skip
    assert not absent & set(ended.stderr.splitlines()[-1].split())


OWN_MODULES = MODULES.replace('name.partition(".")[0]', "name")


@pytest.mark.parametrize("arguments", ["list", "list --json", "watch --duration 0", "dump"])
def test_who_does_not_ask_for_holders_imports_nothing_of_it(arguments: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", OWN_MODULES, *arguments.split()],
        cwd=ROOT, capture_output=True, text=True, timeout=30, check=True,
    )  # fmt: skip
    loaded = set(ended.stderr.splitlines()[-1].split())
    assert "stops_tui.struct_ops.inventory" in loaded
    assert not {"stops_tui.struct_ops.account", "stops_tui.kernels.live.users"} & loaded


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_is_a_script_that_its_shell_takes(shell: str, tmp_path: Path) -> None:
    ended = run("completion", shell)
    assert ended.returncode == 0
    assert "stops-tui" in ended.stdout
    assert "xlated" in ended.stdout
    if shutil.which(shell):
        script = tmp_path / "script"
        script.write_text(ended.stdout)
        subprocess.run([shell, "-n", script], check=True)


def test_bash_completes_verbs_and_options() -> None:
    script = """
    eval "$(cat)"
    complete_it() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); $(complete -p stops-tui |
        sed 's/.*-F \\([^ ]*\\).*/\\1/'); echo "${COMPREPLY[@]}"; }
    complete_it stops-tui pro
    complete_it stops-tui list ''
    complete_it stops-tui prog id 5 --x
    complete_it stops-tui register --plan pypro
    """
    completion = run("completion", "bash").stdout
    ended = subprocess.run(
        ["bash", "-c", script],
        input=completion,
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    verbs, kinds, options, files = ended.stdout.splitlines()
    assert verbs.split() == ["progs", "prog"]
    assert {"id", "name", "type"} <= set(kinds.split())
    assert options.split() == ["--xlated"]
    assert files.split() == ["pyproject.toml"]


def unreadable() -> Kernel:
    raise KernelUnreadable(
        [
            Obstacle("CAP_SYS_ADMIN is missing", "all", "sudo /usr/bin/stops-tui", 3),
            Obstacle("no BTF", "all", "", 4),
        ]
    )


def refused() -> Kernel:
    raise BpfError("BPF_MAP_GET_NEXT_ID", EPERM)


def broken() -> Kernel:
    raise BpfError("BPF_MAP_GET_NEXT_ID", EINVAL)


@pytest.mark.parametrize(
    ("open_kernel", "exit_code", "says"),
    [
        (
            unreadable,
            3,
            "stops-tui: CAP_SYS_ADMIN is missing; to mend it: sudo /usr/bin/stops-tui\n",
        ),
        (refused, 3, "EPERM"),
        (broken, 4, "EINVAL"),
    ],
)
def test_a_kernel_that_cannot_be_read_is_one_line(
    open_kernel: Any, exit_code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(parse(["list", "--json"]), open_kernel) == exit_code
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert says in err


def test_a_wrong_setting_is_a_warning_to_watch_and_exit_2_to_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    file = tmp_path / "stops-tui" / "config.toml"
    file.parent.mkdir()
    file.write_text("interval = 0\n")
    problem = f"stops-tui: {file}:1: interval: expected 0.1 to 3600 seconds, not 0\n"
    assert cli.run(parse(["watch", "--duration", "0"]), FakeKernel.busy) == 0
    assert capfd.readouterr().err == problem
    assert cli.run(parse(["config"]), FakeKernel.busy) == 2
    assert problem in capfd.readouterr().err


def test_config_tells_each_value_and_its_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("TEXTUAL_THEME", "nord")
    file = tmp_path / "stops-tui" / "config.toml"
    file.parent.mkdir()
    file.write_text('columns = ["id"]\n[keys]\npause = ["f9", "f8"]\n')
    assert cli.run(parse(["--interval", "5", "config", "--json"]), FakeKernel.busy) == 0
    found = json.loads(capsys.readouterr().out)
    settings = {setting.pop("name"): setting for setting in found["settings"]}
    assert found["path"] == str(file)
    assert settings["theme"] == {"value": "nord", "source": "environment TEXTUAL_THEME"}
    assert settings["interval"] == {"value": 5.0, "source": "command line"}
    assert settings["columns"] == {"value": ["id"], "source": f"{file}:1"}
    assert settings["keys.pause"] == {"value": ["f9", "f8"], "source": f"{file}:3"}
    assert settings["keys.quit"] == {"value": ["q"], "source": "default"}
    assert cli.run(parse(["config"]), FakeKernel.busy) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["SETTING", "VALUE", "FROM"]
    assert ["keys.pause", "f9", "f8", f"{file}:3"] in [line.split() for line in lines]


@pytest.mark.parametrize("arguments", ["list --json", "types --json", "completion bash"])
def test_a_full_disk_is_told(arguments: str) -> None:
    with Path("/dev/full").open("w") as full:
        ended = run(*arguments.split(), stdout=full)
    assert ended.returncode == os.EX_IOERR
    assert ended.stderr == "stops-tui: [Errno 28] No space left on device\n"


def test_an_ascii_terminal_gets_escapes_for_what_it_lacks() -> None:
    ended = run("watch", "--duration", "0.5", "--interval", "0.1",
                env=os.environ | {"PYTHONIOENCODING": "ascii"})  # fmt: skip
    assert ended.returncode == 0
    assert "refcnt 6 \\u2192 7" in ended.stdout


def test_watch_tells_what_happens_line_by_line_before_it_ends() -> None:
    with started("watch", "--json", "--interval", "0.1") as process:
        assert process.stdout
        events = [json.loads(process.stdout.readline()) for _ in range(3)]
        assert process.poll() is None
    now = time.time()
    assert all(now - 30 < event.pop("time") <= now for event in events)
    assert events == [
        {"map_id": 58, "map_name": "dctcp", "what": "refcnt",
         "before": "6", "after": "7", "reason": ""},
        {"map_id": 61, "map_name": "cubic_old", "what": "map",
         "before": "unregistered, held", "after": "", "reason": "freed: its last holder let go"},
        {"map_id": 62, "map_name": "\x1b[2J[b]", "what": "map",
         "before": "", "after": "registered", "reason": ""},
    ]  # fmt: skip


def test_watch_as_text_escapes_and_ends_by_itself() -> None:
    ended = run("watch", "--interval", "0.1", "--duration", "2")
    assert (ended.returncode, ended.stderr) == (0, "")
    told = [line.split(maxsplit=2)[1:] for line in ended.stdout.splitlines()]
    assert told == [
        ["58", "dctcp            refcnt 6 → 7"],
        ["61", "cubic_old        freed: its last holder let go"],
        ["62", "\\x1b[2J[b]       appeared, registered"],
    ]


def test_watch_ends_at_once_when_its_reader_goes_though_nothing_happens() -> None:
    with started("watch", "--interval", "3600") as process:
        assert process.stdout and process.stderr
        time.sleep(0.5)
        assert process.poll() is None
        process.stdout.close()
        process.wait(timeout=30)
        assert process.stderr.read() == ""


def test_watch_ends_by_the_signal_on_ctrl_c() -> None:
    with started("watch", "--interval", "0.1") as process:
        assert process.stdout and process.stderr
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == -signal.SIGINT
        assert process.stderr.read() == ""


@pytest.mark.parametrize("verb", ["list", "dump --json", "types tcp_congestion_ops", "watch"])
def test_a_broken_pipe_is_quiet(verb: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        ended = run(*verb.split(), stdout=writer)
    finally:
        os.close(writer)
    assert ended.stderr == ""
    assert ended.returncode in (0, -signal.SIGPIPE)


def test_the_parser_needs_nothing_of_a_kernel() -> None:
    assert build_parser().prog == "stops-tui"


@pytest.mark.parametrize(("arguments", "armed"), [([], False), (["--write"], True)])
def test_the_app_is_armed_only_if_asked_to(
    arguments: list[str], armed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[bool] = []
    watched: list[int] = []
    terminal = 17

    class App:
        return_code, wants_demo = 0, False

        def __init__(self, *_: object, armed: bool) -> None:
            opened.append(armed)

        def run(self) -> None:
            pass

    for stream in ("sys.stdin", "sys.stdout", "sys.__stderr__"):
        monkeypatch.setattr(f"{stream}.isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdin.fileno", lambda: terminal)
    monkeypatch.setattr("stops_tui.app.StopsApp", App)
    monkeypatch.setattr("stops_tui.hangup.end_with_terminal", lambda fd, _: watched.append(fd))
    monkeypatch.setattr(cli.apps, "_look_ahead", lambda: (FakeKernel.busy(), None))
    assert cli.main(arguments) == 0
    assert opened == [armed]
    assert watched == [terminal]
