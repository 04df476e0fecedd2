"""The top line: which kernel this is, what may be done to it, and how fresh the screen is."""

from __future__ import annotations

from rich.text import Text
from textual.reactive import reactive
from textual.widget import Widget

from stops_tui.kernels.kernel import Host
from stops_tui.struct_ops.text import printable
from stops_tui.widgets.palette import palette


def interval_text(seconds: float) -> str:
    """`every 1 s`, `every 250 ms`."""
    return f"every {seconds * 1000:.0f} ms" if seconds < 1 else f"every {seconds:g} s"


class TopLine(Widget):
    """`stops  vm · Linux 6.18.44 · root            read-only · every 1 s · live`.

    Attributes:
        pulse: "live", "starting", "paused 00:12", "stale 5 s" or why the kernel cannot be read.
        interval: Seconds between two looks at the kernel.
        counting: Whether run statistics are on, which costs the kernel a little.
    """

    DEFAULT_CSS = "TopLine { height: 1; dock: top; padding: 0 1; background: $panel; }"
    pulse: reactive[str] = reactive("starting")
    interval: reactive[float] = reactive(1.0)
    counting: reactive[bool] = reactive(False)

    def __init__(self, host: Host) -> None:
        super().__init__()
        self._host = host

    def render(self) -> Text:
        """Paint the left part, cut where room is short, and the right part."""
        styles = palette(self.app)
        late = self.pulse not in ("live", "starting")
        counting = "counting runs · " if self.counting else ""
        right = Text(f"read-only · {counting}{interval_text(self.interval)} · ")
        right.append(self.pulse, styles["warn" if late else "good"] + styles["strong"])
        host = self._host
        left = Text.assemble(
            ("stops", styles["accent"] + styles["strong"]),
            printable(f"   {host.name} · Linux {host.release} · {host.user}"),
        )
        left.truncate(max(self.size.width - right.cell_len - 1, 0), overflow="ellipsis", pad=True)
        return Text.assemble(left, " ", right, no_wrap=True, overflow="crop", end="")
