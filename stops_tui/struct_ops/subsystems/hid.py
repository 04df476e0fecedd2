"""HID fixups (drivers/hid/bpf/hid_bpf_struct_ops.c)."""

from __future__ import annotations

from stops_tui.kernels.kernel import RawSubsystems
from stops_tui.struct_ops.subsystems.subsystem import Data, Subsystem


def _device_gone(data: Data, facts: RawSubsystems) -> str:
    """The kernel leaves link and map as they were when the device is unplugged."""
    if facts.hid_ids is None or data.get("hid_id") in facts.hid_ids:
        return ""
    return "attached, device gone"


HID = Subsystem("hid_bpf_ops", refusal=_device_gone)
