"""Where objects can be pinned: mounting a bpffs, and removing pins. Nothing is remembered."""

from __future__ import annotations

import os
from errno import EPERM
from pathlib import Path

from stops_tui.bpf import mount
from stops_tui.kernels.live.mounts import mounts
from stops_tui.kernels.writes import Refused


def is_bpffs(path: str) -> bool:
    """Whether a path is in a bpffs. OSError: it is not there."""
    device = Path(path).stat().st_dev
    return any(found.device == device for found in mounts("bpf"))


def mount_bpffs(path: str) -> None:
    """Mount a bpffs on a folder, which is made if only it is missing.

    Raises:
        Refused: The mount would hide something.
        OSError: The folder cannot be made or read, or the kernel refuses.
    """
    folder = Path(path)
    made = not folder.exists()
    if made:
        folder.mkdir(mode=0o700)
    elif is_bpffs(path):
        raise Refused("mount", f"{path} is in a bpffs already: another would hide its pins")
    elif any(folder.iterdir()):
        raise Refused("mount", f"{path} is not empty: the mount would hide what is in it")
    try:
        mount.mount_bpffs(path)
    except OSError:
        if made:
            folder.rmdir()
        raise


def why_not_pinned(path: str, errno: int) -> str:
    """Why a path takes no pin, more exactly than the errno tells; "" if it cannot be told."""
    folder = Path(path).parent
    if not folder.exists():
        return f"the folder {folder} does not exist"
    if not folder.is_dir():
        return f"{folder} is no folder"
    if os.path.lexists(path):
        return f"{path} exists already"
    if errno == EPERM and not is_bpffs(str(folder)):
        return f"{folder} is not in a bpffs: mount one, or choose a folder in one"
    if errno == EPERM and "." in Path(path).name:
        return "a bpffs takes no name with a dot in it"
    return ""
