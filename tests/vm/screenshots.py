"""Make the README's pictures of what only a guest may do: `make screenshots-vm`.

Each is of the real app on a real kernel, made in a guest and brought out of it.
"""

from __future__ import annotations

import sys

from tests.screenshots import PICTURES
from tests.vm import errand

KERNEL = "7.2"
MINUTES = 15


def main() -> int:
    """Make all pictures; 0 if all were made."""
    guest = errand.run_alone(KERNEL, "tests.vm.guest.pictures", minutes=MINUTES)
    for name, content in guest.files.items():
        if name.endswith(".svg"):
            (PICTURES / name).write_bytes(content)
    return int(guest.status != 0)


if __name__ == "__main__":
    sys.exit(main())
