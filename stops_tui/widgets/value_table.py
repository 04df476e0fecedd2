"""A map's whole value as a tree, its bytes beside it on demand."""

from __future__ import annotations

from collections.abc import Iterator

from stops_tui.struct_ops.scalars import DecodeError
from stops_tui.struct_ops.value import ValueNode, inline, value_tree
from stops_tui.widgets.columns import Column, Row, Span, Tone
from stops_tui.widgets.detail import DetailTable
from stops_tui.widgets.map_facts import MapFacts

DECODED = (
    Column("offset", "OFFSET", 6, right=True),
    Column("field", "FIELD", 24, least=16),
    Column("value", "VALUE", 34, least=29, grow=True),
    Column("type", "TYPE", 34, least=12, grow=True, keep=5),
)
RAW = (*DECODED[:3], Column("raw", "BYTES", 47, least=23, grow=True))

OPEN_DEPTH = 2
"""Levels that are open at first: the value's parts, and theirs."""

Path = tuple[int, ...]
"""Which child of which child: a node's place, and its row's key."""


class ValueTable(DetailTable):
    """The value struct, header and data; Enter opens and closes a part."""

    COLUMNS = DECODED
    MARKS = frozenset({"value"})
    HELP = """The whole value of the selected map, as its BTF lays it out: offsets in bytes from its
start. Enter opens and closes a part, `{raw}` shows the bytes. Function members hold program
ids."""

    def __init__(self, id: str) -> None:  # noqa: A002 (Textual's name)
        super().__init__(id=id)
        self._root: ValueNode | None = None
        self._of: tuple[object, bytes] | None = None
        self._toggled: set[Path] = set()
        self._raw = False

    def forget(self) -> None:
        """Another map: its tree opens as at first, and is made anew though its bytes are equal."""
        self._of = self._root = None
        self.empty = ""
        self._toggled.clear()
        super().forget()

    def toggle_raw(self) -> None:
        """Show the bytes in place of the types, or the types again."""
        self._raw = not self._raw
        self._show(mark=False)

    def toggle(self, path: object) -> None:
        """Open or close the part at this row."""
        if isinstance(path, tuple):
            self._toggled ^= {path}
            self._show(mark=False)

    def update_facts(self, facts: MapFacts) -> None:
        """Decode the value, if it is another than before."""
        kind, value = facts.map.type, facts.map.raw.value
        if self._of and self._of[0] is kind and self._of[1] == value:
            return
        self._of, self._root = (kind, value), None
        if kind and value:
            try:
                self._root = value_tree(kind, value)
            except DecodeError as error:
                self.empty = str(error)
        else:
            self.empty = facts.map.problem or "The value could not be read."
        self._show(mark=True)

    def _show(self, mark: bool) -> None:
        self.show_columns(RAW if self._raw else DECODED)
        nodes = self._walk_nodes(self._root.children, ()) if self._root else ()
        self.show_rows([self._row(node, path) for node, path in nodes], mark)

    def _is_open(self, path: Path) -> bool:
        return (len(path) < OPEN_DEPTH) != (path in self._toggled)

    def _walk_nodes(
        self, nodes: tuple[ValueNode, ...], above: Path
    ) -> Iterator[tuple[ValueNode, Path]]:
        for index, node in enumerate(nodes):
            path = (*above, index)
            yield node, path
            if node.children and self._is_open(path):
                yield from self._walk_nodes(node.children, path)

    def _row(self, node: ValueNode, path: Path) -> Row:
        opened = bool(node.children) and self._is_open(path)
        glyph = ("▾ " if opened else "▸ ") if node.children else "  "
        tone: Tone = "plain" if node.is_set else "dim"
        name = Span("  " * (len(path) - 1) + glyph + (node.name or "(anonymous)"), tone)
        text = "" if opened else inline(node) if node.children else node.text
        last = node.raw.hex(" ") if self._raw else node.type
        if self._raw and opened:
            last = ""
        return Row(path, (Span(str(node.offset), "dim"), name, Span(text, tone), Span(last, "dim")))
