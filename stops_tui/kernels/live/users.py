"""Who in the running kernel holds a struct_ops map. Keeps the protocol `Users`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from stops_tui.btf import Btf
from stops_tui.kernels.live.hid import hid_device
from stops_tui.kernels.live.netns import Namespaces
from stops_tui.kernels.live.sched_ext import sched_ext, sched_ext_log
from stops_tui.kernels.users import (
    RawHidDevice,
    RawLog,
    RawQdiscs,
    RawSchedExt,
    RawSocket,
    RawTcpGroup,
    RawTcpUsers,
)

if TYPE_CHECKING:
    from stops_tui.kernels.live.tcp_users import TcpUsers


class LiveUsers:
    """See `Users`. Safe for several threads.

    Args:
        vmlinux: Gives the kernel's BTF.
    """

    def __init__(self, vmlinux: Callable[[], Btf]) -> None:
        self._vmlinux = vmlinux
        self._namespaces = Namespaces()

    def tcp(self, maps: Mapping[int, str]) -> RawTcpUsers:
        """Sockets and defaults, in every network namespace."""
        return self._tcp.counts(maps)

    def tcp_groups(
        self, map_id: int, name: str, namespaces: Collection[int], most: int
    ) -> Mapping[int, tuple[RawTcpGroup, ...]]:
        """A map's sockets in some namespaces, by process and peer."""
        return self._tcp.groups(map_id, name, namespaces, most)

    def tcp_sockets(self, map_id: int, name: str, netns: int, most: int) -> tuple[RawSocket, ...]:
        """The first `most` sockets of a map in one namespace."""
        return self._tcp.sockets(map_id, name, netns, most)

    def qdiscs(self, kinds: Collection[str]) -> RawQdiscs:
        """Instances of queueing disciplines, in every network namespace."""
        from stops_tui.kernels.live.qdiscs import qdiscs  # netlink takes its time

        return qdiscs(self._namespaces, kinds)

    def sched_ext(self) -> RawSchedExt | None:
        """What sched_ext says; None where the kernel has none."""
        return sched_ext()

    def sched_ext_log(self) -> RawLog:
        """What the kernel's log says of sched_ext."""
        return sched_ext_log()

    def hid_device(self, hid_id: int) -> RawHidDevice | None:
        """The HID device of this id; None if it is gone."""
        return hid_device(hid_id)

    @cached_property
    def _tcp(self) -> TcpUsers:
        from stops_tui.kernels.live.tcp_users import TcpUsers

        return TcpUsers(self._vmlinux(), self._namespaces)
