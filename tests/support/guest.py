"""The throw-away guest of `make test-vm`: whether this is one, and what may be had there."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

MARK = "stops_tui_guest="
"""What stands before the kernel's name on a guest's kernel command line."""


def kernel() -> str | None:
    """The name of the guest's kernel in the matrix ("7.2"); None anywhere but in a guest.

    The kernel's command line tells, which nobody exports by mistake.
    """
    words = Path("/proc/cmdline").read_text().split()
    return next((word.removeprefix(MARK) for word in words if word.startswith(MARK)), None)


PATIENCE = 10 if kernel() else 1
"""How many times longer than elsewhere things may take here."""


def load(*modules: str) -> None:
    """Load kernel modules of the list in tests/vm/modules.py; the test is skipped without them."""
    for module in modules:
        subprocess.run(["modprobe", module], capture_output=True, check=False)  # or it is built in
        if not Path("/sys/module", module).exists():
            pytest.skip(f"this kernel has no module {module}")
