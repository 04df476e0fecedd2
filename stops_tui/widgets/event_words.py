"""When and what, in the words and colours of every list of events."""

from __future__ import annotations

from datetime import datetime

from stops_tui.struct_ops.events import Event
from stops_tui.widgets.columns import Span


def clock(time: float) -> str:
    """`21:13:52`, in local time."""
    return datetime.fromtimestamp(time).astimezone().strftime("%H:%M:%S")


def change(event: Event) -> tuple[Span, ...]:
    """`5 → 6`; of a map that comes or goes, that; and why, where it is known."""
    if event.what != "map":
        why = f": {event.reason}" if event.reason else ""
        before, after = event.before or "none", event.after or "none"
        return (Span(before, "dim"), Span(" → "), Span(after), Span(why, "warn"))
    if event.after:
        return (Span("appeared", "good"), Span(f", {event.after}"))
    if event.reason:
        return (Span(event.reason, "good"),)
    return (Span("gone", "warn"), Span(f", was {event.before}"))
