"""Key bindings out of the registry of actions."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from stops_tui.actions import Where, actions_of


def bindings(*where: Where) -> list[BindingType]:
    """The bindings of these screens; their ids let the configuration replace the keys."""
    return [
        Binding(action.keys, action.id, action.label, show=False, id=action.id)
        for action in actions_of(*where)
    ]
