"""Keeps the account of one map fresh while it is on the screen, and looks up nothing else."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from stops_tui.screens.repeated import Repeated
from stops_tui.struct_ops.inventory import StructOpsMap

if TYPE_CHECKING:
    from stops_tui.screens.base import StopsScreen
    from stops_tui.struct_ops.account import Account, Accounts

Taken = dict[int, "Account"]


class AccountWatch:
    """Looks when a map comes on the screen, when it changes, and every few seconds.

    One look at a time: who moves fast from map to map waits for one, and then for the last.
    """

    def __init__(self, screen: StopsScreen, show: Callable[[], object]) -> None:
        """Args: screen: Who asks. show: Called when there is something new to show."""
        self._screen = screen
        self._looks: Repeated[Taken] = Repeated(screen, self._job, self._take, show)
        self._accounts: Accounts | None = None
        self._map: StructOpsMap | None = None
        self._account: Account | None = None

    @property
    def account(self) -> Account | None:
        """The newest of the map that is followed; None before the first."""
        map_, account = self._map, self._account
        return account if map_ and account and account.map.id == map_.id else None

    @property
    def late(self) -> bool:
        """Whether a look is under way that takes long."""
        return self._looks.late

    @property
    def problem(self) -> str:
        """Why the last look failed; "" if it did not."""
        return self._looks.problem

    def follow(self, map_: StructOpsMap | None) -> None:
        """Keep this map's account fresh from now on; None: nobody sees it any more."""
        before, self._map = self._map, map_
        if map_ is None:
            self._looks.stop()
        elif before is None or before.id != map_.id:
            self._looks.soon(hurry=True)
        elif _differ(before, map_):
            self._looks.soon()

    def _job(self) -> Callable[[], Taken]:
        facts = self._screen.facts
        if self._accounts is None:
            from stops_tui.struct_ops.account import Accounts  # only who opens the panel needs it

            self._accounts = Accounts(facts.kernel)
        map_id = self._map.id if self._map else 0
        seen = facts.history.unregistered(map_id)
        return partial(
            self._accounts.take,
            [map_id],
            held=[link.id for link in facts.held],
            unregistered={} if seen is None else {map_id: seen},
        )

    def _take(self, taken: Taken) -> bool:
        map_ = self._map
        if map_ is None or map_.id not in taken:
            return map_ is not None and bool(taken)  # another map is looked at by now
        self._account = taken[map_.id]
        return _differ(self._account.map, map_)


def _differ(one: StructOpsMap, other: StructOpsMap) -> bool:
    """Whether what the account tells of has changed."""
    return (one.refcnt, one.status, one.links) != (other.refcnt, other.status, other.links)
