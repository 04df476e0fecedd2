"""Which cells of a table changed of late."""

from __future__ import annotations

from stops_tui.widgets.columns import Column, Row
from stops_tui.widgets.marks import Marks

COLUMNS = (Column("name", "NAME", 8), Column("refcnt", "REFCNT", 6))


def test_a_cell_is_marked_for_a_while_from_its_last_change_on() -> None:
    marks = Marks({"refcnt"})
    assert marks.wait(0.0) is None
    marks.note(COLUMNS, Row(58, ("dctcp", "6")), Row(58, ("other", "7")), now=0.0)
    assert (58, "refcnt") in marks
    assert (58, "name") not in marks, "not worth a mark"
    marks.note(COLUMNS, Row(59, ("reno", "1")), Row(59, ("reno", "2")), now=1.0)
    assert marks.wait(1.0) == 3.0
    marks.note(COLUMNS, Row(58, ("other", "7")), Row(58, ("other", "8")), now=2.0)
    assert marks.expire(4.95) == {59}
    assert marks.expire(5.5) == set()
    assert marks.expire(6.0) == {58}
    assert marks.wait(6.0) is None


def test_marks_that_are_due_together_go_together() -> None:
    marks = Marks({"refcnt"})
    for key, now in ((58, 0.0), (59, 0.05)):
        marks.note(COLUMNS, Row(key, ("", "6")), Row(key, ("", "7")), now)
    assert marks.wait(4.0) == 0.1
    assert marks.expire(4.0) == {58, 59}
