"""The first sweep of a live kernel, made while this process has much else to do."""

from __future__ import annotations

from contextlib import suppress

from stops_tui.kernels.kernel import RawSweep
from stops_tui.kernels.live.ahead import Ahead
from stops_tui.kernels.live.kernel import LiveKernel, Memory
from stops_tui.record import Record
from stops_tui.struct_ops.inventory import Inventory, Snapshot


class _Seen(Record):
    """What a sweep leaves behind: in the kernel, and in its inventory."""

    memory: Memory
    raw: RawSweep
    snapshot: Snapshot


class InventoryAhead(Inventory):
    """An inventory whose first sweep a child process begins at once: it looks, and it decodes.

    To be made before there are other threads (fork(2)). Where no process can be made, or the
    child's fails, the first sweep is like any other.

    Args:
        kernel: Where the facts come from; nobody has looked at it so far.
    """

    def __init__(self, kernel: LiveKernel) -> None:
        super().__init__(kernel)
        self._live = kernel
        self._ahead: Ahead[_Seen] | None = None
        with suppress(OSError):
            self._ahead = Ahead(self._see)

    def sweep(self) -> Snapshot:
        """The kernel's maps, programs and links now; the same object if nothing changed."""
        ahead, self._ahead = self._ahead, None
        seen = ahead.result() if ahead else None
        if seen is None:
            return super().sweep()
        self._live.memory = seen.memory
        return self._remember(seen.raw, seen.snapshot)

    def _see(self) -> _Seen:
        """In the child: sweep, and tell all that is to be remembered for the next one."""
        snapshot = super().sweep()
        return _Seen(self._live.memory, self._raw, snapshot)
