"""The tests' kernel keeps the rules that guests and tests/live see real ones keep."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.support.fake_kernel import FakeKernel
from tests.support.types_contract import TYPES_CONTRACT, Rule
from tests.support.writes_contract import CONTRACT, Bench

KERNEL = FakeKernel()
OFFERED = {type_.name for type_ in KERNEL.types}


@pytest.fixture
def bench() -> Iterator[Bench]:
    kernel = FakeKernel()
    bench = Bench(kernel, "t_contract")
    yield bench
    bench.close()
    assert kernel.writes.open_handles == []
    sweep = kernel.sweep()
    for raw in sweep.maps.values():
        assert raw.value[4] == 1, f"map {raw.id} is left over"
    assert not sweep.links


@pytest.mark.parametrize("test", CONTRACT, ids=lambda test: test.__name__)
def test_contract(bench: Bench, test: Callable[[Bench], None]) -> None:
    test(bench)


@pytest.mark.parametrize(
    "rule",
    [rule for rule in TYPES_CONTRACT if rule.type_name in OFFERED],
    ids=lambda rule: rule.holds.__name__,
)
def test_types_contract(bench: Bench, rule: Rule) -> None:
    rule.holds(bench)
