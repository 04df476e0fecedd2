"""One line with the last events, the newest first: what one missed while looking elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget

from stops_tui.struct_ops.events import Event
from stops_tui.struct_ops.text import printable
from stops_tui.widgets.event_words import change, clock

SHOWN = 8
"""More never fit in a line."""
GAP = " " * 5


def last_events(events: Sequence[Event]) -> tuple[Event, ...]:
    """The newest events; a state is left out, for the status says it in words."""
    return tuple(islice((e for e in reversed(events) if e.what != "state"), SHOWN))


def event_text(event: Event) -> Text:
    """`21:13:52 58 dctcp refcnt 5 → 6`."""
    what = "" if event.what in ("map", "status") else f"{event.what} "
    return Text.assemble(
        (f"{clock(event.time)} ", "dim"),
        (printable(f"{event.map_id} {event.map_name} "), "bold"),
        what,
        printable("".join(span.text for span in change(event))),
    )


class EventStrip(Widget):
    """`21:13:52 58 dctcp refcnt 5 → 6`, and as many more as fit."""

    DEFAULT_CSS = "EventStrip { height: 1; padding: 0 1; color: $text-muted; }"
    events: reactive[tuple[Event, ...]] = reactive(())

    def render(self) -> Text:
        """Paint the events that fit whole; of the newest, what fits."""
        line = Text(no_wrap=True, overflow="ellipsis", end="")
        for event in self.events:
            text = event_text(event)
            if line and line.cell_len + len(GAP) + text.cell_len > self.size.width:
                break
            line.append(GAP if line else "").append_text(text)
        return line or Text("no events yet", "dim", end="")
