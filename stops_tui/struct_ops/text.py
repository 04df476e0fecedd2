"""Text out of bytes that nobody vouches for: shown literally, in one line, bounded."""

from __future__ import annotations

LONGEST = 200
"""Characters shown of one string; what is cut off is told by an ellipsis."""


def printable(text: str, longest: int = LONGEST) -> str:
    r"""The text with every character that could move a cursor or hide others escaped.

    Args:
        text: Anything, ESC, BEL, newlines and bidirectional overrides included.
        longest: Characters looked at; more than these are replaced by "…".

    Returns:
        One line: `\x1b[31m`, `\u202e`; characters that print are left as they are.
    """
    if text.isprintable() and len(text) <= longest:
        return text
    shown = "".join(char if char.isprintable() else _escape(char) for char in text[:longest])
    return shown + "…" if len(text) > longest else shown


def c_string(raw: bytes, longest: int = LONGEST) -> str:
    r"""A char array as a C literal: up to its NUL, in double quotes, escaped as `printable`.

    Bytes that are no UTF-8 are shown as `\xff`; a quote and a backslash get a backslash.
    """
    text = raw.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")
    quoted = text[:longest].replace("\\", "\\\\").replace('"', '\\"')
    ellipsis = "…" if len(text) > longest else ""
    return f'"{printable(quoted, 2 * longest)}{ellipsis}"'


def bytes_text(size: int) -> str:
    """A size for people: `9,999 B`, `12.5 KiB`."""
    return f"{size:,} B" if size < 10_000 else f"{size / 1024:,.1f} KiB"


def count(n: int, word: str) -> str:
    """`1 TCP socket`, `10,000 TCP sockets`."""
    return f"{n:,} {word}{'s' * (n != 1)}"


def _escape(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that surrogateescape could not decode
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
