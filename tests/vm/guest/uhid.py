"""A HID device made of nothing: /dev/uhid lets a process be one (Documentation/hid/uhid.rst)."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support.live import eventually

DEVICES = Path("/sys/bus/hid/devices")
NAME = "stops test mouse"

_CREATE2, _INPUT2 = 11, 12
_BUS_USB = 3
_EVENT = "=I128s64s64sHHIIII4096s"
"""struct uhid_event with struct uhid_create2_req: type, name, phys, uniq, rd_size, bus, vendor,
product, version, country, rd_data."""

MOUSE = bytes.fromhex(
    "05 01 09 02 a1 01 09 01 a1 00"  # generic desktop, mouse: collections
    "05 09 19 01 29 03 15 00 25 01 95 03 75 01 81 02 95 01 75 05 81 03"  # three buttons
    "05 01 09 30 09 31 15 81 25 7f 75 08 95 02 81 06 c0 c0"  # x and y
)
"""The report descriptor; reports are three bytes."""


@dataclass
class Mouse:
    """The device, while `fd` is open."""

    fd: int
    folder: Path

    @property
    def hid_id(self) -> int:
        """The number by which hid_bpf_ops knows it."""
        return int(self.folder.name.rpartition(".")[2], 16)

    @property
    def descriptor(self) -> bytes:
        """Its report descriptor as the kernel uses it."""
        return (self.folder / "report_descriptor").read_bytes()

    def reports(self, data: bytes) -> bytes:
        """What a reader of its hidraw gets when it reports this."""
        assert eventually(lambda: any(self.folder.glob("hidraw/*")))
        raw = os.open(Path("/dev") / next(self.folder.glob("hidraw/*")).name, os.O_RDONLY)
        try:
            os.write(self.fd, struct.pack("=IH4096s", _INPUT2, len(data), data))
            return os.read(raw, 64)
        finally:
            os.close(raw)

    def unplug(self) -> None:
        """The device is gone; once only."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)
        assert eventually(lambda: not self.folder.exists())


@contextmanager
def mouse() -> Iterator[Mouse]:
    """Plug a mouse in, until the end of the block."""
    fd = os.open("/dev/uhid", os.O_RDWR | os.O_CLOEXEC)
    ids = (0x1234, 0x5678, 1, 0)
    event = (_CREATE2, NAME.encode(), b"", b"", len(MOUSE), _BUS_USB, *ids, MOUSE)
    os.write(fd, struct.pack(_EVENT, *event))
    assert eventually(lambda: _folder() is not None)
    made = Mouse(fd, _folder() or DEVICES)
    try:
        yield made
    finally:
        made.unplug()


def _folder() -> Path | None:
    for folder in DEVICES.glob("*"):
        with suppress(OSError):
            if f"HID_NAME={NAME}\n" in (folder / "uevent").read_text():
                return folder
    return None
