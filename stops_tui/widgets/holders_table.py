"""Why a map is there: what its reference count is made of, and who keeps it from user space."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING

from stops_tui.struct_ops.holders import MapHolders
from stops_tui.struct_ops.inventory import StructOpsMap
from stops_tui.struct_ops.text import count
from stops_tui.widgets.columns import spans_of
from stops_tui.widgets.detail import DetailTable
from stops_tui.widgets.line_table import Cell, Column, Row, Span
from stops_tui.widgets.map_facts import MapFacts
from stops_tui.widgets.row_paint import GUTTER

if TYPE_CHECKING:
    from stops_tui.struct_ops.account import Part

KERNEL_LOG = "kernel log"
"""What the subsystem says of itself in a line too long for a column."""
EVENT = "SCX_EV_"
"""What the name of each of sched_ext's events starts with."""
MOST_PARTS = 100
"""Summands that are listed; there may be thousands of network namespaces."""
MIN_LINE = 20
"""Cells of a line of the sentence, before the first size is told."""


def account(map_: StructOpsMap) -> str:
    """The reference count in one sentence."""
    users, status = count(map_.holders, "holder"), map_.status.capitalize()
    if map_.state == "INIT":
        return "Initialised: it has no value yet, so nothing can hold it."
    if map_.state == "INUSE":
        return f"{status}: refcnt {map_.refcnt} is 1 for the registration and {users}."
    if map_.links:
        links = count(len(map_.links), "link")
        return f"{status}: refcnt {map_.refcnt} is {links} and {users}."
    if map_.refcnt:
        return f"Unregistered, and kept by {users}: it goes when the last one lets go."
    return "Ready: its value is complete, but no link registers it and nobody holds it."


class HoldersTable(DetailTable):
    """Why in a sentence, then the sum, what the subsystem says, and each pin and process."""

    COLUMNS = (
        Column("what", "WHAT", 18, least=14),
        Column("count", "COUNT", 7, right=True),
        Column("who", "WHO", 30, least=20, grow=True),
    )
    MARKS = frozenset({"count"})
    HELP = """What keeps the selected map, looked up while this is shown. The kernel's `refcnt` is
the sum above it: registration or links, and the subsystem's users in every network namespace. What
nobody can tell is `unexplained`. Pins and processes keep the map itself alive and are not in that
sum.

Which map a TCP socket belongs to only BPF programs can tell: every few seconds they are loaded,
read what is there, and are gone. `bpftool prog` and an audit log see them come and go.

`Enter` on TCP sockets lists them."""

    _facts: MapFacts | None = None

    def update_facts(self, facts: MapFacts) -> None:
        """Show sentence, sum and rows."""
        self._facts = facts
        self.border_subtitle = "looking …" if facts.looking else ""
        rows = (*_sentence(facts), *_sum(facts), *_subsystem(facts), *_user_space(facts))
        width = max(self.scrollable_content_region.width - GUTTER, MIN_LINE)
        self.show_rows([line for row in rows for line in _lines(row, width)])

    def forget(self) -> None:
        """Another map, or none: nothing of the one before is to be broken into lines anew."""
        self._facts = None
        super().forget()

    def on_resize(self) -> None:
        """Break the lines anew."""
        if self._facts:
            self.update_facts(self._facts)

    @property
    def chosen(self) -> Part | None:
        """The sockets that the cursor is on."""
        account = self._facts.account if self._facts else None
        parts = account.parts if account else ()
        return next((p for p in parts if p.has_sockets and _key(p) == self.cursor_key), None)


def _lines(row: Row, width: int) -> Iterator[Row]:
    """A row; one that spans the table in as many lines as it takes: all of it is to be read."""
    if len(row.cells) > 1:
        yield row
        return
    ((text, tone),) = spans_of(row.cells[0])
    for nth, line in enumerate(wrap(text, width, subsequent_indent="  ")):
        yield Row((row.key, nth) if nth else row.key, (Span(line, tone),))


