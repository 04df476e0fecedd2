"""Record the demo kernel's programs and types anew, in a guest: `make demo-cast`."""

from __future__ import annotations

import sys

from tests.vm import errand

CAST = errand.PROJECT / "stops_tui" / "kernels" / "demo" / "cast.stops"
KERNEL = "7.2"
MINUTES = 10


def main() -> int:
    """Make the file; 0 if it was made."""
    guest = errand.run_alone(KERNEL, "tests.vm.guest.cast", minutes=MINUTES)
    if guest.status == 0:
        CAST.write_bytes(guest.files[CAST.name])
    return int(guest.status != 0)


if __name__ == "__main__":
    sys.exit(main())
