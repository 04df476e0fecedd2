"""The calls that are known to wreck a kernel, or to lie: refused before they are made.

No screen and no script gets past these. Source: kernel/bpf/bpf_struct_ops.c,
net/ipv4/tcp_cong.c, io_uring/bpf-ops.c.
"""

from __future__ import annotations

from collections.abc import Collection

from stops_tui.bpf.errors import BpfError
from stops_tui.bpf.info import LINK_TYPE_STRUCT_OPS
from stops_tui.bpf.syscall import Bpf
from stops_tui.kernels.shape import Shape
from stops_tui.kernels.writes import Refused

_UPDATE = "BPF_MAP_UPDATE_ELEM"
_LINK_UPDATE = "BPF_LINK_UPDATE"

_NEVER_WITHOUT = {"io_uring_bpf_ops": ("loop_step", "the kernel would warn, or stop")}
"""By type, the member whose absence the kernel meets with WARN_ON (io_uring/bpf-ops.c)."""

_POINTER_SIZE = 8


def check_value(shape: Shape, value_size: int, value: bytes, slots: Collection[int]) -> None:
    """Refuse a value that must not reach the kernel.

    Args:
        shape: What its bytes are.
        value_size: The map's: the kernel reads as many bytes, whatever it is given.
        value: The value before the programs are put in.
        slots: The offsets at which programs are put in.

    Raises:
        Refused: With the first reason found.
    """
    reason = (
        _size(value_size, value)
        or _header(shape, value)
        or _functions(shape, value, slots)
        or _pointers(shape, value)
        or _absent(shape, slots)
    )
    if reason:
        raise Refused(_UPDATE, reason)


def check_link_update(bpf: Bpf, link_fd: int, new_fd: int, old_fd: int) -> None:
    """Refuse to put a map into a link that holds it already.

    The kernel itself sees to it that the link still holds `old` when it replaces it
    (BPF_F_REPLACE), so that with `old` and `new` differing no race leads there either.

    Raises:
        Refused: The maps are the same, or what the link holds cannot be read.
    """
    try:
        link = bpf.link_get_info_by_fd(link_fd)
        new_id = bpf.map_get_info_by_fd(new_fd).id
        old_id = bpf.map_get_info_by_fd(old_fd).id
    except BpfError as error:
        raise Refused(_LINK_UPDATE, f"what the link holds cannot be read: {error}") from error
    if link.type != LINK_TYPE_STRUCT_OPS:
        raise Refused(_LINK_UPDATE, f"link {link.id} is no struct_ops link")
    if new_id in (link.map_id, old_id):
        raise Refused(
            _LINK_UPDATE,
            f"link {link.id} holds map {new_id} already, and replacing a map by itself "
            "corrupts the kernel's list of congestion controls",
        )


def _size(value_size: int, value: bytes) -> str:
    if len(value) == value_size:
        return ""
    return f"the value is of {len(value)} bytes, the map's of {value_size}"


def _header(shape: Shape, value: bytes) -> str:
    if not any(value[: shape.data_offset]):
        return ""
    return "refcnt and state, before the members, are the kernel's to set"


def _functions(shape: Shape, value: bytes, slots: Collection[int]) -> str:
    for at in slots:
        if at not in shape.functions:
            return f"no function member is at byte {at}"
    for at, name in shape.functions.items():
        if any(value[at : at + _POINTER_SIZE]):
            return f"{name} is given as a number, not as a program"
    return ""


def _pointers(shape: Shape, value: bytes) -> str:
    for at, name in shape.pointers.items():
        if any(value[at : at + _POINTER_SIZE]):
            return (
                f"{name} is a pointer, which only the kernel may set; "
                "a kernel can claim success and register nothing"
            )
    return ""


def _absent(shape: Shape, slots: Collection[int]) -> str:
    member, consequence = _NEVER_WITHOUT.get(shape.type_name, ("", ""))
    if not member or member in {shape.functions[at] for at in slots}:
        return ""
    return f"{shape.type_name} without {member}: {consequence}"
