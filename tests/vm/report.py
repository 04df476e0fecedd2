"""What the tests of one guest came to, in a line and the reasons below it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from xml.etree import ElementTree

from tests.vm.kernels import Kernel
from tests.vm.qemu import Guest

REPORT = "report.xml"
"""The name of pytest's JUnit report among a guest's files."""


@dataclass(frozen=True)
class Tests:
    """The tests of one guest.

    Attributes:
        passed: How many passed.
        failed: How many failed, in the test or around it.
        skipped: Reason → how many tests were skipped for it.
    """

    passed: int
    failed: int
    skipped: Counter[str]

    @classmethod
    def of(cls, report: bytes) -> Tests:
        """Read a JUnit report."""
        cases = list(ElementTree.fromstring(report).iter("testcase"))
        failed = sum(
            case.find("failure") is not None or case.find("error") is not None for case in cases
        )
        reasons = [skip.get("message", "") for case in cases for skip in case.findall("skipped")]
        return cls(len(cases) - failed - len(reasons), failed, Counter(reasons))

    def __str__(self) -> str:
        ran = self.passed + self.failed
        return (
            f"{ran} run: {self.passed} passed, {self.failed} failed; {self.skipped.total()} skipped"
        )


def lines(kernel: Kernel, guest: Guest, seconds: float) -> list[str]:
    """A line for a kernel, and one for each reason that tests were skipped for."""
    report = guest.files.get(REPORT)
    if guest.status is None or report is None:
        status = guest.ended if guest.status is None else f"pytest ended with {guest.status}"
        return [f"{kernel.name:<5} {kernel.release}: {status}, after {_time(seconds)}"]
    tests = Tests.of(report)
    reasons = [f"      {number:4} skipped: {why}" for why, number in tests.skipped.most_common()]
    return [f"{kernel.name:<5} {kernel.release}: {tests}; {_time(seconds)}", *reasons]


def _time(seconds: float) -> str:
    return f"{seconds // 60:.0f} min {seconds % 60:02.0f} s"
