"""What changed between two snapshots."""

from __future__ import annotations

from itertools import count

from stops_tui.struct_ops.events import EVENTS_KEPT, Event, History, diff
from stops_tui.struct_ops.inventory import Inventory
from tests.support.fake_kernel import FakeKernel


class Watched:
    """A kernel with its inventory, whose sweeps are a second apart."""

    def __init__(self) -> None:
        self.kernel = FakeKernel()
        self.kernel.add_map(5, "five", refcnt=1)
        clock = count(100)
        self.inventory = Inventory(self.kernel, clock=lambda: float(next(clock)))
        self.last = self.inventory.sweep()

    def changes(self) -> list[tuple[int, str, str, str]]:
        before, self.last = self.last, self.inventory.sweep()
        return [(e.map_id, e.what, e.before, e.after) for e in diff(before, self.last)]


def test_the_first_snapshot_and_an_unchanged_one_tell_nothing() -> None:
    watched = Watched()
    assert diff(None, watched.last) == []
    assert watched.changes() == []


def test_an_event_tells_its_map_and_the_time_of_the_sweep() -> None:
    watched = Watched()
    before = watched.last
    watched.kernel.set(5, refcnt=2)
    assert diff(before, watched.inventory.sweep()) == [
        Event(time=101.0, map_id=5, map_name="five", what="refcnt", before="1", after="2")
    ]


def test_unregistering_moves_state_status_and_refcnt() -> None:
    watched = Watched()
    watched.kernel.set(5, refcnt=3)
    watched.changes()
    watched.kernel.set(5, state="TOBEFREE", refcnt=2)
    assert watched.changes() == [
        (5, "state", "INUSE", "TOBEFREE"),
        (5, "status", "registered", "unregistered, held"),
        (5, "refcnt", "3", "2"),
    ]


def test_registering_is_no_event_of_every_member() -> None:
    watched = Watched()
    watched.kernel.add_map(7, "seven", state="INIT", refcnt=0)
    assert watched.changes() == [(7, "map", "", "initialised")]
    watched.kernel.set(7, "INUSE", 1, {"ssthresh": 25, "name": b"seven"})
    assert [what for _, what, _, _ in watched.changes()] == ["state", "status", "refcnt"]


def test_maps_appear_and_go_in_the_order_of_their_ids() -> None:
    watched = Watched()
    watched.kernel.add_map(4, "four", state="READY", refcnt=0)
    watched.kernel.add_map(9, "nine")
    watched.kernel.remove(5)
    assert watched.changes() == [
        (4, "map", "", "ready, not attached"),
        (5, "map", "registered", ""),
        (9, "map", "", "registered"),
    ]


def test_links_are_told_by_their_ids() -> None:
    watched = Watched()
    watched.kernel.add_map(6, "six", state="READY", refcnt=0)
    watched.changes()
    watched.kernel.add_link(31, 6)
    watched.kernel.add_link(30, 6)
    watched.kernel.set(6, refcnt=2)
    assert watched.changes() == [
        (6, "status", "ready, not attached", "attached"),
        (6, "refcnt", "0", "2"),
        (6, "links", "", "30, 31"),
    ]
    watched.kernel.detach(30)
    assert watched.changes() == [(6, "links", "30, 31", "31")]


def test_a_value_that_changes_by_itself_is_told_by_member() -> None:
    watched = Watched()
    watched.kernel.set(5, members={"flags": 2, "name": b"new", "ssthresh": 25})
    assert watched.changes() == [
        (5, "value", 'ssthresh 0, name "", flags 0', 'ssthresh 25, name "new", flags 0x2')
    ]


def test_history_keeps_the_last_different_refcnts() -> None:
    watched, history = Watched(), History()
    history.add(watched.last)
    for refcnt in (1, 2, 2, 3, 4, 5, 6, 7, 8, 9, 8):
        watched.kernel.set(5, refcnt=refcnt)
        history.add(watched.inventory.sweep())
    assert history.refcnts(5) == (3, 4, 5, 6, 7, 8, 9, 8)
    assert [event.after for event in history.events] == list("234567898")
    assert history.refcnts(6) == ()


def test_another_maps_change_leaves_a_maps_refcnts_alone() -> None:
    watched, history = Watched(), History()
    watched.kernel.add_map(6, "six")
    for refcnt in (1, 2, 3):
        watched.kernel.set(6, refcnt=refcnt)
        history.add(watched.inventory.sweep())
    assert history.refcnts(5) == (1,)
    assert history.refcnts(6) == (1, 2, 3)


def test_history_forgets_the_refcnts_of_a_map_that_is_gone_but_not_its_events() -> None:
    watched, history = Watched(), History()
    history.add(watched.last)
    watched.kernel.remove(5)
    new = history.add(watched.inventory.sweep())
    assert [event.what for event in new] == ["map"]
    assert history.refcnts(5) == ()
    assert history.events_of(5) == new
    assert history.events_of(6) == []


def test_the_same_snapshot_twice_is_one() -> None:
    watched, history = Watched(), History()
    assert history.add(watched.last) == history.add(watched.last) == []
    assert history.refcnts(5) == (1,)


def test_history_is_bounded() -> None:
    history = History()
    watched = Watched()
    history.add(watched.last)
    for map_id in range(100, 100 + EVENTS_KEPT + 5):
        watched.kernel.add_map(map_id, "x")
    history.add(watched.inventory.sweep())
    assert len(history.events) == EVENTS_KEPT
    assert history.events[-1].map_id == 100 + EVENTS_KEPT + 4


def test_a_map_that_its_last_holder_lets_go_is_freed() -> None:
    watched = Watched()
    watched.kernel.set(5, state="TOBEFREE", refcnt=1)
    before = watched.inventory.sweep()
    watched.kernel.remove(5)
    (event,) = diff(before, watched.inventory.sweep())
    assert (event.after, event.reason) == ("", "freed: its last holder let go")


def test_a_map_that_is_gone_otherwise_is_not_said_to_be_freed() -> None:
    watched = Watched()
    before = watched.last
    watched.kernel.remove(5)
    (event,) = diff(before, watched.inventory.sweep())
    assert event.reason == ""


def test_when_a_map_was_unregistered() -> None:
    watched, history = Watched(), History()
    history.add(watched.last)
    assert history.unregistered(5) is None
    watched.kernel.set(5, state="TOBEFREE", refcnt=2)
    history.add(watched.inventory.sweep())
    watched.kernel.set(5, refcnt=1)
    history.add(watched.inventory.sweep())
    assert history.unregistered(5) == 101.0


def test_a_status_is_explained_afterwards() -> None:
    watched, history = Watched(), History()
    history.add(watched.last)
    watched.kernel.set(5, state="TOBEFREE", refcnt=2)
    history.add(watched.inventory.sweep())
    history.explain(5, "ejected", "no")  # it is not what it came to
    history.explain(5, "unregistered, held", "why")
    history.explain(6, "unregistered, held", "of another")
    assert [e.reason for e in history.events if e.what == "status"] == ["why"]
