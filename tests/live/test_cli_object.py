"""`stops-tui object` for a user without any privilege, and on a host that shows no types."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import unprivileged
from tests.support.clang import bpf_object, tool


@pytest.fixture
def everyones() -> Iterator[Path]:
    """An object in a folder that anyone may read."""
    with tempfile.TemporaryDirectory(prefix="stops-tui-") as folder:
        Path(folder).chmod(0o755)
        path = Path(folder) / "dctcp.o"
        shutil.copy(bpf_object("dctcp"), path)
        path.chmod(0o644)
        yield path


def test_anyone_may_ask_and_is_told_what_fits(everyones: Path) -> None:
    with unprivileged.command() as command:
        done = subprocess.run(
            [*command, "object", str(everyones), "--json"], capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == (0, "")
        found = json.loads(done.stdout)
        assert [each["variable"] for each in found["struct_ops"]] == ["dctcp"]
        assert found["needs"] == []

        everyones.chmod(0o600)
        done = subprocess.run([*command, "object", str(everyones)], capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == f"stops-tui: {everyones}: Permission denied\n"


def test_a_host_without_sysfs(everyones: Path) -> None:
    script = 'mount -t tmpfs none /sys && exec "$@"'
    command = [sys.executable, "-m", "stops_tui", "object", str(everyones)]
    hidden = [tool("unshare"), "--mount", "--propagation", "private", "sh", "-c", script, "sh"]
    done = subprocess.run([*hidden, *command], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(
        "It was not compared with a kernel's types: "
        "/sys/kernel/btf/vmlinux: No such file or directory\n"
    )
    done = subprocess.run([*hidden, *command, "--json"], capture_output=True, text=True)
    assert json.loads(done.stdout)["needs"] is None
