"""The links that live only because this program holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stops_tui.struct_ops.inventory import Snapshot

if TYPE_CHECKING:
    from stops_tui.kernels.writes import Handle


class HeldLinks:
    """Unpinned links made here, by id: letting one go unregisters its map."""

    def __init__(self) -> None:
        self._handles: dict[int, Handle] = {}
        self._seen: set[int] = set()

    @property
    def handles(self) -> tuple[Handle, ...]:
        """The links, in the order they were made."""
        return tuple(self._handles.values())

    def keep(self, handle: Handle) -> None:
        """Hold one more."""
        self._handles[handle.id] = handle

    def settle(self, snapshot: Snapshot) -> None:
        """Let go of those that register nothing any more.

        A link that no snapshot had so far may be younger than this one: it is kept.
        """
        for link_id in self._handles:
            if link_id in snapshot.links:
                self._seen.add(link_id)
        for link_id in self._handles.keys() & self._seen:
            link = snapshot.links.get(link_id)
            if link is None or not link.map_id:
                self.let_go(link_id)

    def let_go(self, link_id: int) -> None:
        """Let go of one."""
        self._handles.pop(link_id).close()

    def let_all_go(self) -> None:
        """Let go of all."""
        for link_id in tuple(self._handles):
            self.let_go(link_id)
