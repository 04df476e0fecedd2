"""The question before writing is armed."""

from __future__ import annotations

from rich.console import Group
from rich.text import Text

from stops_tui.screens.ask import Answer, AskScreen

WHAT = (
    "From then on this program may change the {kernel} kernel: register, unregister, detach, "
    "swap, pin and unpin."
)
HOW = (
    "Each change is shown and asked for before it is made, and noted in the command log{more}. "
    "The header says WRITE. {key} makes it read-only again."
)


def ask_to_arm(key: str, demo: bool) -> AskScreen:
    """Gives "arm", or "stay".

    Args:
        key: What disarms it again, as the screen writes it.
        demo: Whether it is about the demo kernel, of which there is no audit file.
    """
    what = WHAT.format(kernel="demo" if demo else "running")
    how = HOW.format(key=key, more="" if demo else " and the audit file")
    return AskScreen(
        "Arm writing?",
        Group(Text(what, "bold"), "", Text(how)),
        [Answer("stay", "Stay read-only"), Answer("arm", "Arm writing")],
    )
