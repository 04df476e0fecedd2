"""Why a program was refused: what it comes to, and the whole log to scroll through."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Static

from stops_tui.struct_ops.listing import ListingLine
from stops_tui.struct_ops.text import printable
from stops_tui.struct_ops.verifier_log import Refusal
from stops_tui.widgets.code_view import CodeView, Lines
from stops_tui.widgets.palette import Palette, palette
from stops_tui.widgets.plan_text import pairs_text

LONGEST_LOG = 20_000
"""Lines shown of a log: its end says why."""


class Log:
    """A log prepared for painting; made off the screen's thread.

    Attributes:
        refusal: What the verifier found; None for a log of libbpf.
        text: All of it.
        lines: Its last lines.
        at: Which of those is the instruction that was refused; else the last.
    """

    def __init__(self, text: str, refusal: Refusal | None) -> None:
        whole = text.splitlines()
        left_out = max(len(whole) - LONGEST_LOG, 0)
        self.refusal = refusal
        self.text = text
        self.lines = Lines([_line(n, each) for n, each in enumerate(whole[left_out:])])
        found = refusal.line - left_out if refusal else -1
        self.at = found if found >= 0 else len(self.lines) - 1


def _line(number: int, text: str) -> ListingLine:
    return ListingLine("source" if text.startswith(";") else "insn", text, number)


class RefusalView(Vertical):
    """The finding above, the log below, its cursor at the instruction that was refused."""

    HELP = """What the verifier, or libbpf, wrote. The cursor is at the instruction that was
refused; up and down scroll, `{copy_log}` copies all of it."""
    DEFAULT_CSS = """
    RefusalView {
        & > Static { height: auto; padding: 0 1; }
        & > CodeView { height: 1fr; border-top: solid $foreground 25%; }
    }
    """

    def __init__(self, copy_key: str) -> None:
        """Args: copy_key: What copies all of it, as the screen writes it."""
        super().__init__(classes="box")
        self._copy_key = copy_key

    def compose(self) -> ComposeResult:
        """Both, empty."""
        self.border_subtitle = f"{self._copy_key} copies"
        yield Static(markup=False)
        yield CodeView()

    def show(self, log: Log) -> None:
        """Show a log."""
        self.border_title = "What the verifier says" if log.refusal else "What libbpf says"
        self.query_one(Static).update(finding_text(log.refusal, palette(self.app)))
        self.query_one(Static).display = log.refusal is not None
        view = self.query_one(CodeView)
        view.show(log.lines)
        view.cursor = log.at
        self.call_after_refresh(self._bring_forward)

    def _bring_forward(self) -> None:
        """Show some lines after the cursor's too: what was found there."""
        view = self.query_one(CodeView)
        height = view.scrollable_content_region.height
        view.scroll_to(y=max(view.cursor - height // 2, 0), animate=False)

    def move(self, by: int) -> None:
        """Scroll."""
        self.query_one(CodeView).action_step(by)


def finding_text(refusal: Refusal | None, styles: Palette) -> RenderableType:
    """The reason; the instruction and the line of C it is about."""
    if refusal is None:
        return ""
    insn = f"instruction {refusal.insn}" if refusal.insn >= 0 else ""
    rows = [("program", refusal.program), ("at", ": ".join(filter(None, (insn, refusal.text))))]
    rows.append(("in", "   ".join(filter(None, (refusal.place, refusal.source)))))
    reason = Text(printable(refusal.reason, 400), styles["bad"])
    return Group(reason, pairs_text([row for row in rows if row[1]], styles))
