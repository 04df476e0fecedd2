"""How namespaces, processes and spans of time are told in an account."""

from __future__ import annotations

from collections.abc import Sequence

from stops_tui.kernels.users import RawNetns
from stops_tui.struct_ops.text import printable

_UNITS = (("day", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def netns_text(netns: RawNetns) -> str:
    """Its name, or what /proc/PID/ns/net says: `web`, `net:[4026532281]`."""
    return printable(netns.name) or _inode(netns)


def _inode(netns: RawNetns) -> str:
    return f"net:[{netns.inode}]"


def netns_phrase(netns: RawNetns) -> str:
    """`netns web`, `this netns`, `the netns of nginx (pid 812)`, `netns net:[4026532281]`."""
    if netns.ours and not netns.name:
        return "this netns"
    if netns.pid and not netns.name:
        return f"the netns of {process(netns.pid, netns.comm)}"
    return f"netns {netns_text(netns)}"


def process(pid: int, comm: str) -> str:
    """`nginx (pid 812)`."""
    return f"{printable(comm)} (pid {pid})" if comm else f"pid {pid}"


def ago(seconds: float) -> str:
    """`4 min ago`, in the largest unit that fits."""
    for unit, size in _UNITS:
        if seconds >= size:
            n = int(seconds // size)
            return f"{n} {unit}{'s' * (unit == 'day' and n != 1)} ago"
    return "just now"


def listing(parts: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))
