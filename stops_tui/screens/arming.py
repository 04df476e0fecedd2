"""The question before writing is armed."""

from __future__ import annotations

from rich.console import Group
from rich.text import Text

from stops_tui.screens.ask import Answer, AskScreen

WHAT = (
    "From then on this program may change the running kernel: register, unregister, detach, "
    "swap, pin and unpin."
)
HOW = (
    "Each change is shown and asked for before it is made, and noted in the command log and the "
    "audit file. The header says WRITE. W makes it read-only again, at once."
)


def ask_to_arm() -> AskScreen:
    """Gives "arm", or "stay"."""
    return AskScreen(
        "Arm writing?",
        Group(Text(WHAT, "bold"), "", Text(HOW)),
        [Answer("stay", "Stay read-only"), Answer("arm", "Arm writing")],
    )
