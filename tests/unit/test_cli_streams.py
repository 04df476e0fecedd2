"""What is printed where: closed streams, hostile text, paths that are no UTF-8."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from stops_tui import cli
from stops_tui.cli.parser import parse
from tests.support.fake_kernel import FakeKernel

ROOT = Path(__file__).parents[2]
FAKE = (sys.executable, "-m", "tests.support.cli_on_fake_kernel")


def closing(stream: str, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command with one of its standard streams closed: `>&-` or `2>&-`."""
    shell = ["sh", "-c", f'exec "$@" {stream}', "sh", *command]
    return subprocess.run(shell, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)


@pytest.fixture
def kernel() -> FakeKernel:
    return FakeKernel.busy()


def test_without_standard_output_a_report_says_so() -> None:
    ended = closing(">&-", *FAKE, "list", "--json")
    assert ended.returncode == os.EX_IOERR
    assert ended.stderr == "stops-tui: [Errno 9] Bad file descriptor: 'standard output'\n"


def test_without_standard_error_the_exit_code_tells() -> None:
    assert closing("2>&-", *FAKE, "list", "id", "9").returncode == 1


def test_what_went_unseen_is_told_without_control_characters(
    kernel: FakeKernel, capsys: pytest.CaptureFixture[str]
) -> None:
    kernel.hide("/\x1b[2J\udcff: Permission denied")
    assert cli.run(parse(["list"]), lambda: kernel) == 0
    assert capsys.readouterr().err.endswith(" /\\x1b[2J\\xff: Permission denied\n")


def test_json_of_a_path_that_is_no_utf8_is_json_to_every_reader(
    kernel: FakeKernel, capsys: pytest.CaptureFixture[str]
) -> None:
    kernel.pin("/sys/fs/bpf/\udcff\U0001f41d", "map", 58)
    assert cli.run(parse(["list", "id", "58", "--json"]), lambda: kernel) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["pins"] == ["/sys/fs/bpf/\\xff\U0001f41d"]


def test_an_id_of_thousands_of_digits_is_a_usage_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse(["list", "id", "9" * 5000])
    assert ended.value.code == 2
    assert "an id is a number" in capsys.readouterr().err


def test_config_tells_of_a_file_that_may_not_be_looked_at(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr(Path, "stat", refuse)
    assert cli.run(parse(["config"]), FakeKernel.busy) == 2
    err = capsys.readouterr().err
    assert "config.toml: cannot be read: Permission denied" in err
    assert "there is none" not in err
