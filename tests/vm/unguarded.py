"""Show that a test fails when the guard against BPF_LINK_UPDATE of a map by itself is taken away.

    python -m tests.vm.unguarded

The guard is cut out of a scratch copy of the project; what follows breaks the kernel, so it happens
in a guest alone.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.vm import errand
from tests.vm.qemu import Guest

KERNEL = "7.2"
MINUTES = 10
TEST = "tests/vm/guest/test_tcp.py::test_a_map_is_never_replaced_by_itself"
GUARD = "            check_link_update(self._bpf(), link_fd, new_fd, old_fd)\n"
BROKEN = "kernel BUG at lib/list_debug.c"
"""What the kernel says when a congestion control is entered in its list a second time."""


def main() -> int:
    """Run the test with the guard and without.

    Returns:
        0 if it passes, and then breaks the kernel; 1 if it passes both times; else 2.
    """
    with TemporaryDirectory() as folder:
        copy = Path(folder)
        for name in ("stops_tui", "tests"):
            shutil.copytree(errand.PROJECT / name, copy / name)
        shutil.copy(errand.PROJECT / "pyproject.toml", copy)
        if _run(copy).status != 0:
            print("The test does not pass with the guard.")
            return 2
        writes = copy / "stops_tui/kernels/live/writes.py"
        guarded = writes.read_text()
        assert guarded.count(GUARD) == 1, "the guard is not where it was"
        writes.write_text(guarded.replace(GUARD, ""))
        guest = _run(copy)
    if guest.status == 0:
        print("Nothing fails without the guard.")
        return 1
    if guest.status is not None or not any(BROKEN in line for line in guest.console):
        print(f"Without the guard something else came of it: {guest.ended}")
        return 2
    print("Without the guard the test fails.")
    return 0


def _run(copy: Path) -> Guest:
    return errand.run_alone(KERNEL, "pytest", "-q", TEST, minutes=MINUTES, folder=copy)


if __name__ == "__main__":
    sys.exit(main())
