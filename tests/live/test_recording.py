"""A recording of the running kernel tells what was seen there."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from typing import Any

from stops_tui.kernels.live.kernel import LiveKernel
from stops_tui.kernels.recording.error import RecordingError
from stops_tui.kernels.recording.kernel import RecordedKernel
from stops_tui.struct_ops.events import Event, History
from stops_tui.struct_ops.inventory import Inventory, Snapshot
from stops_tui.struct_ops.story import tell
from tests.support.command import COMMAND, Cli, loaded
from tests.support.guest import PATIENCE
from tests.support.live import Kit, LiveMap, eventually

INTERVAL = 0.25
SOCKETS = (10, 30)

Seen = tuple[str, int] | None


@contextmanager
def recorder(file: Path) -> Iterator[subprocess.Popen[str]]:
    """`stops-tui record`, once it has looked."""
    command = [*COMMAND, "record", str(file), "--interval", str(INTERVAL)]
    with subprocess.Popen(command, text=True, stderr=subprocess.PIPE) as process:
        try:
            assert eventually(lambda: looked(file), 30)
            yield process
        finally:
            process.kill()


def looked(file: Path) -> bool:
    with suppress(RecordingError), closing(RecordedKernel(str(file))) as kernel:
        return len(kernel.moments()) > 1
    return False


class Watcher(Thread):
    """What the app's event view gets, at the same interval."""

    def __init__(self) -> None:
        super().__init__()
        self.history = History()
        self.ended = Flag()
        self._kernel = LiveKernel.open()
        self._inventory = Inventory(self._kernel)
        self._look()

    def run(self) -> None:
        while not self.ended.wait(INTERVAL):
            self._look()
        self._kernel.close()

    def _look(self) -> None:
        self.snapshot = self._inventory.sweep()
        self.history.add(self.snapshot)

    def seen(self, map_id: int) -> Seen:
        return seen(self.snapshot, map_id)


@contextmanager
def watched() -> Iterator[Watcher]:
    """A watcher, while it watches."""
    watcher = Watcher()
    watcher.start()
    try:
        yield watcher
    finally:
        watcher.ended.set()
        watcher.join()


def seen(snapshot: Snapshot, map_id: int) -> Seen:
    """State and refcnt of a map; None: not there."""
    found = snapshot.maps.get(map_id)
    return (found.state, found.refcnt) if found else None


def recorded(file: Path, map_id: int) -> Seen:
    """The same, at the end of a file that grows."""
    with closing(RecordedKernel(str(file))) as kernel:
        return seen(Inventory(kernel).sweep(), map_id)


def settled(events: Iterable[Event], map_id: int, counts: set[int]) -> dict[tuple[str, str], float]:
    """When each thing first happened; of reference counts, those that stayed for a while."""
    first: dict[tuple[str, str], float] = {}
    for event in events:
        passing = event.what == "refcnt" and int(event.after) not in counts
        if event.map_id == map_id and not passing:
            first.setdefault((event.what, event.after), event.time)
    return first


def told(ask: Callable[..., Any], verb: str, made: LiveMap, *more: str) -> Any:
    """What a report says of one map, whoever else runs what beside it.

    Who has it open is to be asked in another process: a look leaves out its own.
    """
    if verb == "dump":
        return ask("dump", "id", str(made.id), *more)
    found = ask(verb, *more)
    if verb == "progs":
        return [each for each in found if made.id in each["maps"]]
    (of_map,) = (each for each in found if each["id"] == made.id)
    us = [each for each in of_map["pids"] if each["pid"] == os.getpid()]
    return {**of_map, "pids": us}


def test_a_life_is_replayed_as_it_was_seen(kit: Kit, cli: Cli, tmp_path: Path) -> None:
    """Its end, too: a recorder keeps nothing alive."""
    file, began = tmp_path / "life.stops", time.time()

    def show(wanted: Seen) -> None:
        assert eventually(lambda: live.seen(made.id) == wanted, 20)
        assert eventually(lambda: recorded(file, made.id) == wanted, 20)

    with watched() as live, recorder(file) as process:
        with kit.tcp_map() as made, ExitStack() as sockets:
            show(("INUSE", 1))
            for before, count in zip((0, *SOCKETS), SOCKETS, strict=False):
                sockets.enter_context(kit.clients(made.name, count - before))
                show(("INUSE", 1 + count))
            asked = {"list": cli.outcome, "dump": loaded, "progs": loaded}
            reports = {verb: told(ask, verb, made) for verb, ask in asked.items()}
            at = time.time()
            time.sleep(2 * INTERVAL)
            made.unregister()
            made.drop()
            show(("TOBEFREE", SOCKETS[-1]))
        show(None)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30 * PATIENCE)
        assert process.returncode == 0
    counts = {1 + count for count in SOCKETS}
    replayed = settled(tell(str(file)).events, made.id, counts)
    told_live = settled(live.history.events, made.id, counts)
    assert list(replayed) == list(told_live)
    assert [what for what, _ in replayed].count("refcnt") == len(counts)
    assert {("map", "registered"), ("state", "TOBEFREE"), ("map", "")} <= replayed.keys()
    times = [began, *replayed.values(), time.time()]
    assert times == sorted(times)
    then = ("--replay", str(file), "--at", f"+{at - RecordedKernel(str(file)).start.time}")
    assert {verb: told(loaded, verb, made, *then) for verb in reports} == reports
