"""A line to type in, safe with what was not typed: a map's data, a plan's, a pasted text."""

from __future__ import annotations

from rich.segment import Segment
from textual import events
from textual.strip import Strip
from textual.widgets import Input

UNPRINTABLE = "�"
"""What stands for a character that does not print: one cell, so that the cursor is where it is."""


class LineInput(Input):
    """Textual's own sends control characters of its value to the terminal as they are.

    And where keys come together, as over a slow line, it takes characters before the key that
    deletes or moves: that key's binding is looked for in the whole app first.
    """

    async def _on_key(self, event: events.Key) -> None:
        """What the line does itself with a key, it does in the order of keys."""
        for binding in self._bindings.key_to_bindings.get(event.key, ()):
            if not event.is_printable and await self.app.run_action(binding.action, self):
                event.stop()
                event.prevent_default()
                return

    def render_line(self, y: int) -> Strip:
        """Paint it, no control character, bidirectional override or byte that is no UTF-8."""
        strip = super().render_line(y)
        if strip.text.isprintable():
            return strip
        shown = Strip(Segment(_shown(text), style) for text, style, _ in strip)
        return shown.adjust_cell_length(strip.cell_length)


def _shown(text: str) -> str:
    return "".join(char if char.isprintable() else UNPRINTABLE for char in text)
