"""What cannot be asked of the past, nor done to it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import NoReturn

from stops_tui.kernels.recording.state import State
from stops_tui.kernels.users import (
    RawHidDevice,
    RawLog,
    RawQdiscs,
    RawSchedExt,
    RawSocket,
    RawTcpGroup,
    RawTcpUsers,
)
from stops_tui.kernels.writes import Call, Libbpf, ReadOnly

_NOT_RECORDED = "sockets and qdiscs: a recording does not hold them"
_NO_NAME = "not recorded"
_COUNTS = "what sched_ext counts: a recording does not hold it"


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
    """Keeps the protocol `Users`: of the past, only what subsystems said of themselves is known.

    Args:
        now: The state of the moment that is looked at.
    """

    def __init__(self, now: Callable[[], State]) -> None:
        self._now = now

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
        """What a sweep sees."""
        says = self._now().sweep.subsystems
        if says.sched_ext_state is None:
            return None
        return RawSchedExt(
            says.sched_ext_state,
            says.sched_ext_ops,
            switch_all=None,
            nr_rejected=None,
            enable_seq=None,
            unseen=(_COUNTS,),
        )

    def sched_ext_log(self) -> RawLog:
        """As it was read when sched_ext last said something else."""
        return RawLog(self._now().log)

    def hid_device(self, hid_id: int) -> RawHidDevice | None:
        """Whether it was there; its name was not recorded."""
        if hid_id not in (self._now().sweep.subsystems.hid_ids or ()):
            return None
        return RawHidDevice(f"hid_id {hid_id:#06x}", _NO_NAME, _NO_NAME, _NO_NAME)
