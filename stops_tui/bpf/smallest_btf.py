"""The smallest BTF that a kernel takes: one `int`."""

from __future__ import annotations

import struct

_STRINGS = b"\0int\0"
_INT = struct.pack("=4I", 1, 1 << 24, 4, 32)  # name, kind BTF_KIND_INT, bytes, bits
_HEADER = struct.pack("=HBB5I", 0xEB9F, 1, 0, 24, 0, len(_INT), len(_INT), len(_STRINGS))

SMALLEST_BTF = _HEADER + _INT + _STRINGS
"""struct btf_header, one struct btf_type with its u32, and the strings (uapi/linux/btf.h)."""
