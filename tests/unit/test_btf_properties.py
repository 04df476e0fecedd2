"""Whatever was built is read back equal; whatever is broken raises BtfError and nothing else."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from stops_tui.btf import Btf, BtfError, BtfType, Kind
from tests.support.btf_builder import BtfBuilder
from tests.support.btf_exercise import exercise, readable
from tests.support.btf_types import Drawn, graphs

ORDERS = st.sampled_from(["<", ">"])
PATIENT = timedelta(seconds=10)  # far more than any answer takes, far less than endless


def build(order: str, graph: list[Drawn], split: int) -> BtfBuilder:
    """Build the first `split` types in a base, the others on it."""
    builder = BtfBuilder(order)
    for place, drawn in enumerate(graph):
        if place == split:
            builder = BtfBuilder(order, builder)
        drawn.build(builder)
    return builder


def expected(graph: list[Drawn]) -> list[BtfType]:
    return [drawn.read(place + 1) for place, drawn in enumerate(graph)]


@given(ORDERS, graphs, st.integers(0, 13))
def test_what_is_built_is_read(order: str, graph: list[Drawn], split: int) -> None:
    assert readable(build(order, graph, split).btf())[1:] == expected(graph)


@given(ORDERS, graphs, st.integers(0, 13))
def test_every_type_is_found_by_name_and_kind(order: str, graph: list[Drawn], split: int) -> None:
    btf = build(order, graph, split).btf()
    types = expected(graph)
    for wanted in types:
        twins = [
            found.id for found in types if (found.name, found.kind) == (wanted.name, wanted.kind)
        ]
        assert btf.find(wanted.name, wanted.kind) == twins[0]
        alike = [
            found.id
            for found in types
            if found.kind is wanted.kind and found.name.startswith(wanted.name[:2])
        ]
        assert list(btf.find_prefix(wanted.name[:2], wanted.kind)) == alike
    assert btf.find("no such name", Kind.STRUCT) is None


@settings(deadline=PATIENT)
@given(ORDERS, graphs, st.integers(0, 13))
def test_any_graph_is_answered_or_refused(order: str, graph: list[Drawn], split: int) -> None:
    exercise(build(order, graph, split).btf(), range(len(graph) + 2))


@settings(deadline=PATIENT, max_examples=300)
@given(st.data(), ORDERS, graphs)
def test_broken_bytes_are_answered_or_refused(
    data: st.DataObject, order: str, graph: list[Drawn]
) -> None:
    broken = bytearray(build(order, graph, 99).data())
    places = st.integers(0, len(broken) - 1)
    for place, value in data.draw(st.lists(st.tuples(places, st.integers(0, 255)), max_size=8)):
        broken[place] = value
    del broken[data.draw(places | st.just(len(broken))) :]
    with suppress(BtfError):
        exercise(Btf.parse(bytes(broken)), range(len(graph) + 2))


@settings(deadline=PATIENT)
@given(st.binary(max_size=200))
def test_noise_is_refused_or_answered(noise: bytes) -> None:
    for data in (noise, b"\x9f\xeb\x01\x00" + noise):
        with suppress(BtfError):
            exercise(Btf.parse(data), range(5))


@given(ORDERS, graphs, st.data())
def test_a_broken_split_btf_is_refused_or_answered(
    order: str, graph: list[Drawn], data: st.DataObject
) -> None:
    split = data.draw(st.integers(1, len(graph)))
    module = build(order, graph[split:], 99)
    base = build(order, graph[:split], 99)
    whole = build(order, graph, split).data() if split < len(graph) else module.data()
    with suppress(BtfError):
        btf = Btf.parse(whole[: data.draw(st.integers(0, len(whole)))], base.btf())
        exercise(btf, range(len(graph) + 2))
