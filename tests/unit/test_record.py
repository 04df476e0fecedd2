"""`Record` is what `typing.NamedTuple` is, which is what the type checker takes it for."""

from __future__ import annotations

import copy
import pickle
from typing import Any, NamedTuple

import pytest

from stops_tui.record import Record


class Plain(NamedTuple):
    """As the standard library makes it."""

    id: int
    name: str
    links: tuple[int, ...] = ()
    note: str = "none"

    @property
    def label(self) -> str:
        return f"{self.id} {self.name}"


class Ours(Record):
    """As we make it."""

    id: int
    name: str
    links: tuple[int, ...] = ()
    note: str = "none"

    @property
    def label(self) -> str:
        return f"{self.id} {self.name}"


WAYS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((1, "a"), {}),
    ((1, "a", (2,), "b"), {}),
    ((1,), {"name": "a"}),
    ((), {"note": "b", "name": "a", "id": 1, "links": (2, 3)}),
    ((1, "a"), {"note": "b"}),
]
WRONG: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    ((), {}),
    ((1,), {}),
    ((1,), {"links": ()}),
    ((1, "a", (), "b", "c"), {}),
    ((1, "a"), {"id": 1}),
    ((1, "a"), {"what": 1}),
    ((1, "a", (), "b"), {"what": 1}),
]


@pytest.mark.parametrize(("values", "named"), WAYS)
def test_it_is_made_and_read_like_a_named_tuple(
    values: tuple[Any, ...], named: dict[str, Any]
) -> None:
    plain, ours = Plain(*values, **named), Ours(*values, **named)
    assert tuple(ours) == tuple(plain)
    assert (ours.id, ours.name, ours.links, ours.note) == tuple(plain)
    assert ours.label == plain.label
    assert ours._asdict() == plain._asdict()
    assert repr(ours) == repr(plain).replace("Plain", "Ours")
    assert hash(ours) == hash(plain)


@pytest.mark.parametrize(("values", "named"), WRONG)
def test_it_refuses_what_a_named_tuple_refuses(
    values: tuple[Any, ...], named: dict[str, Any]
) -> None:
    with pytest.raises(TypeError):
        Plain(*values, **named)
    with pytest.raises(TypeError, match="Ours has the fields id, name, links, note"):
        Ours(*values, **named)


def test_it_says_what_its_fields_are() -> None:
    assert Ours._fields == Ours.__match_args__ == Plain._fields
    assert Ours._field_defaults == Plain._field_defaults
    match Ours(1, "a"):
        case Ours(id=1, name=name):
            assert name == "a"


def test_other_values_make_another_record() -> None:
    ours = Ours(1, "a")
    other = ours._replace(name="b", note="c")
    assert other == Ours(1, "b", (), "c")
    assert type(other) is Ours
    assert ours == Ours(1, "a")
    with pytest.raises(TypeError, match="has the fields"):
        ours._replace(what=1)  # type: ignore[call-arg]  # as it would be written by mistake


def test_nothing_in_it_can_be_changed() -> None:
    ours = Ours(1, "a")
    with pytest.raises(AttributeError):
        ours.id = 2  # type: ignore[misc]  # as it would be written by mistake
    assert ours.id == 1


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda r: pickle.loads(pickle.dumps(r))]
)
def test_a_copy_is_equal_and_of_the_same_class(again: Any) -> None:
    copied = again(Ours(1, "a", (2,)))
    assert copied == Ours(1, "a", (2,))
    assert type(copied) is Ours
