"""HID fixups: the device that a map is for. It holds no reference beyond the link's."""

from __future__ import annotations

from collections.abc import Mapping

from stops_tui.kernels.users import RawHidDevice
from stops_tui.struct_ops.account.account import Found, Said
from stops_tui.struct_ops.account.asked import Asked
from stops_tui.struct_ops.text import printable


def look(asked: Asked) -> Mapping[int, Found]:
    """The device of each map, or that it is gone."""
    ids = {known.map.id: known.data.get("hid_id") for known in asked.each()}
    return {
        map_id: _found(hid_id, asked.users.hid_device(hid_id))
        for map_id, hid_id in ids.items()
        if isinstance(hid_id, int)
    }


def _found(hid_id: int, device: RawHidDevice | None) -> Found:
    if device is None:
        why = "link and map stay as they are until the link is detached"
        gone = Said("device", "gone", f"no HID device has hid_id {hid_id:#06x}; {why}")
        return Found(said=(gone,), use="its device is gone")
    name, address = printable(device.name) or "without a name", printable(device.address)
    said = (
        Said("device", name, address),
        Said("bus", printable(device.bus) or "unknown"),
        Said("driver", printable(device.driver) or "none"),
    )
    return Found(said=said, use=f"its device is {name} ({address})")
