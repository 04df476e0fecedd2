"""Why a map is there: what its reference count is made of, and who keeps it from user space."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stops_tui.struct_ops.holders import MapHolders
from stops_tui.struct_ops.inventory import StructOpsMap
from stops_tui.widgets.detail import DetailTable
from stops_tui.widgets.line_table import Column, Row, Span
from stops_tui.widgets.map_facts import MapFacts


def plural(count: int, word: str) -> str:
    """`1 holder`, `3 holders`."""
    return f"{count:,} {word}{'s' * (count != 1)}"


def account(map_: StructOpsMap) -> str:
    """The reference count in one sentence."""
    users, status = plural(map_.holders, "holder"), map_.status.capitalize()
    if map_.state == "INIT":
        return "Initialised: it has no value yet, so nothing can hold it."
    if map_.state == "INUSE":
        return f"{status}: refcnt {map_.refcnt} is 1 for the registration and {users}."
    if map_.links:
        links = plural(len(map_.links), "link")
        return f"{status}: refcnt {map_.refcnt} is {links} and {users}."
    if map_.refcnt:
        return f"Unregistered, and kept by {users}: it goes when the last one lets go."
    return "Ready: its value is complete, but no link registers it and nobody holds it."


class HoldersTable(DetailTable):
    """The sum first, then each pin and each process."""

    COLUMNS = (
        Column("what", "WHAT", 20, least=16),
        Column("count", "COUNT", 6, right=True),
        Column("who", "WHO", 30, least=20, grow=True),
    )
    MARKS = frozenset({"count"})
    HELP = """What keeps the selected map. The kernel's `refcnt` counts registration, links and the
subsystem's users. Pins and processes keep the map itself alive and are not in that count."""

    def update_facts(self, facts: MapFacts) -> None:
        """Show the sum and the rows."""
        self.show_rows([*_sum(facts.map), *_user_space(facts)])


def _sum(map_: StructOpsMap) -> Iterator[Row]:
    yield Row("account", (Span(account(map_), "strong"),))
    if map_.state == "INUSE":
        yield Row("registration", ("registration", "1", "the kernel's own, until unregistered"))
    for link in map_.links:
        yield Row(("link", link), ("link", "1", f"link {link}, until it is detached or closed"))
    if map_.state != "INIT":
        who = "users in the kernel, such as sockets, qdiscs or a netns default"
        yield Row("holders", ("holders", str(map_.holders), who))
        yield Row("refcnt", (Span("refcnt", "strong"), Span(str(map_.refcnt), "strong"), ""))


def _user_space(facts: MapFacts) -> Iterator[Row]:
    if facts.holders is None:
        yield Row("none", (Span("Looking at pins and processes …", "dim"),))
        return
    yield from _rows(facts.holders)
    ours = [link for link in facts.map.links if link in facts.held]
    for link in ours:
        yield Row(("ours", link), (f"fd of link {link}", "", "this program, with which it ends"))
    if not facts.holders.pins and not facts.holders.fds and not ours:
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
