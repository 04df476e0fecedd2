"""Which cells of a table changed of late: each is marked for a few seconds."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Sequence

from stops_tui.widgets.columns import AnyRow, Column

MARK_SECONDS = 4.0
"""How long a changed cell stays marked."""
SOON = 0.1
"""Seconds by which marks may go too early, to go together."""

Place = tuple[Hashable, str]
"""Where a cell is: the keys of its row and of its column."""


class Marks:
    """The marked cells; whoever has them tells the time (`time.monotonic`), and asks them to go."""

    def __init__(self, names: Collection[str]) -> None:
        """Args: names: The keys of the columns whose changes are worth a mark."""
        self._names = names
        self._until: dict[Place, float] = {}

    def __contains__(self, place: object) -> bool:
        return place in self._until

    def note(self, columns: Sequence[Column], before: AnyRow, after: AnyRow, now: float) -> None:
        """Mark what differs between a row and the one in its place."""
        for column, was, is_ in zip(columns, before.cells, after.cells, strict=False):
            if was != is_ and column.key in self._names:
                self._until[after.key, column.key] = now + MARK_SECONDS

    def expire(self, now: float) -> set[Hashable]:
        """Drop what was marked long enough; the keys of the rows concerned."""
        old = [place for place, until in self._until.items() if until <= now + SOON]
        for place in old:
            del self._until[place]
        return {key for key, _ in old}

    def wait(self, now: float) -> float | None:
        """Seconds until the next mark is to go; None if there is none."""
        return max(min(self._until.values()) - now, SOON) if self._until else None

    def clear(self) -> None:
        """Forget what changed."""
        self._until.clear()
