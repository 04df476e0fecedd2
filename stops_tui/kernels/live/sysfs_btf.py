"""The types of the running kernel as sysfs shows them to any user, without bpf(2)."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from stops_tui.btf import Btf, BtfError
from stops_tui.kernels.kernel import KernelBtf
from stops_tui.kernels.live.sysfs import KERNEL_BTF, VMLINUX


def sysfs_btfs(sysfs: Path = KERNEL_BTF) -> list[KernelBtf]:
    """vmlinux, then the modules whose BTF can be read, by name; their ids are not known.

    Raises:
        OSError: There is no BTF of vmlinux, or it may not be read.
        BtfError: It is wrong.
    """
    vmlinux = Btf.parse((sysfs / VMLINUX).read_bytes())
    found = [KernelBtf(VMLINUX, 0, vmlinux)]
    for path in sorted(sysfs.iterdir()):
        if path.name != VMLINUX:
            with suppress(OSError, BtfError):
                found.append(KernelBtf(path.name, 0, Btf.parse(path.read_bytes(), vmlinux)))
    return found
