"""HID devices, as /sys/bus/hid/devices tells them (drivers/hid/hid-core.c: hid_uevent)."""

from __future__ import annotations

from pathlib import Path

from stops_tui.kernels.live.sysfs import HID_DEVICES, SYSFS, attribute, hid_id_of
from stops_tui.kernels.users import RawHidDevice

_BUSES = {
    0x03: "USB",
    0x05: "Bluetooth",
    0x06: "virtual",
    0x11: "i8042",
    0x18: "I2C",
    0x19: "host",
    0x1C: "SPI",
    0x1D: "RMI",
    0x1E: "CEC",
    0x1F: "Intel ISHTP",
    0x20: "AMD SFH",
}
"""BUS_* of include/uapi/linux/input.h."""


def hid_device(hid_id: int, sysfs: Path = SYSFS) -> RawHidDevice | None:
    """See `Users.hid_device`."""
    try:
        found = [path for path in (sysfs / HID_DEVICES).iterdir() if hid_id_of(path.name) == hid_id]
    except OSError:
        return None
    if not found:
        return None
    uevent = dict(
        each.partition("=")[::2] for each in (attribute(found[0] / "uevent") or "").splitlines()
    )
    return RawHidDevice(
        address=found[0].name,
        name=uevent.get("HID_NAME", ""),
        bus=_bus(found[0].name.partition(":")[0]),
        driver=uevent.get("DRIVER", ""),
    )


def _bus(digits: str) -> str:
    """`USB` of 0003; the number as it is where it has no name here."""
    try:
        return _BUSES[int(digits, 16)]
    except (KeyError, ValueError):
        return f"bus {digits}"
