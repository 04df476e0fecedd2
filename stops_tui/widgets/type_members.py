"""The members of one struct_ops type: what a program may implement, and how."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import ClassVar

from stops_tui.struct_ops.inventory import StructOpsMap
from stops_tui.struct_ops.types import Member, StructOpsType
from stops_tui.widgets.line_table import Column, LineTable, Row, Span


class TypeMembers(LineTable):
    """One row a member; a row's key is the member's index."""

    HELP = """\
The members of the chosen type, in the order of the struct.

`*` marks a member without which the kernel refuses a map. A function member is shown by its C
prototype, a data member by its type. `OFFSET` counts bytes from the start of the struct, `INDEX` is
what a program names when it is loaded (`expected_attach_type`). `SET IN` counts the maps that set
it."""
    COLUMNS: ClassVar[Sequence[Column]] = (
        Column("index", "INDEX", 5, right=True, keep=3),
        Column("name", "MEMBER", 20, least=16),
        Column("mandatory", "*", 1, keep=8),
        Column("type", "WHAT IT IS", 40, least=24, grow=True),
        Column("offset", "OFFSET", 6, right=True, keep=5),
        Column("size", "SIZE", 5, right=True, keep=4),
        Column("set_in", "SET IN", 7, right=True, keep=6),
    )

    def show_members(self, found: StructOpsType, maps: Sequence[StructOpsMap]) -> None:
        """Show the members of a type, and in how many of its maps each is set."""
        set_in = Counter(
            value.member.index for each in maps for value in each.members if value.is_set
        )
        self.show_rows([_row(member, set_in[member.index]) for member in found.members])


def _row(member: Member, set_in: int) -> Row:
    is_func = member.kind == "func"
    return Row(
        member.index,
        (
            Span(str(member.index), "dim"),
            Span(member.name or "(anonymous)", "strong" if is_func else "plain"),
            Span("*" if member.mandatory else "", "accent"),
            member.type if is_func else Span(member.type, "dim"),
            str(member.offset),
            str(member.size),
            Span(_maps(set_in), "good") if set_in else Span("–", "dim"),
        ),
    )


def _maps(count: int) -> str:
    return f"{count} map" + ("" if count == 1 else "s")
