"""What the command ends with; `--help` and the man page say it in the parser's words."""

from __future__ import annotations

from typing import Final

FINE: Final = 0
NOT_FOUND: Final = 1
USAGE: Final = 2
PERMISSION: Final = 3
UNSUPPORTED: Final = 4
REFUSED: Final = 5
UNWRITTEN: Final = 74  # EX_IOERR of sysexits(3)
