from __future__ import annotations

from stops_tui.held import HeldLinks
from stops_tui.kernels.kernel import RawLink
from stops_tui.kernels.writes import HandleKind
from stops_tui.struct_ops.inventory import Snapshot


class Link:
    """Keeps `Handle`."""

    kind: HandleKind = "link"

    def __init__(self, link_id: int) -> None:
        self.id = link_id
        self.open = True

    def close(self) -> None:
        self.open = False


def snapshot(**links: int) -> Snapshot:
    """Link ids, as `_7`, and the maps they hold."""
    found = {int(id_[1:]): RawLink(int(id_[1:]), map_id) for id_, map_id in links.items()}
    return Snapshot(0.0, {}, {}, found)


def held() -> tuple[HeldLinks, Link]:
    links, link = HeldLinks(), Link(7)
    links.keep(link)
    return links, link


def test_a_link_younger_than_the_snapshot_is_kept() -> None:
    links, link = held()
    links.settle(snapshot())
    assert list(links.handles) == [link]
    assert link.open


def test_a_link_that_was_detached_is_let_go() -> None:
    links, link = held()
    links.settle(snapshot(_7=58))
    assert list(links.handles) == [link]
    links.settle(snapshot(_7=0))
    assert not links.handles
    assert not link.open


def test_a_link_that_is_gone_is_forgotten() -> None:
    links, link = held()
    links.settle(snapshot(_7=58))
    links.settle(snapshot())
    assert not links.handles
    assert not link.open


def test_at_the_end_all_are_let_go() -> None:
    links, link = held()
    other = Link(8)
    links.keep(other)
    links.let_all_go()
    assert not links.handles
    assert not link.open
    assert not other.open
