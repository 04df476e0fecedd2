"""The header of BTF data: where types and strings lie.

struct btf_header { u16 magic = 0xEB9F, u8 version = 1, u8 flags, u32 hdr_len, u32 type_off,
u32 type_len, u32 str_off, u32 str_len; since Linux 7.1 also u32 layout_off, u32 layout_len }.
Offsets count from the header's end, wherever hdr_len puts it; what else a longer header holds is
not read. A layout section has struct btf_layout { u8 info_sz, u8 elem_sz, u16 flags } for each
kind, so that kinds from the future can be stepped over. Source: include/uapi/linux/btf.h.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from stops_tui.btf.types import BtfError
from stops_tui.record import Record

_MAGIC = 0xEB9F
_SIZE = 24
_SIZE_WITH_LAYOUT = 32
_KINDS = 128  # as many as fit in struct btf_type


class Span(Record):
    """A section: bytes `start` up to `stop` of the data."""

    start: int
    stop: int


class Header(Record):
    """What a header says.

    Attributes:
        order: The byte order as the struct module writes it: "<" or ">".
        types: The type section.
        strings: The string section.
        layout: 4-byte words of each kind, as far as told: (struct btf_type and what always
            follows it, each of its vlen entries).
    """

    order: str
    types: Span
    strings: Span
    layout: Mapping[int, tuple[int, int]]


def read_header(data: bytes, split: bool) -> Header:
    """Read and check the header; a split BTF's strings may be none, and need not start empty."""
    if len(data) < _SIZE:
        raise BtfError("shorter than its header", len(data))
    order = "<" if data[0] == _MAGIC & 0xFF else ">"
    magic, version, _, length = struct.unpack_from(order + "HBBI", data)
    if magic != _MAGIC:
        raise BtfError("no BTF magic number", 0)
    if version != 1:
        raise BtfError(f"version {version} is unknown", 2)
    if not _SIZE <= length <= len(data):
        raise BtfError(f"header of {length} bytes", 4)
    types = _span(data, order, length, 8)
    if types.start - length & 3 or types.stop - types.start & 3:
        raise BtfError("types are not aligned to 4 bytes", 8)
    strings = _span(data, order, length, 16)
    _check_strings(data, strings, split)
    layout = _layout(data, _span(data, order, length, 24)) if length >= _SIZE_WITH_LAYOUT else {}
    return Header(order, types, strings, layout)


def _span(data: bytes, order: str, length: int, at: int) -> Span:
    """The section that the two words at `at` describe."""
    offset, size = struct.unpack_from(order + "II", data, at)
    start = length + offset
    if start + size > len(data):
        raise BtfError("section reaches beyond the data", at)
    return Span(start, start + size)


def _check_strings(data: bytes, strings: Span, split: bool) -> None:
    if strings.start == strings.stop:
        if not split:
            raise BtfError("no strings", 16)
    elif data[strings.stop - 1] != 0:
        raise BtfError("the last string does not end", strings.stop - 1)
    elif not split and data[strings.start] != 0:
        raise BtfError("the first string is not empty", strings.start)


def _layout(data: bytes, span: Span) -> dict[int, tuple[int, int]]:
    entries = data[span.start : min(span.stop, span.start + 4 * _KINDS)]
    return {
        kind: (3 + (entries[4 * kind] >> 2), entries[4 * kind + 1] >> 2)
        for kind in range(len(entries) // 4)
    }
