"""mount(2) of a bpffs. Source: mount(2), kernel/bpf/inode.c."""

from __future__ import annotations

import os
from errno import ENODEV, EPERM
from typing import Any

from stops_tui.bpf import _cdefs

ffi: Any = _cdefs.ffi
"""C data has no static types."""

_NOSUID_NODEV_NOEXEC = 0b1110
"""MS_NOSUID | MS_NODEV | MS_NOEXEC, as systemd mounts it (include/uapi/linux/mount.h)."""

_CAUSES = {
    EPERM: "CAP_SYS_ADMIN is needed to mount",
    ENODEV: "this kernel has no bpffs",
}


def mount_bpffs(folder: str) -> None:
    """Mount a new bpffs, which only its owner may enter, on a folder.

    Raises:
        OSError: EPERM without CAP_SYS_ADMIN; ENODEV in a kernel without bpffs.
    """
    libc = ffi.dlopen(None)
    options = b"mode=0700"
    if libc.mount(b"bpf", os.fsencode(folder), b"bpf", _NOSUID_NODEV_NOEXEC, options):
        raise OSError(ffi.errno, _CAUSES.get(ffi.errno) or os.strerror(ffi.errno), folder)
