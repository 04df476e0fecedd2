"""Text that hostile types cannot make endless."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from stops_tui.btf.types import BtfError

MAX_DEPTH = 32  # MAX_RESOLVE_DEPTH in kernel/bpf/btf.c: deeper types are not loaded
_MAX_LENGTH = 1 << 18  # the longest definition of a vmlinux has 17,000 characters


class Text:
    """Text as it is written, piece by piece; BtfError when it grows out of bounds."""

    def __init__(self, offset: int) -> None:
        """Start empty; `offset` is where the BTF has the type that is put into words."""
        self._offset = offset
        self._pieces: list[str] = []
        self._length = 0
        self._depth = 0

    def __str__(self) -> str:
        return "".join(self._pieces)

    def add(self, piece: str) -> None:
        """Write on."""
        self._pieces.append(piece)
        self._length += len(piece) or 1
        if self._length > _MAX_LENGTH:
            raise BtfError(f"C text longer than {_MAX_LENGTH} characters", self._offset)

    def drop_space(self) -> None:
        """Take back a space at the end."""
        if self._pieces and self._pieces[-1].endswith(" "):
            self._pieces[-1] = self._pieces[-1][:-1]

    @contextmanager
    def deeper(self) -> Iterator[None]:
        """What is written inside is nested in what is written outside."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise BtfError(f"types nested more than {MAX_DEPTH} deep", self._offset)
        yield
        self._depth -= 1
