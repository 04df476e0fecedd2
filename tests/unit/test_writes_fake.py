"""The fake kernel keeps the rules that tests/live/test_writes.py sees the running one keep."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.support.fake_kernel import FakeKernel
from tests.support.writes_contract import CONTRACT, Bench


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
