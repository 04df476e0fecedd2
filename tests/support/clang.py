"""Compile the test programs of tests/bpf, each once: objects are kept by the hash of all they are
made from, in tests/bpf/build.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple, NoReturn

import pytest

PROGRAMS = Path(__file__).parents[1] / "bpf"
BUILD = PROGRAMS / "build"
VMLINUX = Path("/sys/kernel/btf/vmlinux")

PLACEHOLDER = b"stops_test_name"
"""The name of every congestion control in tests/bpf; 15 characters, the most there can be."""


class Made(NamedTuple):
    """How an object of tests/bpf is made.

    Attributes:
        struct: The struct_ops type that it implements, without which a kernel has no use for it;
            "" for none.
        source: Its C file's name; "" if that is the object's.
        clang: What compiles it.
        cpu: For which BPF CPU.
        options: What else the compiler is told.
    """

    struct: str
    source: str = ""
    clang: str = "clang"
    cpu: str = "v3"
    options: tuple[str, ...] = ()


TCP = "tcp_congestion_ops"
_LINK = '-DSTRUCT_OPS=".struct_ops.link"'

OBJECTS = {
    "cc": Made(TCP),
    "v4": Made(TCP, clang="clang-19", cpu="v4"),
    "dctcp": Made(TCP),
    "dctcp_link": Made(TCP, "dctcp", options=(_LINK,)),
    "dctcp_optional": Made(TCP, "dctcp", options=('-DSTRUCT_OPS="?.struct_ops"',)),
    "dctcp_big_endian": Made("", "dctcp", options=("-target", "bpfeb")),
    "refused": Made(TCP),
    "pair": Made(TCP),
    "pair_link": Made(TCP, "pair", options=(_LINK,)),
    "pair_pinned": Made(TCP, "pair", options=("-DPINNED",)),
    "suffixed": Made(TCP),
    "suffixed_set": Made(TCP, "suffixed", options=("-DFUTURE=7",)),
    "kfuncs": Made(TCP),
    "plain": Made(""),
    "odd": Made(""),
    "scx": Made("sched_ext_ops"),
    "qdisc": Made("Qdisc_ops", clang="clang-19"),
    "hid": Made("hid_bpf_ops"),
}
"""The objects of tests/bpf by name."""


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
    for name, made in OBJECTS.items():
        if f"\nstruct bpf_struct_ops_{made.struct} {{" in types:
            bpf_object(name, btf)


def bpf_object(name: str, btf: Path = VMLINUX) -> Path:
    """One of OBJECTS, compiled with debug info and the types of a kernel's BTF."""
    made = OBJECTS[name]
    source, types = PROGRAMS / f"{made.source or name}.c", vmlinux_h(btf)
    flags = ["-g", "-O2", "-target", "bpf", f"-mcpu={made.cpu}", "-Wall", "-Werror", *made.options]
    # The kernel itself is compiled with them since 6.19: its structs have nameless members.
    flags += ["-fms-extensions", f"-I{PROGRAMS}", f"-isystem{types.parent}"]
    headers = [PROGRAMS / "bpf.h", types]
    return _compiled([tool(made.clang), *flags, "-c"], source, headers, ".o")


def shared_library(source: Path) -> Path:
    """A C file compiled for this machine, to be preloaded."""
    return _compiled(
        [tool("clang"), "-O1", "-Wall", "-Werror", "-shared", "-fPIC"], source, [], ".so"
    )


def named(program: Path, name: str, path: Path, placeholder: bytes = PLACEHOLDER) -> Path:
    """The object with its congestion control named otherwise, written to `path`."""
    data = program.read_bytes()
    assert data.count(placeholder) == 1
    path.write_bytes(data.replace(placeholder, name.encode().ljust(len(placeholder), b"\0")))
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
