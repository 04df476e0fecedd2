"""Opening the app: on this kernel, on the demo kernel, on a recording."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from stops_tui.exit_codes import NOT_FOUND, USAGE

if TYPE_CHECKING:
    from stops_tui.app import StopsApp
    from stops_tui.kernels.kernel import Kernel, KernelUnreadable
    from stops_tui.struct_ops.inventory import Inventory


def open_app(live_kernel: Callable[[], Kernel], interval: float | None, *, armed: bool) -> int:
    """The app on the running kernel, or on the page that says why it cannot be read."""
    if not _on_terminal():
        return USAGE
    from stops_tui.kernels.kernel import KernelUnreadable

    kernel: Kernel | KernelUnreadable
    inventory = None
    try:
        kernel, inventory = _look_ahead()  # while Textual is imported
    except KernelUnreadable as unreadable:
        kernel = unreadable
    from stops_tui.app import StopsApp
    from stops_tui.config import load

    # Garbage is looked for again once its first frame is painted.
    app = StopsApp(kernel, load(interval), live_kernel, inventory, armed=armed)
    exit_code = _run(app)
    return open_demo(1, 1.0, interval) if app.wants_demo else exit_code


def _look_ahead() -> tuple[Kernel, Inventory]:
    """The running kernel, the first sweep of which is begun: much comes before it is wanted."""
    from stops_tui.inventory_ahead import InventoryAhead
    from stops_tui.kernels.live.kernel import LiveKernel

    kernel = LiveKernel.open()
    return kernel, InventoryAhead(kernel)


def open_demo(seed: int, speed: float, interval: float | None, *, armed: bool = False) -> int:
    """The app on a simulated kernel, where nothing can break."""
    if not _on_terminal():
        return USAGE
    from stops_tui.app import StopsApp
    from stops_tui.config import load
    from stops_tui.kernels.demo.kernel import DemoKernel

    return _run(StopsApp(DemoKernel(seed, speed), load(interval), armed=armed))


def open_replay(path: str, speed: float) -> int:
    """The app on a recording."""
    from stops_tui.kernels.recording.error import RecordingError
    from stops_tui.kernels.recording.kernel import RecordedKernel
    from stops_tui.report.output import note

    if not _on_terminal():
        return USAGE
    try:
        kernel = RecordedKernel(path)
    except RecordingError as error:
        note(str(error))
        return NOT_FOUND
    from stops_tui.config import load
    from stops_tui.replaying import ReplayApp

    return _run(ReplayApp(kernel, load(None), speed))


def _run(app: StopsApp) -> int:
    """Run an app until it is left, or its terminal is gone."""
    from stops_tui.hangup import end_with_terminal

    end_with_terminal(sys.stdin.fileno(), lambda: app.at_work)
    app.run()
    return app.return_code or 0


def _on_terminal() -> bool:
    """Whether there is one for the app; tells if not."""
    if all(stream and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.__stderr__)):
        return True
    from stops_tui.report.output import note

    note("the app needs a terminal; for scripts there is: stops-tui list (see --help)")
    return False
