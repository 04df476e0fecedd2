"""A test's child tells what came of its work, and never goes on as a second run of the tests."""

from __future__ import annotations

import os
import signal

import pytest

from tests.support.child import in_child


def test_it_answers() -> None:
    assert in_child(lambda: [os.getppid(), "ok"]) == [os.getpid(), "ok"]


@pytest.mark.parametrize("failure", [OSError(1, "spilt"), SystemExit("spilt")])
def test_what_it_raises_is_one_failure_here(failure: BaseException) -> None:
    def work() -> None:
        raise failure

    us = os.getpid()
    with pytest.raises(AssertionError, match="spilt"):
        in_child(work)
    assert os.getpid() == us


def test_one_that_is_killed_is_told() -> None:
    with pytest.raises(AssertionError, match="the child ended without an answer"):
        in_child(lambda: os.kill(os.getpid(), signal.SIGKILL))
