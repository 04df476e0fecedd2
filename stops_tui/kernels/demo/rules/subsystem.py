"""What every subsystem of the demo kernel has: what it takes, refuses and holds."""

from __future__ import annotations

import re
from collections.abc import Iterable
from errno import EINVAL, EOPNOTSUPP

from stops_tui.kernels.demo.objects import DemoMap

NAME = re.compile(rb"[A-Za-z0-9_.]+")
FINE = 0


class Subsystem:
    """A subsystem that takes any value, and refuses every map. Answers are errnos; 0 is fine.

    Attributes:
        MANDATORY: The functions without which a map is refused.
        HAS_UPDATE: Whether its struct bpf_struct_ops has an `update` at all.
    """

    MANDATORY: tuple[str, ...] = ()
    HAS_UPDATE = False

    def validate(self, new: DemoMap) -> int:
        """Judge a value, at BPF_MAP_UPDATE_ELEM (its init_member and validate)."""
        given = {name for name, _ in new.programs()}
        return FINE if given.issuperset(self.MANDATORY) else EINVAL

    def register(self, new: DemoMap) -> int:
        """Register it (its reg)."""
        return EOPNOTSUPP

    def unregister(self, old: DemoMap) -> None:
        """End its registration (its unreg)."""

    def update(self, old: DemoMap, new: DemoMap) -> int:
        """Put `new` where `old` is registered (its update)."""
        return EOPNOTSUPP

    def users(self, map_id: int) -> int:
        """How many references it holds of a map, beside a registration."""
        return 0

    def rates(self, registered: Iterable[DemoMap]) -> dict[tuple[int, str], float]:
        """How often a second each member of its registered maps is called, by map id and member."""
        return {}


class Dummy(Subsystem):
    """bpf_dummy_ops (net/bpf/bpf_dummy_struct_ops.c): for BPF_PROG_TEST_RUN only."""

    def validate(self, new: DemoMap) -> int:
        """Never."""
        return EOPNOTSUPP


class IoUring(Subsystem):
    """io_uring_bpf_ops (io_uring/bpf-ops.c): no process of the demo has a ring."""

    MANDATORY = ("loop_step",)


class SchedExtCid(Subsystem):
    """sched_ext_ops_cid (kernel/sched/ext.c): wants a program with an arena map; none has one."""

    HAS_UPDATE = True

    def register(self, new: DemoMap) -> int:
        """No arena."""
        return EINVAL
