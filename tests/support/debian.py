"""Debian packages of other suites, unpacked into a cache and not installed."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

from tests.support.clang import missing

_FETCH = Path(__file__).parents[1] / "fetch-deb"


def unpacked(suite: str, package: str) -> Path:
    """The folder with a package's files; the test is skipped where it cannot be fetched."""
    done = _fetch(suite, package)
    if done.returncode:
        missing(f"no {package} of {suite}: {done.stderr.strip()}")
    return Path(done.stdout.strip())


def hid_objects() -> list[Path]:
    """Every BPF object that udev-hid-bpf ships; the test is skipped where it cannot be fetched."""
    found = sorted(unpacked("sid", "udev-hid-bpf").glob("usr/lib/*/bpf/*.bpf.o"))
    assert len(found) > 50
    return found


@cache
def _fetch(suite: str, package: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([_FETCH, suite, package], capture_output=True, text=True, check=False)
