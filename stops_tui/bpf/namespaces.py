"""setns(2): another network namespace for the calling thread alone."""

from __future__ import annotations

import os
from typing import Any

from stops_tui.bpf import _cdefs

ffi: Any = _cdefs.ffi
"""C data has no static types."""

_CLONE_NEWNET = 0x4000_0000
"""include/uapi/linux/sched.h"""


def enter_netns(fd: int) -> None:
    """Move the calling thread into the network namespace of an open file of nsfs.

    Other threads stay where they are; so this is for a thread that ends soon.

    Raises:
        OSError: EPERM: CAP_SYS_ADMIN is missing here, or in the user namespace that owns it.
    """
    if ffi.dlopen(None).setns(fd, _CLONE_NEWNET):
        raise OSError(ffi.errno, os.strerror(ffi.errno))
