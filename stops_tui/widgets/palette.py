"""What colours mean, taken from the theme: one look for all tables and lines.

Styles by name, not component classes: Textual computes those of every widget anew at its start,
which took a quarter of the time to the first frame.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from rich.style import Style
from textual.app import App
from textual.color import Color

Palette = Mapping[str, Style]
"""Style by name; `plain` changes nothing, `cursor`, `far_cursor` and `hover` are backgrounds."""

TERMINAL: Palette = {
    "plain": Style(),
    "good": Style(color="green"),
    "warn": Style(color="yellow"),
    "bad": Style(color="red", bold=True),
    "dim": Style(dim=True),
    "accent": Style(color="cyan"),
    "strong": Style(bold=True),
    "header": Style(bold=True, dim=True),
    "mark": Style(color="magenta", bold=True),
    "cursor": Style(reverse=True),
    "far_cursor": Style(bold=True),
    "hover": Style(underline=True),
    "alarm": Style(color="red", bold=True, reverse=True),
}
"""On a terminal whose own 16 colours are used, or none at all."""


def palette(app: App[Any]) -> Palette:
    """The styles of the app's theme."""
    return TERMINAL if app.native_ansi_color else _of_theme(app, app.theme)


@lru_cache(maxsize=4)
def _of_theme(app: App[Any], _: str) -> Palette:
    colors = app.theme_variables
    background = Color.parse(colors["background"])

    def solid(name: str) -> str:
        return (background + Color.parse(colors[name])).hex

    dim = solid("foreground-muted")
    return {
        "plain": Style(),
        "good": Style(color=solid("text-success")),
        "warn": Style(color=solid("text-warning")),
        "bad": Style(color=solid("text-error"), bold=True),
        "dim": Style(color=dim),
        "accent": Style(color=solid("text-accent")),
        "strong": Style(bold=True),
        "header": Style(color=dim, bold=True),
        "mark": Style(color=solid("text-accent"), bold=True),
        "cursor": Style(bgcolor=solid("primary-muted"), bold=True),
        "far_cursor": Style(bgcolor=solid("surface-lighten-1")),
        "hover": Style(bgcolor=solid("panel")),
        "alarm": Style(color=solid("text-error"), bold=True, reverse=True),
    }
