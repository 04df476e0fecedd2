"""The command on the running kernel: `run` in this process, `Cli` as scripts run it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from stops_tui import cli
from stops_tui.bpf.errors import BpfError
from stops_tui.bpf.syscall import opened
from stops_tui.cli.parser import parse
from stops_tui.kernels.live.kernel import LiveKernel
from tests.support.clang import shared_library
from tests.support.guest import PATIENCE
from tests.support.live import Kit

COMMAND = [sys.executable, "-m", "stops_tui"]
SIGNAL_AT = Path(__file__).parent / "signal_at.c"


def run(*arguments: str, exit_code: int = 0) -> str:
    """What a verb prints on standard output."""
    with redirect_stdout(StringIO()) as printed:
        assert cli.run(parse(arguments), LiveKernel.open) == exit_code
    return printed.getvalue()


def loaded(*arguments: str, exit_code: int = 0) -> Any:
    """What it prints with --json."""
    return json.loads(run(*arguments, "--json", exit_code=exit_code))


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
            timeout=60 * PATIENCE,
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

    def calls(self, *arguments: str) -> int:
        """How many calls it makes that change the kernel."""
        counted = self.state.parent / "calls"
        preload = {"LD_PRELOAD": str(shared_library(SIGNAL_AT)), "CALLS_IN": str(counted)}
        assert self.run(*arguments, env=preload).returncode == 0
        return int(counted.read_text())

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
