"""HID fixups (drivers/hid/bpf/hid_bpf_struct_ops.c)."""

from __future__ import annotations

from stops_tui.kernels.kernel import RawConditions, RawSubsystems
from stops_tui.struct_ops.subsystems.subsystem import Data, Registering, Subsystem


def _device_gone(data: Data, facts: RawSubsystems) -> str:
    """The kernel leaves link and map as they were when the device is unplugged."""
    if facts.hid_ids is None or data.get("hid_id") in facts.hid_ids:
        return ""
    return "attached, device gone"


def _no_device(data: Data, conditions: RawConditions) -> str:
    """hid_bpf_reg() looks the device up (EINVAL)."""
    hid_ids = conditions.subsystems.hid_ids
    hid_id = data.get("hid_id", 0)
    if hid_ids is None or hid_id in hid_ids:
        return ""
    known = ", ".join(f"0x{each:04X}" for each in sorted(hid_ids)[:8]) or "none"
    return (
        f"there is no HID device {hid_id:#06x}: set hid_id to the number after the dot in "
        f"/sys/bus/hid/devices (there now: {known})"
        if isinstance(hid_id, int)
        else "hid_id is no number"
    )


HID = Subsystem(
    "hid_bpf_ops",
    hexadecimal=frozenset({"hid_id"}),  # as in /sys/bus/hid/devices: 0003:046D:C31C.002A
    refusal=_device_gone,
    registering=Registering(
        hints={
            "hid_id": "the hex number after the dot in /sys/bus/hid/devices, 0x000A",
            "flags": "0, or 8 to run before the programs that are there (BPF_F_BEFORE)",
        },
        obstacle=_no_device,
        clear="the HID device is there",
        unknown="whether the device takes one more, or a second hid_rdesc_fixup",
    ),
)
