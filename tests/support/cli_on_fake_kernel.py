"""The command on a simulated kernel, as a process of its own:

    python -m tests.support.cli_on_fake_kernel list --json

The kernel is `FakeKernel.busy()`; from its second sweep on, things happen in it.
"""

from __future__ import annotations

from collections.abc import Collection

from stops_tui import cli
from stops_tui.kernels.kernel import RawSweep
from tests.support.fake_kernel import FakeKernel


class LivelyKernel(FakeKernel):
    """Sweep 2: map 58 gets a holder. Sweep 3: map 61 goes away, and 62 appears."""

    def sweep(self, resting: Collection[int] = ()) -> RawSweep:
        if self.sweeps == 1:
            self.set(58, refcnt=7)
        if self.sweeps == 2:
            self.remove(61)
            self.add_map(62, "\x1b[2J[b]")
        return super().sweep(resting)


if __name__ == "__main__":
    cli._live_kernel = lambda **_: LivelyKernel.busy()
    raise SystemExit(cli.main())
