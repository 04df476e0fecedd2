"""The struct_ops maps of an object file: what each is, and whether this kernel takes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import ClassVar

from stops_tui.bpf.object_file import ObjectStructOps
from stops_tui.widgets.columns import Tone
from stops_tui.widgets.line_table import Column, LineTable, Row, Span


class ObjectTable(LineTable):
    """One row a struct_ops variable; a row's key is the variable's name."""

    HELP = """The struct_ops maps to be that are in the object file: one for each variable.

`{choose_map}` chooses one; several that are chosen are registered as one: all of them, or none.
`Enter` goes to its members, `{register_object}` reviews and registers what is chosen, or else the
one at the cursor.

`REGISTERS` says how the object means it to live; that can be changed. An optional one is not made
by other loaders unless they ask for it. `THIS KERNEL` says whether its struct fits that of the
running kernel, by the members that are set."""
    COLUMNS: ClassVar[Sequence[Column]] = (
        Column("chosen", "", 3),
        Column("variable", "STRUCT_OPS MAP", 20, least=14),
        Column("type", "TYPE", 24, least=18),
        Column("registers", "REGISTERS", 10, keep=7),
        Column("optional", "OPTIONAL", 8, keep=5),
        Column("fit", "THIS KERNEL", 26, least=18, grow=True),
    )

    def show_maps(
        self,
        maps: Sequence[ObjectStructOps],
        chosen: Set[str],
        fits: Mapping[str, tuple[str, Tone]],
    ) -> None:
        """Show them.

        Args:
            maps: The variables.
            chosen: Which of them are to be registered.
            fits: By variable: whether this kernel takes it, in few words.
        """
        self.empty = "There is no struct_ops map in this object."
        self.show_rows([_row(each, each.variable in chosen, fits) for each in maps])


def _row(each: ObjectStructOps, chosen: bool, fits: Mapping[str, tuple[str, Tone]]) -> Row:
    return Row(
        each.variable,
        (
            Span("[x]", "good") if chosen else Span("[ ]", "dim"),
            Span(each.variable, "strong"),
            (Span(each.type_name), Span(each.suffix, "dim")),
            "by a link" if each.link else "plain",
            "yes" if each.optional else Span("–", "dim"),
            Span(*fits.get(each.variable, ("…", "dim"))),
        ),
    )
