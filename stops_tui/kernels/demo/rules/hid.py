"""HID fixups (drivers/hid/bpf/hid_bpf_struct_ops.c): each for one device."""

from __future__ import annotations

from errno import EINVAL

from stops_tui.kernels.demo.objects import DemoMap
from stops_tui.kernels.demo.rules.subsystem import FINE, Subsystem
from stops_tui.kernels.users import RawHidDevice

BEFORE = 1 << 3
"""BPF_F_BEFORE, the one flag there is."""


class Hid(Subsystem):
    """The devices that are plugged in, and the fixups on each."""

    def __init__(self) -> None:
        self.devices: dict[int, RawHidDevice] = {}
        self._fixups: dict[int, dict[int, bool]] = {}

    def plug(self, hid_id: int, name: str, ids: str) -> None:
        """A device is plugged in."""
        address = f"{ids}.{hid_id:04X}"
        self.devices[hid_id] = RawHidDevice(address, name, "USB", "hid-generic")
        self._fixups[hid_id] = {}

    def unplug(self, hid_id: int) -> None:
        """It goes; links and maps on it stay as they are."""
        self.devices.pop(hid_id, None)

    def validate(self, new: DemoMap) -> int:
        """hid_bpf_ops_init_member()."""
        return FINE if new.data("flags") in (0, BEFORE) else EINVAL

    def register(self, new: DemoMap) -> int:
        """hid_bpf_reg(): the device must be there, and takes one rdesc_fixup."""
        if new.data("hid_id") not in self.devices:
            return EINVAL
        fixups = self._fixups[new.data("hid_id")]
        rewrites = any(name == "hid_rdesc_fixup" for name, _ in new.programs())
        if new.id in fixups or (rewrites and any(fixups.values())):
            return EINVAL
        fixups[new.id] = rewrites
        return FINE

    def unregister(self, old: DemoMap) -> None:
        """hid_bpf_unreg()."""
        self._fixups.get(old.data("hid_id"), {}).pop(old.id, None)