def _sentence(facts: MapFacts) -> Iterator[Row]:
    text = facts.account.sentence if facts.account else account(facts.map)
    yield Row("sentence", (Span(text, "strong"),))
    if facts.problem:
        yield Row("problem", (Span(f"cannot look: {facts.problem}", "bad"),))


def _sum(facts: MapFacts) -> Iterator[Row]:
    """The summands, what is left over, and the sum."""
    found, map_ = facts.account, facts.map
    if found is None:
        yield from _unlooked(map_)
        return
    for part in found.parts[:MOST_PARTS]:
        yield Row(_key(part), (part.what, f"{part.n:,}", _who(part)))
    if rest := found.parts[MOST_PARTS:]:
        more = f"{sum(part.n for part in rest):,}"
        yield Row("more", ("…", more, Span(f"{len(rest):,} more like these", "dim")))
    if found.unexplained:
        number = Span(f"{found.unexplained:,}", "warn")
        yield Row("unexplained", (Span("unexplained", "warn"), number, ""))
    moved = "" if found.settled else Span("it moved while it was looked at", "warn")
    total = Span(f"{found.refcnt:,}", "strong")
    yield Row("refcnt", (Span("refcnt", "strong"), total, moved))
    for line in found.not_looked_at:
        yield Row(("not looked at", line), (Span(f"not looked at: {line}", "dim"),))


def _unlooked(map_: StructOpsMap) -> Iterator[Row]:
    """The sum, before anybody looked for who is in it."""
    if map_.state != "INIT":
        users = Span("looking for users in the kernel …", "dim")
        yield Row("holders", ("holders", f"{map_.holders:,}", users))
        yield Row("refcnt", (Span("refcnt", "strong"), Span(f"{map_.refcnt:,}", "strong"), ""))


def _key(part: Part) -> Hashable:
    place = part.place.inode if part.place else 0
    return part.what, place, part.which


def _who(part: Part) -> Cell:
    ours = part.place and part.place.ours and not part.place.name
    netns = "this netns" if ours else part.netns
    return Span(f"{netns}  " if netns else "", "accent"), Span(part.detail)


def _subsystem(facts: MapFacts) -> Iterator[Row]:
    for said in facts.account.subsystem if facts.account else ():
        key = "said", said.what, said.value if said.what == KERNEL_LOG else ""
        if said.what == KERNEL_LOG:
            yield Row(key, (Span(f"{KERNEL_LOG}: {said.value}"),))
            continue
        detail = Span(f"  {said.detail}" if said.detail else "", "dim")
        told = Span(said.value, "strong"), detail
        if said.what.startswith(EVENT):  # too long for a column
            yield Row(key, ("event", "", (Span(f"{said.what}  "), *told)))
        else:
            yield Row(key, (said.what, "", told))


def _user_space(facts: MapFacts) -> Iterator[Row]:
    holders = facts.account.keepers if facts.account else facts.holders
    if holders is None:
        yield Row("none", (Span("Looking at pins and processes …", "dim"),))
        return
    yield from _rows(holders)
    ours = [link for link in facts.map.links if link in facts.held]
    for link in ours:
        yield Row(("ours", link), (f"fd of link {link}", "", "this program, with which it ends"))
    if not holders.pins and not holders.fds and not ours:
        yield Row("none", (Span(_nobody(facts.unseen), "dim"),))
    for line in facts.unseen:
        yield Row(("unseen", line), (Span(f"not seen: {line}", "dim"),))


def _nobody(unseen: Sequence[str]) -> str:
    if unseen:
        return "No pin and no open file descriptor among what can be seen."
    return "No pin and no open file descriptor: only the kernel keeps this map."


def _rows(holders: MapHolders) -> Iterator[Row]:
    for pin in holders.pins:
        yield Row(("pin", pin.path), (f"pin of {pin.kind} {pin.id}", "", pin.path))
    for fd in holders.fds:
        who = (Span(fd.comm, "accent"), Span(f"  pid {fd.pid}, fd {fd.fd}"))
        yield Row(("fd", fd.pid, fd.fd), (f"fd of {fd.kind} {fd.id}", "", who))
