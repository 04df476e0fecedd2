"""What an action is."""

from __future__ import annotations

from typing import Literal

from stops_tui.record import Record

Where = Literal[
    "everywhere",
    "explorer",
    "events",
    "types",
    "program",
    "sockets",
    "object",
    "register",
    "unreadable",
    "replay",
]
"""The screen an action belongs to."""


class Action(Record):
    """One thing a person can do.

    Attributes:
        id: Its name in `[keys]` of the configuration; the method is `action_<id>`.
        keys: The default key, or several between commas, as Textual names them.
        label: Two or three words for the footer and the palette.
        help: One sentence for help and man page.
        footer: Whether the footer has room for it.
        writes: Whether it changes the kernel, and so does nothing while writing is not armed.
        where: Which screen it belongs to.
    """

    id: str
    keys: str
    label: str
    help: str
    footer: bool = False
    writes: bool = False
    where: Where = "everywhere"
