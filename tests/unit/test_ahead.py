"""Work done ahead by a child process."""

from __future__ import annotations

import os
import signal
from errno import EAGAIN, ECHILD

import pytest

from stops_tui.kernels.kernel import RawLink
from stops_tui.kernels.live.ahead import Ahead

# A test runner may have threads; the child does nothing that one of them could hold a lock of.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


def test_the_result_comes_whole() -> None:
    links = {number: RawLink(number, 1) for number in range(100_000)}
    assert Ahead(lambda: links).result() == links


def test_the_job_changes_nothing_here_and_leaves_no_process() -> None:
    numbers = [3, 1, 2]

    def job() -> int:
        numbers.sort()
        return os.getpid()

    assert Ahead(job).result() not in (None, os.getpid())
    assert numbers == [3, 1, 2]
    with pytest.raises(ChildProcessError) as raised:
        os.waitpid(-1, os.WNOHANG)
    assert raised.value.errno == ECHILD


def test_a_job_that_fails_has_no_result(capfd: pytest.CaptureFixture[str]) -> None:
    assert Ahead(lambda: 1 // 0).result() is None
    assert capfd.readouterr() == ("", "")


def test_where_no_process_can_be_made_nothing_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> int:
        raise BlockingIOError(EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", refuse)
    before = os.dup(0)
    os.close(before)
    with pytest.raises(BlockingIOError):
        Ahead(lambda: 1)
    after = os.dup(0)
    os.close(after)
    assert after == before


def test_nor_has_one_that_is_killed() -> None:
    assert Ahead(lambda: os.kill(os.getpid(), signal.SIGKILL)).result() is None
