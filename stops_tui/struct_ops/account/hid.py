"""HID fixups: the device that a map is for. It holds no reference beyond the link's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stops_tui.kernels.users import Users
from stops_tui.struct_ops.account.account import Found, Said
from stops_tui.struct_ops.account.asked import Asked
from stops_tui.struct_ops.text import printable


def look(asked: Asked) -> Mapping[int, Found]:
    """The device of each map, or that it is gone."""
    ids = {known.map.id: known.data.get("hid_id") for known in asked.each()}
    return {
        map_id: Found(said=tuple(_said(hid_id, asked.users)), use="")
        for map_id, hid_id in ids.items()
        if isinstance(hid_id, int)
    }


def _said(hid_id: int, users: Users) -> Iterator[Said]:
    device = users.hid_device(hid_id)
    if device is None:
        gone = "link and map stay as they are until the link is detached"
        yield Said("device", "gone", f"no HID device has hid_id {hid_id:#06x}; {gone}")
        return
    yield Said("device", printable(device.name) or "without a name", printable(device.address))
    yield Said("bus", printable(device.bus) or "unknown")
    yield Said("driver", printable(device.driver) or "none")
