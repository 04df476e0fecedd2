"""The kernel inside a bzImage: QEMU boots it directly, without the kernel unpacking itself."""

from __future__ import annotations

import lzma
import struct
import subprocess
import zlib
from io import BytesIO

from elftools.elf.elffile import ELFFile

_SECTORS = 0x1F1
_PAYLOAD = 0x248
"""Offsets of setup_sects, and of payload_offset and payload_length, in a bzImage's header
(Documentation/arch/x86/boot.rst)."""


def unpacked(image: bytes) -> bytes:
    """The ELF file in a bzImage.

    Raises:
        ValueError: It is compressed in a way that no Debian kernel is.
    """
    start = ((image[_SECTORS] or 4) + 1) * 512
    offset, length = struct.unpack_from("<II", image, _PAYLOAD)
    payload = image[start + offset :][:length]
    if payload.startswith(b"\xfd7zXZ\0"):
        return lzma.LZMADecompressor().decompress(payload)
    if payload.startswith(b"\x1f\x8b"):
        return zlib.decompressobj(31).decompress(payload)
    if payload.startswith(b"\x28\xb5\x2f\xfd"):
        frame = payload[:-4]  # the unpacked size stands after it
        return subprocess.run(
            ["zstd", "-dcq"], input=frame, stdout=subprocess.PIPE, check=True
        ).stdout
    raise ValueError(f"a kernel packed in an unknown way: {payload[:6].hex()}")


def btf(vmlinux: bytes) -> bytes:
    """The types in a kernel's ELF file, as /sys/kernel/btf/vmlinux has them when it runs."""
    section = ELFFile(BytesIO(vmlinux)).get_section_by_name(".BTF")
    assert section, "a kernel without BTF"
    return bytes(section.data())
