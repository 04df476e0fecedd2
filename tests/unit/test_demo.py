"""The demo kernel keeps the real one's rules, and tells a story."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from stops_tui.kernels.demo.kernel import DemoKernel
from stops_tui.struct_ops.account import Accounts
from stops_tui.struct_ops.events import History
from stops_tui.struct_ops.inventory import Inventory, Snapshot
from tests.support.writes_contract import CONTRACT, Bench


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def kernel(clock: Clock) -> DemoKernel:
    """The demo at its beginning, whose time a test moves."""
    return DemoKernel(clock=clock, epoch=1_700_000_000.0)


@pytest.fixture
def bench(clock: Clock) -> Iterator[Bench]:
    """An empty demo kernel to make things in."""
    with closing(Bench(DemoKernel(clock=clock, story=False), "t_contract")) as bench:
        yield bench


@pytest.mark.parametrize("rule", CONTRACT, ids=lambda rule: rule.__name__)
def test_rules_of_the_real_kernel(bench: Bench, rule: Callable[[Bench], None]) -> None:
    rule(bench)
