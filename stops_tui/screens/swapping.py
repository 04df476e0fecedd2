"""Choosing the link that a map is put into."""

from __future__ import annotations

from functools import partial
from typing import Any

from textual.app import App

from stops_tui.screens.base import Facts
from stops_tui.screens.choose import ChooseScreen, Option
from stops_tui.screens.proposals import places_for, swapping
from stops_tui.struct_ops.registration.plan import PlanError
from stops_tui.struct_ops.registration.swap import Swap


def ask_for_link(app: App[Any], facts: Facts, map_id: int) -> None:
    """Find the links aside; ask which, where there are several; then propose it."""

    def propose(wanted: Swap) -> None:
        facts.propose(partial(swapping, facts.kernel, wanted))

    def choose(found: list[Swap] | str) -> None:
        if isinstance(found, str):
            app.notify(found, severity="warning", markup=False)
        elif len(found) == 1:
            propose(found[0])
        else:
            by_link = {str(each.link_id): each for each in found}
            app.push_screen(
                ChooseScreen(f"Put map {map_id} into", [_option(each) for each in found]),
                lambda link: propose(by_link[link]) if link else None,
            )

    facts.lookup(app, lambda: _places(facts, map_id), choose)


def _places(facts: Facts, map_id: int) -> list[Swap] | str:
    try:
        return places_for(facts.kernel, map_id)
    except PlanError as error:
        return str(error)


def _option(each: Swap) -> Option:
    holds = f"now map {each.old_map_id} {each.old_map_name}"
    return Option(str(each.link_id), f"link {each.link_id}", holds)
