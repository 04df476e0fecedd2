"""What the tables under the map table have in common: each shows one side of one map."""

from __future__ import annotations

from stops_tui.widgets.line_table import LineTable
from stops_tui.widgets.map_facts import MapFacts


class DetailTable(LineTable):
    """One side of the selected map; `see` is called whenever anything about it changed."""

    _map_id: int | None = None

    def see(self, facts: MapFacts) -> None:
        """Show this map: from the top if it is another than before."""
        if facts.map.id != self._map_id:
            self._map_id = facts.map.id
            self.forget()
        self.update_facts(facts)

    def forget(self) -> None:
        """Another map comes: nothing of the one before is kept, the cursor least of all."""
        self.cursor_key = None
        self.clear_marks()
        self.show_rows(())
        self.scroll_to(y=0, animate=False)

    def update_facts(self, facts: MapFacts) -> None:
        """Show the facts of the map."""
        raise NotImplementedError
