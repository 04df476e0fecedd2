"""Who in the running kernel holds a struct_ops map. Keeps the protocol `Users`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from stops_tui.btf import Btf
from stops_tui.kernels.live import tcp_users
from stops_tui.kernels.users import (
    RawHidDevice,
    RawQdiscs,
    RawSchedExt,
    RawSocket,
    RawTcpGroup,
    RawTcpUsers,
)


class LiveUsers:
    """See `Users`. Safe for several threads: it remembers nothing.

    Args:
        vmlinux: Gives the kernel's BTF.
    """

    def __init__(self, vmlinux: Callable[[], Btf]) -> None:
        self._vmlinux = vmlinux

    def tcp(self, maps: Mapping[int, str]) -> RawTcpUsers:
        """Sockets and defaults, in every network namespace."""
        return tcp_users.users(self._vmlinux(), maps)

    def tcp_groups(self, map_id: int, name: str, netns: int, most: int) -> tuple[RawTcpGroup, ...]:
        """A map's sockets in one namespace by process and peer."""
        return tcp_users.groups(self._vmlinux(), map_id, name, netns, most)

    def tcp_sockets(self, map_id: int, name: str, netns: int, most: int) -> tuple[RawSocket, ...]:
        """The first `most` sockets of a map in one namespace."""
        return tcp_users.listed(self._vmlinux(), map_id, name, netns, most)

    def qdiscs(self, kinds: Collection[str]) -> RawQdiscs:
        """Instances of queueing disciplines, in every network namespace."""
        return RawQdiscs()

    def sched_ext(self) -> RawSchedExt | None:
        """What sched_ext says; None where the kernel has none."""
        return None

    def hid_device(self, hid_id: int) -> RawHidDevice | None:
        """The HID device of this id; None if it is gone."""
        return None
