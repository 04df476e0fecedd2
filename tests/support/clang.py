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


OBJECTS = {
    "cc": ("tcp_congestion_ops", "clang", "v3"),
    "v4": ("tcp_congestion_ops", "clang-19", "v4"),
    "scx": ("sched_ext_ops", "clang", "v3"),
    "qdisc": ("Qdisc_ops", "clang-19", "v3"),
    "hid": ("hid_bpf_ops", "clang", "v3"),
}
"""The programs of tests/bpf: the struct each implements, what compiles it, for which BPF CPU."""


def missing(what: str) -> NoReturn:
    """Skip the test, or fail it where STOPS_TUI_REQUIRE_LIVE says that nothing may be skipped."""
    if os.environ.get("STOPS_TUI_REQUIRE_LIVE") == "1":
        pytest.fail(what)
    pytest.skip(what)


def tool(name: str) -> str:
    """The path of a program; the test is skipped without it."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    return found or missing(f"{name} is not installed: run tests/setup-host as root")


def compile_for(btf: Path) -> None:
    """Compile all that a kernel of this BTF has the types for: inside a virtual machine it is slow,
    and finds the objects by the hash of that kernel's BTF.
    """
    types = vmlinux_h(btf).read_text()
    for name, (struct, _clang, _cpu) in OBJECTS.items():
        if f"\nstruct bpf_struct_ops_{struct} {{" in types:
            bpf_object(name, btf)


def bpf_object(name: str, btf: Path = VMLINUX) -> Path:
    """tests/bpf/NAME.c compiled for BPF with debug info, with the types of a kernel's BTF."""
    _struct, clang, cpu = OBJECTS[name]
    source, types, header = PROGRAMS / f"{name}.c", vmlinux_h(btf), PROGRAMS / "bpf.h"
    flags = ["-g", "-O2", "-target", "bpf", f"-mcpu={cpu}", "-Wall", "-Werror"]
    # The kernel itself is compiled with them since 6.19: its structs have nameless members.
    flags += ["-fms-extensions", f"-I{header.parent}", f"-isystem{types.parent}"]
    return _compiled([tool(clang), *flags, "-c"], source, [header, types], ".o")


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


def vmlinux_h(btf: Path = VMLINUX) -> Path:
    """All types of a kernel's BTF as C."""
    path = BUILD / _hash(btf) / "vmlinux.h"
    if not path.exists():
        dump = [tool("bpftool"), "btf", "dump", "file", str(btf), "format", "c"]
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
