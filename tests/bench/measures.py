"""What is measured, each against its yardstick in the same run."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench import empty_app
from tests.bench.idle import idle_processes
from tests.bench.scene import Scene
from tests.bench.terminal import Terminal, terminal
from tests.bench.users import SOCKETS, seconds_to_count, sockets
from tests.support.live import TCP

STOPS_TUI = str(Path(sys.executable).with_name("stops-tui"))
BPFTOOL = ("bpftool", "-j", "struct_ops", "dump")
LIVE_MARK = TCP  # a row of the table: the screen has seen the kernel
EMPTY_APP = (sys.executable, str(empty_app.__file__))
RUNS = 9
HOLDERS = "3"
"""The key that opens the panel of holders, which then looks for them."""
SETTLE_S, WATCH_S = 5, 20
KEYS_S, TYPING_S = 10, 0.05


@dataclass(frozen=True)
class Result:
    """One figure.

    Attributes:
        what: What was measured.
        ours: Its value, with its unit.
        yardstick: What it is compared with, with its unit; "" for a figure that stands alone.
        figure: The ratio of both, or the figure.
        target: What `figure` may be at most.
        unit: "x" for a ratio, "%".
    """

    what: str
    ours: str
    yardstick: str
    figure: float
    target: float
    unit: str = "x"

    @property
    def ok(self) -> bool:
        """Whether the target is met."""
        return self.figure <= self.target


def cold(_: Scene) -> list[Result]:
    """A whole `list --json`, start and end of the process included."""
    ours, theirs = _in_turns(_runs([STOPS_TUI, "list", "--json"]), _runs(BPFTOOL))
    return [_times("cold list --json", ours, theirs, "bpftool", target=4.0)]


def warm(_: Scene) -> list[Result]:
    """A sweep after the first, nothing having changed."""
    from stops_tui.kernels.live.kernel import LiveKernel
    from stops_tui.struct_ops.inventory import Inventory

    inventory = Inventory(LiveKernel.open())
    inventory.sweep()

    def sweep() -> float:
        started = time.perf_counter()
        inventory.sweep()
        return time.perf_counter() - started

    ours, theirs = _in_turns(sweep, _runs(BPFTOOL))
    return [_times("warm sweep", ours, theirs, "bpftool", target=0.25)]


def frame(_: Scene) -> list[Result]:
    """From the start of the process to the first map on the wire."""
    ours, theirs = _in_turns(
        lambda: _frame_s([STOPS_TUI], LIVE_MARK), lambda: _frame_s(EMPTY_APP, empty_app.MARK)
    )
    return [_times("first live frame", ours, theirs, "empty app", target=1.25)]


def watch(scene: Scene) -> list[Result]:
    """Some seconds of watching while one refcnt changes every second; and the memory it takes."""
    with idle_processes(), terminal([STOPS_TUI], LIVE_MARK) as app:
        app.drain()
        time.sleep(SETTLE_S)
        cpu = _cpu_while(app, scene.change)
        ours = app.peak_kib() / 1024
    with terminal(EMPTY_APP, empty_app.MARK) as app:
        app.drain()
        time.sleep(SETTLE_S)
        theirs = app.peak_kib() / 1024
    return [
        Result(f"CPU over {WATCH_S} s", f"{cpu:.2f} % of a core", "", cpu, 2.0, "%"),
        Result("peak memory", f"{ours:.1f} MiB", f"empty app {theirs:.1f} MiB", ours / theirs, 1.5),
    ]


def users(scene: Scene) -> list[Result]:
    """Who uses a map: the first look at sockets in ten network namespaces, and keys meanwhile."""
    with sockets(scene.name):
        seconds = seconds_to_count(scene.name)
        with terminal([STOPS_TUI], LIVE_MARK) as app:
            time.sleep(SETTLE_S)
            idle = _answer_s(app)
            app.answer_s(HOLDERS, "refcnt")
            looking = _answer_s(app)
    return [
        Result(f"{SOCKETS:,} sockets", f"{seconds:.2f} s", "", seconds, 2.0, "s"),
        Result(
            "key while looking",
            f"{looking * 1e3:.0f} ms",
            f"at other times {idle * 1e3:.0f} ms",
            looking * 1e3,
            100,
            "ms",
        ),
    ]


def _answer_s(app: Terminal) -> float:
    """Seconds from a key press to what it changes on the screen, for 95 of 100; over some looks."""
    answers, ends = [], time.perf_counter() + KEYS_S
    while time.perf_counter() < ends:
        for key, interval in (("-", "2 s"), ("+", "1 s")):
            answers.append(app.answer_s(key, f"every {interval}"))
            time.sleep(TYPING_S)
    return statistics.quantiles(answers, n=20)[-1]


MEASURES: dict[str, Callable[[Scene], list[Result]]] = {
    "cold": cold,
    "warm": warm,
    "frame": frame,
    "watch": watch,
    "users": users,
}


def _cpu_while(app: Terminal, change: Callable[[], None]) -> float:
    """Percent of one core that the app uses while something changes once a second."""
    before, started = app.cpu_s(), time.perf_counter()
    for second in range(1, WATCH_S + 1):
        change()
        time.sleep(max(0.0, started + second - time.perf_counter()))
    return 100 * (app.cpu_s() - before) / (time.perf_counter() - started)


def _frame_s(command: Sequence[str], mark: str) -> float:
    with terminal(command, mark) as app:
        return app.frame_s


def _runs(command: Sequence[str]) -> Callable[[], float]:
    """A function that runs the command and says how many seconds that took."""

    def run() -> float:
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return time.perf_counter() - started

    return run


def _in_turns(ours: Callable[[], float], theirs: Callable[[], float]) -> tuple[float, float]:
    """The medians of both, run by turns: what disturbs the machine disturbs both."""
    ours(), theirs()  # the first run reads files from disk
    times = [(ours(), theirs()) for _ in range(RUNS)]
    return (
        statistics.median(mine for mine, _ in times),
        statistics.median(yours for _, yours in times),
    )


def _times(what: str, ours: float, theirs: float, name: str, target: float) -> Result:
    return Result(
        what, f"{ours * 1e3:.1f} ms", f"{name} {theirs * 1e3:.1f} ms", ours / theirs, target
    )
