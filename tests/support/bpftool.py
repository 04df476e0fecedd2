"""bpftool, the yardstick: the installed one, and one of 7.5 or later, which knows ISA v4."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.support.clang import named, shared_library, tool
from tests.support.debian import unpacked

_CANNED = Path(__file__).parent / "canned_program.c"


@cache
def installed() -> Path:
    """The distribution's bpftool."""
    return Path(tool("bpftool"))


def newer() -> Path:
    """A bpftool of 7.5 or later, fetched if the cache has none."""
    return unpacked("bookworm-backports", "bpftool") / "usr/sbin/bpftool"


def text(*args: str, bpftool: Path | None = None, env: Mapping[str, str] | None = None) -> str:
    """What `bpftool ARGS` prints."""
    return _run(args, bpftool, env).stdout


def parsed(*args: str, bpftool: Path | None = None) -> Any:
    """What `bpftool -j ARGS` prints, parsed."""
    return json.loads(text("-j", *args, bpftool=bpftool))


def _run(
    args: tuple[str, ...], bpftool: Path | None, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    command = [str(bpftool or installed()), *args]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}{done.stdout}"
    return done


def canned_xlated(insns: bytes, scratch: Path, bpftool: Path) -> list[str]:
    """The lines that bpftool prints of these instructions, which no kernel need accept."""
    scratch.write_bytes(insns)
    canned = {"LD_PRELOAD": str(shared_library(_CANNED)), "CANNED_XLATED": str(scratch)}
    env = {**os.environ, **canned}
    return text("prog", "dump", "xlated", "id", "1", bpftool=bpftool, env=env).splitlines()


@dataclass(frozen=True)
class Registered:
    """A struct_ops map that bpftool registered, by its id, and its congestion control's name."""

    map_id: int
    name: str

    @property
    def programs(self) -> dict[str, int]:
        """Member → program id, of the members that are set."""
        dumped = parsed("struct_ops", "dump")  # of one map alone it is no valid JSON
        pairs = zip(dumped[::2], dumped[1::2], strict=True)
        (values,) = [value for info, value in pairs if info["bpf_map_info"]["id"] == self.map_id]
        (value,) = values.values()
        return {
            member: int(text.rpartition("/prog_id:")[2])
            for member, text in value["data"].items()
            if isinstance(text, str) and "/prog_id:" in text
        }


@contextmanager
def registered(
    program: Path, scratch: Path, bpftool: Path | None = None, name: str = ""
) -> Iterator[Registered]:
    """Register an object's congestion control under a name of its own; at the end unregister it,
    if nobody did before.
    """
    name = name or f"st{os.getpid() % 100000}_{secrets.token_hex(3)}"
    renamed = named(program, name, scratch / f"{name}.o")
    said = _run(("struct_ops", "register", str(renamed)), bpftool).stderr
    map_id = int(said.rpartition(" id ")[2])  # "Registered tcp_congestion_ops cc id 12"
    try:
        yield Registered(map_id, name)
    finally:
        if any(each["id"] == map_id for each in parsed("struct_ops", "list", bpftool=bpftool)):
            text("struct_ops", "unregister", "id", str(map_id), bpftool=bpftool)
