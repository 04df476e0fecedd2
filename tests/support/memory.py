"""How much memory this process has needed."""

from __future__ import annotations

import re
from pathlib import Path


def most_used() -> int:
    """MiB, the most since it was started (VmHWM; ru_maxrss counts the parent's as well)."""
    status = Path("/proc/self/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found, status
    return int(found[1]) // 1024
