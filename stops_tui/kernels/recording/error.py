"""What is wrong with a recording."""

from __future__ import annotations


class RecordingError(Exception):
    """A file that is no recording, or cannot be written as one; says why in one line."""

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path}: {reason}")
