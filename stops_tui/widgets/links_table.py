"""A map's links and pins: what keeps it registered, and what keeps it at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from stops_tui.struct_ops.inventory import StructOpsMap
from stops_tui.widgets.detail import DetailTable
from stops_tui.widgets.line_table import Column, Row, Span
from stops_tui.widgets.map_facts import MapFacts

NO_LINK = {
    "INIT": "No link: the map has no value yet.",
    "INUSE": "No link: this map registers itself, and stays until it is unregistered.",
    "READY": "No link: the map is ready, but nothing registers it.",
    "TOBEFREE": "No link: the map is unregistered for good.",
}


class Keeper(NamedTuple):
    """The key of a line: the object, and the pin, the process (pid, fd) or we who keep it."""

    kind: str
    id: int
    path: str = ""
    fd: tuple[int, int] | None = None
    ours: bool = False


class LinksTable(DetailTable):
    """One line for the map and for each link on it, and below each who keeps it."""

    COLUMNS = (
        Column("object", "OBJECT", 12),
        Column("what", "KEPT BY", 10),
        Column("where", "WHERE", 30, least=20, grow=True),
    )
    HELP = """The links that register the selected map, and where map and links are pinned. A link
registers its map for as long as it is pinned or a process has it open.

`{unregister}` detaches the link at the cursor, `{remove_pin}` removes the pin there."""

    @property
    def chosen(self) -> tuple[str, int, str] | None:
        """Kind and id of what the cursor is on, and the path of its pin; "" where it is on none."""
        if not isinstance(key := self.cursor_key, Keeper):
            return None
        return key.kind, key.id, key.path

    def update_facts(self, facts: MapFacts) -> None:
        """Show the map, then its links."""
        map_ = facts.map
        rows = [row for link in map_.links for row in _object("link", link, facts)]
        if not map_.links:
            rows.append(Row("none", (Span(NO_LINK.get(map_.state, "No link."), "dim"),)))
        self.show_rows([*rows, *_object("map", map_.id, facts)])


def _object(kind: str, id_: int, facts: MapFacts) -> Iterator[Row]:
    name = Span(f"{kind} {id_}", "strong")
    if facts.holders is None:
        yield Row(Keeper(kind, id_), (name, "…", Span("looking at pins and processes", "dim")))
        return
    kept: list[tuple[Keeper, str, Span]] = [
        (Keeper(kind, id_, pin.path), "pin", Span(pin.path))
        for pin in facts.holders.pins
        if (pin.kind, pin.id) == (kind, id_)
    ]
    kept += [
        (
            Keeper(kind, id_, fd=(fd.pid, fd.fd)),
            "process",
            Span(f"{fd.comm}  pid {fd.pid}, fd {fd.fd}"),
        )
        for fd in facts.holders.fds
        if (fd.kind, fd.id) == (kind, id_)
    ]
    if kind == "link" and id_ in facts.held:
        ends = Span("this program, with which it ends", "warn")
        kept.append((Keeper(kind, id_, ours=True), "process", ends))
    if not kept:
        nobody = Span(_kernel_keeps(kind, facts.map), "dim")
        yield Row(Keeper(kind, id_), (name, "kernel", nobody))
    for n, (keeper, what, where) in enumerate(kept):
        yield Row(keeper, (name if n == 0 else "", what, where))


def _kernel_keeps(kind: str, map_: StructOpsMap) -> str:
    if kind == "link":
        return "no pin and no process that can be seen"
    if map_.links:
        return "no pin and no process: its link keeps it"
    return "no pin and no process: its registration or users keep it"
