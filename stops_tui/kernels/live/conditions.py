"""What decides, apart from BPF objects, whether something can be registered here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from stops_tui.kernels.kernel import RawBpffs, RawConditions
from stops_tui.kernels.live.facts import CAPABILITIES, effective_capabilities
from stops_tui.kernels.live.mounts import mounts
from stops_tui.kernels.live.sysfs import subsystems

IPV4 = Path("/proc/sys/net/ipv4")

MOST_FOLDERS = 5_000
"""Where the walk over one bpffs gives up."""


def conditions() -> RawConditions:
    """Read them all. The congestion controls are those of this network namespace."""
    effective = effective_capabilities()
    return RawConditions(
        capabilities=None
        if effective is None
        else frozenset(name for name, bit in CAPABILITIES.items() if effective >> bit & 1),
        subsystems=subsystems(),
        congestion_controls=_congestion_controls(),
        congestion_default=(_text(IPV4 / "tcp_congestion_control") or "").strip(),
        bpffs=tuple(
            RawBpffs(mount.point, frozenset(_folders(mount.point))) for mount in mounts("bpf")
        ),
        rings=_rings(),
    )


def _rings() -> frozenset[int] | None:
    """The file descriptors that are io_uring rings; one that is closed meanwhile is none."""
    found = set()
    try:
        for entry in Path("/proc/self/fd").iterdir():
            with suppress(OSError):
                if str(entry.readlink()) == "anon_inode:[io_uring]":
                    found.add(int(entry.name))
    except OSError:
        return None
    return frozenset(found)


def _congestion_controls() -> tuple[str, ...] | None:
    text = _text(IPV4 / "tcp_available_congestion_control")
    return None if text is None else tuple(text.split())


def _folders(top: str) -> Iterator[str]:
    """A folder and all in it; one that cannot be read, or went away, is told and not entered."""
    waiting, told = [top], 0
    while waiting and told < MOST_FOLDERS:
        folder = waiting.pop()
        yield folder
        told += 1
        try:
            with os.scandir(folder) as entries:
                waiting += [e.path for e in entries if e.is_dir(follow_symlinks=False)]
        except OSError:
            continue


def _text(path: Path) -> str | None:
    try:
        return path.read_text("utf-8", "backslashreplace")
    except OSError:
        return None
