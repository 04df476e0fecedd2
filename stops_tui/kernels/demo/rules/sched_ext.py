"""Schedulers (kernel/sched/ext.c): one at a time, enabled after its link, ejected under it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from errno import E2BIG, EBUSY, EINVAL

from stops_tui.kernels.demo.objects import DemoMap
from stops_tui.kernels.demo.rules.subsystem import FINE, NAME, Subsystem
from stops_tui.kernels.users import RawSchedExt

ENQ_LAST, SWITCH_PARTIAL = 1 << 1, 1 << 3
"""SCX_OPS_*."""
LONGEST = 30_000
"""The most that timeout_ms may be; what 0 stands for."""
REFUSING, LOSING = "refuse_init", "lose_enqueue"
"""Programs of the cast: an init() that returns an error, an enqueue() that drops every task."""

CALLS = {"enqueue": 2_400.0, "dispatch": 3_100.0, "select_cpu": 2_400.0, "running": 2_400.0}
EVENTS = {
    "SCX_EV_SELECT_CPU_FALLBACK": 0.0,
    "SCX_EV_DISPATCH_LOCAL_DSQ_OFFLINE": 0.0,
    "SCX_EV_DISPATCH_KEEP_LAST": 210.0,
    "SCX_EV_ENQ_SKIP_EXITING": 0.3,
    "SCX_EV_ENQ_SKIP_MIGRATION_DISABLED": 0.0,
    "SCX_EV_REFILL_SLICE_DFL": 340.0,
    "SCX_EV_BYPASS_ACTIVATE": 0.0,
}
"""root/events, and how many come in a second."""


class SchedExt(Subsystem):
    """What sched_ext runs.

    Attributes:
        map_id: The map of the scheduler that runs; 0: none does.
        ops: Its name.
        log: What the kernel's log says of it.
    """

    HAS_UPDATE = True  # bpf_scx_update(): EOPNOTSUPP

    def __init__(
        self, function_of: Callable[[int], str], at: Callable[[float, Callable[[], None]], None]
    ) -> None:
        """Nothing runs.

        Args:
            function_of: The name of a program's function.
            at: Does something so many seconds later.
        """
        self._function_of = function_of
        self._at = at
        self.map_id = 0
        self.ops = ""
        self.switch_all = False
        self.enable_seq = 3
        self.events: dict[str, float] = {}
        self.log: list[str] = []

    def validate(self, new: DemoMap) -> int:
        """bpf_scx_init_member()."""
        if not new.is_terminated("name") or not NAME.fullmatch(new.text("name")):
            return EINVAL
        if new.data("flags") & ~0x1FF:
            return EINVAL
        if new.data("timeout_ms") > LONGEST or new.data("dispatch_max_batch") >= 1 << 31:
            return E2BIG
        return FINE

    def register(self, new: DemoMap) -> int:
        """scx_enable(): succeeds even if the scheduler is then refused."""
        if self.map_id:
            return EBUSY
        name = new.text("name").decode()
        programs = {member: self._function_of(prog_id) for member, prog_id in new.programs()}
        if programs.get("init") == REFUSING:
            self._say(f'BPF scheduler "{name}" disabled (runtime error)')
            self._say(f"{name}: ops.init() failed (-22)")
            return FINE
        if new.data("flags") & ENQ_LAST and "enqueue" not in programs:
            self._say(f"{name}: SCX_OPS_ENQ_LAST requires ops.enqueue() to be implemented")
            return FINE
        self.map_id, self.ops = new.id, name
        self.switch_all = not new.data("flags") & SWITCH_PARTIAL
        self.enable_seq += 1
        self.events = dict.fromkeys(EVENTS, 0.0)
        partial = "" if self.switch_all else " (partial)"
        self._say(f'BPF scheduler "{name}" enabled{partial}')
        if programs.get("enqueue") == LOSING:
            seconds = (new.data("timeout_ms") or LONGEST) / 1000 + 0.3
            self._at(seconds, lambda: self.stall(new.id, seconds))
        return FINE

    def unregister(self, old: DemoMap) -> None:
        """scx_disable(): the tasks go back to the fair class."""
        if self.map_id == old.id:
            self._say(f'BPF scheduler "{self.ops}" disabled (unregistered from user space)')
            self._end()

    def stall(self, map_id: int, seconds: float, task: str = "kworker/1:2[611]") -> None:
        """The watchdog ejects a scheduler; its link and map stay as they are."""
        if self.map_id == map_id:
            self._say(f'BPF scheduler "{self.ops}" disabled (runnable task stall)')
            self._say(f"{self.ops}: {task} failed to run for {seconds:.3f}s")
            self._end()

    def rates(self, registered: Iterable[DemoMap]) -> dict[tuple[int, str], float]:
        """Only what runs is called."""
        return {(self.map_id, member): calls for member, calls in CALLS.items() if self.map_id}

    def advance(self, seconds: float) -> None:
        """Events of so many seconds."""
        for name in self.events:
            self.events[name] += EVENTS[name] * seconds

    def says(self) -> RawSchedExt:
        """/sys/kernel/sched_ext and /proc."""
        return RawSchedExt(
            state="enabled" if self.map_id else "disabled",
            ops=self.ops or None,
            switch_all=self.switch_all,
            enable_seq=self.enable_seq,
            events={name: int(count) for name, count in self.events.items()},
            tasks=(217 if self.switch_all else 4) if self.map_id else 0,
        )

    def _end(self) -> None:
        self.map_id, self.ops, self.switch_all, self.events = 0, "", False, {}

    def _say(self, words: str) -> None:
        self.log.append(f"sched_ext: {words}")
