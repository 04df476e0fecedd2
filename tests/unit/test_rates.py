from __future__ import annotations

from stops_tui.kernels.kernel import RunCount
from stops_tui.struct_ops.rates import Rate, Rates


def test_rates_are_differences_over_time() -> None:
    rates = Rates()
    assert rates.take(10.0, {1: RunCount(100, 1000), 2: RunCount(5, 5)}) == {}
    now = {1: RunCount(300, 9000), 2: RunCount(5, 5), 3: RunCount(7, 7)}
    assert rates.take(12.0, now) == {1: Rate(100.0, 40.0), 2: Rate(0.0, None)}


def test_a_count_that_fell_is_no_negative_rate() -> None:
    rates = Rates()
    rates.take(1.0, {1: RunCount(100, 1000)})
    assert rates.take(2.0, {1: RunCount(3, 3)}) == {1: Rate(0.0, None)}


def test_two_readings_at_one_time_tell_nothing() -> None:
    rates = Rates()
    rates.take(1.0, {1: RunCount(1, 1)})
    assert rates.take(1.0, {1: RunCount(2, 2)}) == {}
