"""The programs of a map at work: how often each is called, and how long a call takes."""

from __future__ import annotations

from stops_tui.widgets.detail import DetailTable
from stops_tui.widgets.line_table import Column, Row, Span
from stops_tui.widgets.map_facts import MapFacts
from stops_tui.widgets.member_table import holds, rate_cells


class CallTable(DetailTable):
    """One line for each function member that is set."""

    COLUMNS = (
        Column("member", "MEMBER", 20, least=14),
        Column("program", "PROGRAM", 30, least=18, grow=True),
        Column("calls", "CALLS/S", 9, right=True),
        Column("ns", "NS/CALL", 8, right=True),
    )
    HELP = "The programs of the map, and how often each of them is called a second."

    def update_facts(self, facts: MapFacts) -> None:
        """Show a line for each; no numbers while nothing is counted."""
        self.show_rows(
            [
                Row(
                    value.member.index,
                    (
                        Span(value.member.name),
                        holds(value, facts.programs),
                        *(rate_cells(value, facts.rates) or ("", "")),
                    ),
                )
                for value in facts.map.members
                if value.prog_id
            ]
        )
