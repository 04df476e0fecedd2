"""The command as a user without any privilege runs it, wherever this checkout may be."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import _cffi_backend
import cffi
import elftools

import stops_tui
from tests.support.clang import missing, tool

NOBODY = ("--reuid", "65534", "--clear-groups", "--bounding-set", "-all")


@contextmanager
def command() -> Iterator[list[str]]:
    """`stops-tui` as user 65534, out of a copy in a folder that this user may read."""
    with tempfile.TemporaryDirectory(prefix="stops-tui-") as folder:
        copy = Path(folder)
        copy.chmod(0o755)
        for package in (stops_tui, cffi, elftools):
            source = Path(str(package.__file__)).parent
            shutil.copytree(source, copy / source.name)
        shutil.copy(_cffi_backend.__file__, copy)
        environment = ["env", "-i", f"PYTHONPATH={copy}", f"HOME={copy}"]
        yield [tool("setpriv"), *NOBODY, *environment, _python(), "-m", "stops_tui"]


@cache
def _python() -> str:
    """A Python of this version that nobody may run: ours may be in a home folder."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    pythons = (sys.executable, f"/usr/bin/{version}", f"/usr/local/bin/{version}")
    found = next(filter(_runs, pythons), None)
    return found or missing(f"no {version} that an unprivileged user may run")


def _runs(python: str) -> bool:
    # By way of env: setpriv itself still has root's way into folders when it starts a program.
    command = [tool("setpriv"), *NOBODY, "env", python, "-IS", "-c", "pass"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
