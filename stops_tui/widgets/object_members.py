"""The members of a struct_ops map of an object file, beside the running kernel's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from stops_tui.struct_ops.objects import Comparison, MemberPair
from stops_tui.widgets.columns import Tone
from stops_tui.widgets.line_table import Cell, Column, LineTable, Row, Span


class ObjectMembers(LineTable):
    """One row a member, those that are set first; a row's key is the member's name."""

    HELP = """The members of the struct_ops map at the cursor: what the object sets each to, a
program or a value, beside the member of the running kernel's struct. `*` marks one that the
subsystem demands.

`missing` is a member that this kernel has not, `not in the object` one that only the kernel has,
which stays zero. `Enter` gives the member another program or value; the file stays as it is."""
    COLUMNS: ClassVar[Sequence[Column]] = (
        Column("mark", "", 1),
        Column("member", "MEMBER", 20, least=16),
        Column("own", "IN THE OBJECT", 30, least=20, grow=True),
        Column("kernels", "THIS KERNEL", 40, least=28, grow=True),
    )

    def show_members(self, found: Comparison, changed: Mapping[str, str]) -> None:
        """Show them.

        Args:
            found: The map beside the kernel's type.
            changed: What members were changed to since, by name: "" for nothing any more.
        """
        pairs = sorted(found.members, key=lambda pair: not (pair.is_set or pair.need))
        self.show_rows([_row(pair, found, changed) for pair in pairs])


def _row(pair: MemberPair, found: Comparison, changed: Mapping[str, str]) -> Row:
    dear = pair.is_set or pair.need or pair.name in changed
    return Row(
        pair.name,
        (
            Span("*" if pair.kernels and pair.kernels.mandatory else "", "warn"),
            Span(pair.name or "(anonymous)", "plain" if dear else "dim"),
            _own(pair, changed),
            _kernels(pair, found),
        ),
    )


def _own(pair: MemberPair, changed: Mapping[str, str]) -> Cell:
    """`dctcp_init`, `2`; `3, changed`."""
    if pair.name in changed:
        return (Span(changed[pair.name] or "nothing"), Span(", changed", "warn"))
    if pair.own is None:
        return Span("not in the object", "dim")
    if pair.own.kind == "func":
        return Span(pair.text, "accent") if pair.text else Span("–", "dim")
    return Span(pair.text, "plain" if pair.is_set else "dim")


def _kernels(pair: MemberPair, found: Comparison) -> Cell:
    """The kernel's member, or what is wrong with it in a word before."""
    if found.type is None:
        return Span("–", "dim")
    theirs = pair.kernels.type if pair.kernels else ""
    if pair.need is None:
        return Span(theirs, "plain" if pair.own and pair.is_set else "dim")
    tone: Tone = "bad" if pair.need.stops else "warn"
    if pair.kernels is None or pair.own is None:
        return (Span("missing", tone), Span("" if pair.need.stops else ", left out as it is zero"))
    words = {"kind": "another kind", "size": f"{pair.kernels.size} B, not {pair.own.size} B"}
    return (Span(f"{words[pair.need.lack]}: ", tone), Span(theirs))
