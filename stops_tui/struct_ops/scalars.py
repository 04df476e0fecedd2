"""The plain values that bytes hold: integers, bitfields, floats, char arrays."""

from __future__ import annotations

import struct

from stops_tui.btf import Array, Btf, BtfType, Enum, Float, Int, Kind, Ptr, Ref

_QUALIFIERS = 32  # more of them around one type are no C, but a loop in the BTF
_FLOAT_FORMATS = {2: "e", 4: "f", 8: "d"}


class DecodeError(Exception):
    """Bytes that are no value of the type they are said to be; says why in one line."""


def part(data: bytes, offset: int, size: int) -> bytes:
    """The bytes of one member.

    Raises:
        DecodeError: The value ends before the member does.
    """
    if offset + size > len(data):
        raise DecodeError(f"no bytes {offset} to {offset + size} in a value of {len(data)} bytes")
    return data[offset : offset + size]


def scalar_size(found: BtfType) -> int:
    """Bytes of a type without parts; 0 for one that has parts, or no size."""
    if isinstance(found, Int | Enum | Float):
        return found.size
    return 8 if isinstance(found, Ptr) else 0


def integer(btf: Btf, data: bytes, offset: int, found: Int | Enum | Ptr) -> int:
    """An integer, an enum's number or a pointer's address at `offset` bytes."""
    if isinstance(found, Int) and found.bits != 8 * found.size:
        return bitfield(btf, data, 8 * offset + found.bit_offset, found.bits, found.signed)
    signed = not isinstance(found, Ptr) and found.signed
    return int.from_bytes(part(data, offset, scalar_size(found)), btf.byteorder, signed=signed)


def bitfield(btf: Btf, data: bytes, bit_offset: int, bits: int, signed: bool = False) -> int:
    """`bits` bits from `bit_offset`; big endian counts bits from the most significant one."""
    raw, shift = _window(btf, data, bit_offset, bits)
    number = int.from_bytes(raw, btf.byteorder) >> shift & (1 << bits) - 1
    return number - (1 << bits) if signed and bits and number >> bits - 1 else number


def bitfield_bytes(btf: Btf, data: bytes, bit_offset: int, bits: int) -> bytes:
    """The bytes that a bitfield touches, its neighbours' bits cleared."""
    raw, shift = _window(btf, data, bit_offset, bits)
    mask = (1 << bits) - 1 << shift
    return (int.from_bytes(raw, btf.byteorder) & mask).to_bytes(len(raw), btf.byteorder)


def set_bitfield(btf: Btf, data: bytearray, bit_offset: int, bits: int, number: int) -> None:
    """Put the low `bits` bits of a number where `bitfield` reads them; neighbours stay."""
    raw, shift = _window(btf, bytes(data), bit_offset, bits)
    mask = (1 << bits) - 1 << shift
    whole = int.from_bytes(raw, btf.byteorder) & ~mask | number << shift & mask
    first = bit_offset // 8
    data[first : first + len(raw)] = whole.to_bytes(len(raw), btf.byteorder)


def _window(btf: Btf, data: bytes, bit_offset: int, bits: int) -> tuple[bytes, int]:
    """The bytes that a bitfield touches, and its distance from their least significant bit."""
    first, skipped = divmod(bit_offset, 8)
    size = (skipped + bits + 7) // 8
    shift = skipped if btf.byteorder == "little" else 8 * size - skipped - bits
    return part(data, first, size), shift


def floating(btf: Btf, data: bytes, offset: int, found: Float) -> float | None:
    """A floating-point number; None for a format of the kernel's that Python has not."""
    code = _FLOAT_FORMATS.get(found.size)
    if code is None:
        return None
    order = "<" if btf.byteorder == "little" else ">"
    value: float = struct.unpack(order + code, part(data, offset, found.size))[0]
    return value


def is_char_array(btf: Btf, array: Array) -> bool:
    """An array of `char`, const or volatile perhaps; a typedef to char is meant as a number.

    That is how bpftool tells a string (is_str_array in tools/bpf/bpftool/btf_dumper.c).
    """
    element = btf.type(array.element_type_id)
    for _ in range(_QUALIFIERS):
        if not isinstance(element, Ref) or element.kind is Kind.TYPEDEF:
            break
        element = btf.type(element.type_id)
    return (
        isinstance(element, Int) and element.size == 1 and (element.char or element.name == "char")
    )
