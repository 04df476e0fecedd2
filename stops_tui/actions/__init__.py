"""Every action in the app: one registry for keys, footer, help, palette and man page.

Imports nothing of the terminal library, so that the man page is built without it.
"""

from __future__ import annotations

from collections.abc import Mapping

from stops_tui.actions.model import Action, Where
from stops_tui.actions.table import ACTIONS

__all__ = [
    "ACTIONS",
    "OF_THE_APP",
    "WITHOUT_KERNEL",
    "Action",
    "Where",
    "action",
    "actions_of",
    "actions_on",
    "footer_of",
]

OF_THE_APP = frozenset[Where]({"everywhere", "replay"})
"""Where keys are the app's own, which it has on every screen."""

WITHOUT_KERNEL = frozenset({"help", "command_palette", "quit"})
"""Which actions of every screen make sense where no kernel can be read."""

LEFT_BY_BACK = frozenset[Where]({"events", "types", "program", "object", "register"})
"""The screens that `back` leaves: their footers say so."""

_BY_ID: Mapping[str, Action] = {each.id: each for each in ACTIONS}


def action(id_: str) -> Action:
    """The action of this id."""
    return _BY_ID[id_]


def actions_of(*where: Where) -> list[Action]:
    """The actions of these screens, in the registry's order."""
    return [action for action in ACTIONS if action.where in where]


def actions_on(where: Where) -> list[Action]:
    """What can be done on a screen: its own actions first, then those of every screen."""
    everywhere = [
        action
        for action in actions_of("everywhere")
        if where != "unreadable" or action.id in WITHOUT_KERNEL
    ]
    return [*actions_of(where), *everywhere] if where != "everywhere" else everywhere


def footer_of(where: Where) -> list[Action]:
    """What the footer of a screen offers, as far as there is room: the dearest first."""
    back = [action for action in ACTIONS if action.id == "back" and where in LEFT_BY_BACK]
    own, others = actions_of(where), [a for a in actions_on(where) if a.where == "everywhere"]
    return [action for action in own if action.footer] + back + [a for a in others if a.footer]
