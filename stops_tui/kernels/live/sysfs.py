"""What subsystems say of themselves in /sys: a struct_ops map alone does not tell all of it."""

from __future__ import annotations

import os
from pathlib import Path

from stops_tui.kernels.kernel import RawSubsystems

SYSFS = Path("/sys")
HID_DEVICES = "bus/hid/devices"

KERNEL_BTF = SYSFS / "kernel/btf"
"""A file for vmlinux, and for each module that has BTF."""
VMLINUX = "vmlinux"


def subsystems(sysfs: Path = SYSFS) -> RawSubsystems:
    """Read the state of every subsystem that keeps one; what does not exist is None.

    Three small reads (kernel/sched/ext.c: scx_ktype, drivers/hid/hid-core.c: hid_bus_type), cheap
    enough for every sweep in which a struct_ops map exists.
    """
    return RawSubsystems(
        sched_ext_state=attribute(sysfs / "kernel/sched_ext/state"),
        sched_ext_ops=attribute(sysfs / "kernel/sched_ext/root/ops"),
        hid_ids=_hid_ids(sysfs / HID_DEVICES),
    )


def attribute(path: Path) -> str | None:
    """Its text without the newline at the end; None where it is absent or may not be read."""
    try:
        # A scheduler's name is a BPF program's to choose: it need not be UTF-8.
        return path.read_bytes().decode("utf-8", "backslashreplace").removesuffix("\n")
    except OSError:
        return None


def _hid_ids(devices: Path) -> frozenset[int] | None:
    """The ids behind the dot of BUS:VID:PID.ID, as `hid_bpf_ops.hid_id` takes them."""
    try:
        names = os.listdir(devices)  # noqa: PTH208 (names only: no Path object a device a sweep)
    except OSError:
        return None
    return frozenset(hid_id_of(name) for name in names) - {-1}


def hid_id_of(name: str) -> int:
    """The id in a device's name BUS:VID:PID.ID; -1 where it does not end in one."""
    try:
        return int(name.rpartition(".")[2], 16)
    except ValueError:
        return -1
