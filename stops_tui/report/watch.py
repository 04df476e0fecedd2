"""`watch`: what changes, as it happens, one event a line."""

from __future__ import annotations

import json
import select
import sys
import time
from typing import Final

from stops_tui.exit_codes import FINE
from stops_tui.kernels.kernel import Kernel
from stops_tui.struct_ops.events import Event, diff
from stops_tui.struct_ops.inventory import Inventory
from stops_tui.struct_ops.reasons import explained
from stops_tui.struct_ops.text import printable

READER_GONE: Final = select.POLLERR | select.POLLHUP | select.POLLNVAL


def report(kernel: Kernel, interval: float, duration: float | None, *, as_json: bool) -> int:
    """Print events until `duration` seconds have passed or nobody reads them any more.

    The first look tells what is there already, and is no event.
    """
    ends = time.monotonic() + (float("inf") if duration is None else duration)
    inventory = Inventory(kernel)
    before = inventory.sweep()
    while (left := ends - time.monotonic()) > 0 and _wait(min(interval, left)):
        now = inventory.sweep()
        for event in explained(diff(before, now), now, kernel):
            sys.stdout.write(_json_line(event) if as_json else _text_line(event))
        sys.stdout.flush()
        before = now
    return FINE


def _wait(seconds: float) -> bool:
    """Sleep; False at once when the reader of standard output is gone."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)  # the end of a pipe is told without being asked for
    return not any(found & READER_GONE for _, found in poll.poll(seconds * 1000))


def _json_line(event: Event) -> str:
    fields = ("time", "map_id", "map_name", "what", "before", "after", "reason")
    return json.dumps({name: getattr(event, name) for name in fields}) + "\n"


def _text_line(event: Event) -> str:
    clock = time.strftime("%H:%M:%S", time.localtime(event.time))
    return f"{clock}  {event.map_id:>5} {printable(event.map_name):<15}  {_story(event)}\n"


def _story(event: Event) -> str:
    before, after, reason = map(printable, (event.before, event.after, event.reason))
    if event.what != "map":
        return f"{event.what} {before or '-'} → {after or '-'}{reason and f': {reason}'}"
    return f"appeared, {after}" if after else reason or f"gone, was {before}"
