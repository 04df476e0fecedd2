"""A map's status as a glyph, a word and a colour: each alone would do."""

from __future__ import annotations

from collections.abc import Mapping

from stops_tui.widgets.columns import Span, Tone

LOOKS: Mapping[str, tuple[str, Tone]] = {
    "registered": ("●", "good"),
    "attached": ("●", "good"),
    "ready, not attached": ("○", "plain"),
    "unregistered, held": ("◐", "warn"),
    "initialised": ("·", "dim"),
    "ejected": ("✗", "bad"),
    "attached, device gone": ("✗", "bad"),
}


def status_span(status: str, reason: str = "") -> Span:
    """`● registered` in green, `✗ ejected: runnable task stall` in red."""
    glyph, tone = LOOKS.get(status, ("?", "warn"))
    return Span(f"{glyph} {status}{reason and f': {reason}'}", tone)
