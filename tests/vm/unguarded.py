"""Show that a test fails when the guard against BPF_LINK_UPDATE of a map by itself is taken away.

    python -m tests.vm.unguarded

The guard is cut out of a scratch copy of the project; what follows breaks the kernel, so it happens
in a guest alone.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

PROJECT = Path(__file__).parents[2]
KERNEL = "7.2"
TEST = "tests/vm/guest/test_tcp.py::test_a_map_is_never_replaced_by_itself"
GUARD = "            check_link_update(self._bpf(), link_fd, new_fd, old_fd)\n"


def main() -> int:
    """Run the test without the guard; 0 if it failed."""
    with TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in ("stops_tui", "tests"):
            shutil.copytree(PROJECT / name, copy / name)
        shutil.copy(PROJECT / "pyproject.toml", copy)
        writes = copy / "stops_tui/kernels/live/writes.py"
        guarded = writes.read_text()
        assert guarded.count(GUARD) == 1, "the guard is not where it was"
        writes.write_text(guarded.replace(GUARD, ""))
        command = [sys.executable, "-m", "tests.vm", "--kernel", KERNEL, TEST]
        failed = subprocess.run(command, cwd=copy, check=False).returncode == 1
    print("Without the guard the test fails." if failed else "Nothing fails without the guard.")
    return int(not failed)


if __name__ == "__main__":
    sys.exit(main())
