"""The struct_ops types a kernel offers, and how many maps implement each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from stops_tui.struct_ops.inventory import Snapshot, StructOpsMap
from stops_tui.struct_ops.types import StructOpsType
from stops_tui.widgets.line_table import Column, LineTable, Row, Span

MANY = 20
"""How many maps of a type are named; more would not fit on a line."""

TypeKey = tuple[str, str]
"""Which type: the name of the BTF that defines it, and its own."""


def key_of(found: StructOpsType) -> TypeKey:
    """What tells this type from all others of the kernel."""
    return found.btf_name, found.name


def maps_of(found: StructOpsType, snapshot: Snapshot) -> list[StructOpsMap]:
    """The maps that implement this type, by id."""
    return [
        each for each in snapshot.maps.values() if each.type and key_of(each.type) == key_of(found)
    ]


class TypeTable(LineTable):
    """One row a type; a row's key is its `TypeKey`."""

    HELP = """\
What this kernel lets BPF programs implement: one kernel struct a row.

`WHERE` is the BTF that defines it: the kernel itself (vmlinux) or a module. `FUNC` counts its
function members, each of which a program may implement; `DATA` counts the others. `VALUE` is the
size of a map's value. `MAPS` says how many maps of this kernel implement it, and which.

`Enter` shows these maps in the explorer."""
    COLUMNS: ClassVar[Sequence[Column]] = (
        Column("name", "TYPE", 24, least=18),
        Column("where", "WHERE", 12, least=7),
        Column("func", "FUNC", 4, right=True, keep=5),
        Column("data", "DATA", 4, right=True, keep=4),
        Column("size", "VALUE", 7, right=True, keep=3),
        Column("maps", "MAPS", 4, right=True),
        Column("which", "", 20, least=8, grow=True, keep=2),
    )
    DEFAULT_CSS = "TypeTable { height: auto; min-height: 6; scrollbar-size-horizontal: 0; }"

    def show_types(self, types: Sequence[StructOpsType], snapshot: Snapshot) -> None:
        """Show these types, in the order given."""
        self.show_rows([_row(found, maps_of(found, snapshot)) for found in types])


def _row(found: StructOpsType, maps: Sequence[StructOpsMap]) -> Row:
    functions = sum(member.kind == "func" for member in found.members)
    which = ", ".join(f"{each.id} {each.name}" for each in maps[:MANY])
    return Row(
        key_of(found),
        (
            Span(found.name, "strong"),
            found.btf_name,
            str(functions),
            str(len(found.members) - functions),
            f"{found.value_size} B",
            Span(str(len(maps)), "good") if maps else Span("–", "dim"),
            which,
        ),
    )
