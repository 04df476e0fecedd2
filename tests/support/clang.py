"""Compile the test programs of tests/bpf, each once: objects are kept by the hash of all they are
made from, in tests/bpf/build.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

PROGRAMS = Path(__file__).parents[1] / "bpf"
BUILD = PROGRAMS / "build"
VMLINUX = Path("/sys/kernel/btf/vmlinux")

PLACEHOLDER = b"stops_test_name"
"""The name of every congestion control in tests/bpf; 15 characters, the most there can be."""


def missing(what: str) -> NoReturn:
    """Skip the test, or fail it where STOPS_TUI_REQUIRE_LIVE says that nothing may be skipped."""
    if os.environ.get("STOPS_TUI_REQUIRE_LIVE") == "1":
        pytest.fail(what)
    pytest.skip(what)


def tool(name: str) -> str:
    """The path of a program; the test is skipped without it."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    return found or missing(f"{name} is not installed: run tests/setup-host as root")


def bpf_object(name: str, clang: str = "clang", cpu: str = "v3") -> Path:
    """tests/bpf/NAME.c compiled for BPF with debug info."""
    source, headers = PROGRAMS / f"{name}.c", [PROGRAMS / "bpf.h", vmlinux_h()]
    flags = ["-g", "-O2", "-target", "bpf", f"-mcpu={cpu}", "-Wall", "-Werror"]
    flags += [f"-I{header.parent}" for header in headers]
    return _compiled([tool(clang), *flags, "-c"], source, headers, ".o")


def shared_library(source: Path) -> Path:
    """A C file compiled for this machine, to be preloaded."""
    return _compiled(
        [tool("clang"), "-O1", "-Wall", "-Werror", "-shared", "-fPIC"], source, [], ".so"
    )


def named(program: Path, name: str, path: Path) -> Path:
    """The object with its congestion control named otherwise, written to `path`."""
    data = program.read_bytes()
    assert data.count(PLACEHOLDER) == 1
    path.write_bytes(data.replace(PLACEHOLDER, name.encode().ljust(len(PLACEHOLDER), b"\0")))
    return path


def vmlinux_h() -> Path:
    """All types of the running kernel as C."""
    path = BUILD / _hash(VMLINUX) / "vmlinux.h"
    if not path.exists():
        dump = [tool("bpftool"), "btf", "dump", "file", str(VMLINUX), "format", "c"]
        _write(path, subprocess.run(dump, check=True, capture_output=True).stdout)
    return path


def _compiled(command: list[str], source: Path, headers: list[Path], suffix: str) -> Path:
    digest = hashlib.sha256("\0".join(command).encode())
    digest.update("".join(_hash(path) for path in (source, *headers)).encode())
    path = BUILD / f"{source.stem}-{digest.hexdigest()[:16]}{suffix}"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        scratch = path.with_suffix(f".{os.getpid()}")
        subprocess.run([*command, str(source), "-o", str(scratch)], check=True)
        scratch.rename(path)
    return path


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(f".{os.getpid()}")
    scratch.write_bytes(data)
    scratch.rename(path)
