"""What the tests of one guest came to: a line, and the reasons below it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from xml.etree import ElementTree

from tests.vm.kernels import Kernel
from tests.vm.qemu import Guest
from tests.vm.selection import may_skip

REPORT = "report.xml"
"""The name of pytest's JUnit report among a guest's files."""

_STATUSES = {
    2: "pytest was interrupted (its time was up, or a test file cannot be read)",
    5: "pytest found no tests",
}


@dataclass(frozen=True)
class Tests:
    """The tests of one guest.

    Attributes:
        passed: How many passed.
        failed: The names of those that failed, in the test or around it.
        skipped: Reason → how many tests were skipped for it.
    """

    passed: int = 0
    failed: tuple[str, ...] = ()
    skipped: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, report: bytes) -> Tests:
        """Read a JUnit report.

        Raises:
            ElementTree.ParseError: It was cut off.
        """
        cases = list(ElementTree.fromstring(report).iter("testcase"))
        bad = [case for case in cases if {"failure", "error"} & {part.tag for part in case}]
        failed = dict.fromkeys(f"{case.get('classname')}::{case.get('name')}" for case in bad)
        reasons = [skip.get("message", "") for case in cases for skip in case.findall("skipped")]
        return cls(len(cases) - len(bad) - len(reasons), tuple(failed), Counter(reasons))

    def __str__(self) -> str:
        failed, skipped = len(self.failed), self.skipped.total()
        ran = self.passed + failed
        return f"{ran} run: {self.passed} passed, {failed} failed; {skipped} skipped"


@dataclass(frozen=True)
class Report:
    """What came of a guest.

    Attributes:
        kernel: What was booted.
        seconds: How long it took.
        tests: What it told of its tests; None if it came to no report.
        trouble: What else went wrong, in words.
        unasked: Reasons that tests were skipped for, though this kernel has all they need.
    """

    kernel: Kernel
    seconds: float
    tests: Tests | None
    trouble: str
    unasked: tuple[str, ...] = ()

    @classmethod
    def of(cls, kernel: Kernel, guest: Guest, seconds: float) -> Report:
        """Read what a guest left."""
        try:
            tests = Tests.of(guest.files.get(REPORT, b""))
        except ElementTree.ParseError:
            tests = None
        skipped = tests.skipped if tests else ()
        unasked = tuple(why for why in skipped if not may_skip(kernel.name, why))
        return cls(kernel, seconds, tests, _trouble(guest, tests), unasked)

    @property
    def good(self) -> bool:
        """Whether all tests ran that can, and passed."""
        return bool(self.tests and not (self.tests.failed or self.trouble or self.unasked))

    def lines(self) -> list[str]:
        """A line for the kernel; below it what failed, and what tests were skipped for."""
        told = [str(self.tests)] if self.tests else []
        told += [self.trouble] if self.trouble else []
        took = f"{self.seconds // 60:.0f} min {self.seconds % 60:02.0f} s"
        tests = self.tests or Tests()
        return [
            f"{self.kernel.name:<5} {self.kernel.release}: {'; '.join([*told, took])}",
            *(f"      FAILED {name}" for name in tests.failed),
            *(self._skips(why, number) for why, number in tests.skipped.most_common()),
        ]

    def _skips(self, why: str, number: int) -> str:
        unasked = " (it has: this counts as a failure)" if why in self.unasked else ""
        return f"      {number:4} skipped: {why}{unasked}"


def _trouble(guest: Guest, tests: Tests | None) -> str:
    """What went wrong beside tests that failed; "" for nothing."""
    if guest.status is None:
        return guest.ended
    if guest.status in (0, 1) and tests is None:
        return "left no report"
    if guest.status == bool(tests and tests.failed):
        return ""
    return _STATUSES.get(guest.status, f"pytest ended with {guest.status}")
