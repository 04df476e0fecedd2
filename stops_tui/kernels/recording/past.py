"""What cannot be asked of the past, nor done to it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import NoReturn

from stops_tui.kernels.users import (
    RawHidDevice,
    RawQdiscs,
    RawSchedExt,
    RawSocket,
    RawTcpGroup,
    RawTcpUsers,
)
from stops_tui.kernels.writes import Call, Libbpf, ReadOnly

_NOT_RECORDED = "sockets and qdiscs: a recording does not hold them"


def _refuse(*_: object, **__: object) -> NoReturn:
    raise ReadOnly("a recording: nothing in it can be changed")


class PastWrites:
    """Keeps the protocol `Writes`, and refuses: what was done is done."""

    listen: Callable[[Call], None] | None = None

    open_program = open_map = open_link = open_pin = staticmethod(_refuse)
    load_program = load_object = load_btf = create_map = staticmethod(_refuse)
    update_map = delete_map = create_link = update_link = detach_link = staticmethod(_refuse)
    pin = unpin = mount_bpffs = staticmethod(_refuse)

    @property
    def armed(self) -> bool:
        """Never."""
        return False

    @armed.setter
    def armed(self, armed: bool) -> None:
        if armed:
            _refuse()

    def libbpf(self) -> Libbpf:
        """None is needed."""
        return Libbpf("", problem="nothing can be loaded into a recording")


class PastUsers:
    """Keeps the protocol `Users`: of the past, only what is in a map's value is known."""

    def tcp(self, maps: Mapping[int, str]) -> RawTcpUsers:
        """Not recorded."""
        return RawTcpUsers(unseen=(_NOT_RECORDED,))

    def tcp_groups(
        self, map_id: int, name: str, namespaces: Collection[int], most: int
    ) -> Mapping[int, tuple[RawTcpGroup, ...]]:
        """Not recorded."""
        return {}

    def tcp_sockets(self, map_id: int, name: str, netns: int, most: int) -> tuple[RawSocket, ...]:
        """Not recorded."""
        return ()

    def qdiscs(self, kinds: Collection[str]) -> RawQdiscs:
        """Not recorded."""
        return RawQdiscs(unseen=(_NOT_RECORDED,))

    def sched_ext(self) -> RawSchedExt | None:
        """Not recorded, but for what a sweep sees."""
        return None

    def hid_device(self, hid_id: int) -> RawHidDevice | None:
        """Not recorded, but for what a sweep sees."""
        return None
