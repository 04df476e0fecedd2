"""The top line: which kernel this is, what may be done to it, and how fresh the screen is."""

from __future__ import annotations

from rich.style import Style
from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget

from stops_tui.kernels.kernel import Host
from stops_tui.struct_ops.text import printable
from stops_tui.widgets.palette import palette

_REVERSED = Style(reverse=True, bold=True)


def interval_text(seconds: float) -> str:
    """`every 1 s`, `every 250 ms`."""
    return f"every {seconds * 1000:.0f} ms" if seconds < 1 else f"every {seconds:g} s"


class TopLine(Widget):
    """`stops  vm · Linux 6.18.44 · root            read-only · every 1 s · live`.

    Attributes:
        pulse: "live", "starting", "paused 00:12", "stale 5 s" or why the kernel cannot be read.
        interval: Seconds between two looks at the kernel.
        counting: Whether run statistics are on, which costs the kernel a little.
        armed: Whether this program may change the kernel.
        taping: Where what is seen is recorded to; "" while it is not.
        held: How many links live only because this program holds them.
    """

    DEFAULT_CSS = "TopLine { height: 1; dock: top; padding: 0 1; background: $panel; }"
    pulse: reactive[str] = reactive("starting")
    interval: reactive[float] = reactive(1.0)
    counting: reactive[bool] = reactive(False)
    armed: reactive[bool] = reactive(False)
    taping: reactive[str] = reactive("")
    held: reactive[int] = reactive(0)

    def __init__(self, host: Host) -> None:
        super().__init__()
        self._host = host

    def render(self) -> Text:
        """Paint the left part, cut where room is short, and the right part."""
        styles = palette(self.app)
        host, right = self._host, self._right()
        left = Text().append("stops", styles["accent"] + styles["strong"])
        if host.source != "live":
            left.append(" ").append(f" {host.source.upper()} ", styles["warn"] + _REVERSED)
        left.append(printable(f"   {host.name} · Linux {host.release} · {host.user}"))
        left.truncate(max(self.size.width - right.cell_len - 1, 0), overflow="ellipsis", pad=True)
        return Text.assemble(left, " ", right, no_wrap=True, overflow="crop", end="")

    def _right(self) -> Text:
        """What may be done, what it costs, how fresh it is; what holds on to the kernel is told."""
        styles = palette(self.app)
        may = (" WRITE ", styles["alarm"]) if self.armed else ("read-only", styles["plain"])
        holds = f"holds {self.held} link{'s' * (self.held != 1)}"
        late = self.pulse not in ("live", "starting")
        told = [may]
        told += [(holds, styles["warn"] + styles["strong"])] if self.held else []
        told += [("● REC", styles["bad"])] if self.taping else []
        told += [("counting runs", styles["plain"])] if self.counting else []
        if self._host.source != "recording":  # what plays has a speed instead
            told += [(interval_text(self.interval), styles["plain"])]
        told += [(self.pulse, styles["warn" if late else "good"] + styles["strong"])]
        return Text(" · ").join(Text(words, style) for words, style in told)
