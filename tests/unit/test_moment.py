"""Moments of a recording, as a person says them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from stops_tui.kernels.recording.moment import parse_moment


def test_moments_are_said_as_people_do() -> None:
    start = datetime(2026, 11, 23, 21, 13, 52, 400_000).timestamp()
    for text, position in {
        "+90": 90.0,
        "+0.5": 0.5,
        "21:14:52": 59.6,
        "21:15": 67.6,
        "21:13:52": 0.0,  # what a screen shows of the beginning
        "00:00": 2 * 3600 + 46 * 60 + 7.6,  # the next day
        "2026-11-23T21:14:00": 7.6,
    }.items():
        assert parse_moment(text)(start) == pytest.approx(position, abs=1e-3), text


def test_a_moment_may_be_of_another_time_zone() -> None:
    start = datetime(2026, 11, 23, 21, 13, 52, tzinfo=UTC).timestamp()
    for text in ("21:14:52Z", "23:14:52+02:00", "02:44:52+05:30", "2026-11-23T21:14:52Z"):
        assert parse_moment(text)(start) == pytest.approx(60.0), text


@pytest.mark.parametrize(
    "text", ["", "90", "+", "+nan", "+inf", "25:00", "21:61", "yesterday", "2026-13-01T00:00"]
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_moment(text)
