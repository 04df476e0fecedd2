"""Which tests run in a guest, where Python is many times slower than outside."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]

EVERYWHERE = ("tests/live", "tests/vm/guest")

PILOT = ("tests/tui/test_explorer.py", "tests/tui/test_empty_host.py")
"""Of the app on a kernel that is none, a few."""

OBJECTS = "tests/live/test_object_loading.py"
"""Objects loaded by libbpf; everywhere tests/vm/guest/test_objects.py loads some."""

DEAR_ON = ("6.1", "7.2")
"""The oldest kernel and a new one: these two alone run what takes minutes."""

LEFT_OUT = {
    "tests/live/test_btf.py::test_find_agrees_with_a_search_through_all": "the parser's alone",
    "tests/live/test_btf.py::test_opening_vmlinux_is_quick": "the parser's alone",
    "tests/live/test_btf.py::test_a_broken_vmlinux_is_answered_or_refused": "the parser's alone",
    "tests/live/test_listing.py::test_compiled_programs_read_as_bpftool_prints": "minutes",
    "tests/live/test_listing.py::test_isa_v4_reads_as_bpftool_prints_it[True]": "minutes",
    "tests/live/test_object_screen.py": "as test_object_loading.py, by the screen",
    "tests/live/test_cli.py::test_nobody_is_told": "as test_access.py, by a process each",
    "tests/live/test_cli_register.py": "as test_registration.py, by a process each",
    "tests/live/test_cli_object.py": "not of the kernel",
}
"""What does not run in a guest, by the beginnings of test ids, and why."""


LACKS = {
    "6.1": (
        *("struct_ops links", "struct_ops types in modules", "movsx", "load_acquire"),
        *("sched_ext_ops", "sched_ext_ops_cid", "hid_bpf_ops", "Qdisc_ops", "io_uring_bpf_ops"),
    ),
    "6.12": (
        "load_acquire",
        *("sched_ext_ops", "sched_ext_ops_cid", "hid_bpf_ops", "Qdisc_ops", "io_uring_bpf_ops"),
    ),
    "6.18": ("sched_ext_ops_cid", "io_uring_bpf_ops"),
    "7.2": (),
    "7.3": (),
}
"""What each kernel has not, as Debian builds it: only for that may a test be skipped."""

_WITH_WORD = ("-k", "-m", "-o", "-p")
"""Options of pytest after which a word is no path, whatever it looks like."""

_LACKING = re.compile(r"this kernel has no ([\w ]+)")


def may_skip(kernel: str, reason: str) -> bool:
    """Whether a test may be skipped for this reason: it names a feature that the kernel has not."""
    found = _LACKING.match(reason)
    return bool(found and found[1].strip() in LACKS[kernel])


def arguments(kernel: str, given: list[str]) -> list[str]:
    """pytest's arguments: those that were given, with the tests to run if they name none."""
    before = ["", *given][: len(given)]
    words = [word for option, word in zip(before, given, strict=True) if option not in _WITH_WORD]
    if any((PROJECT / word.partition("::")[0]).exists() for word in words if word[:1] != "-"):
        return given
    left_out = [f"--deselect={test}" for test in LEFT_OUT]
    if kernel in DEAR_ON:
        return [*given, *left_out, *EVERYWHERE, *PILOT]
    return [*given, *left_out, f"--deselect={OBJECTS}", *EVERYWHERE]


def collected(tests: tuple[str, ...]) -> bool:
    """Whether pytest finds these tests; in passing all are compiled, which is slow in a guest."""
    command = [sys.executable, "-m", "pytest", "-qq", "--collect-only", *tests]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run(
        command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        print(done.stdout)
    return done.returncode == 0
