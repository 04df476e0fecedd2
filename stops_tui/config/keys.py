"""Keys as a person writes them (`/`, `ctrl+f`, `PageUp`) → as the terminal library names them."""

from __future__ import annotations

import unicodedata
from typing import Final

MODIFIERS: Final = {"ctrl", "alt", "shift", "super", "meta", "hyper"}
NAMED: Final = {
    *("escape", "enter", "tab", "space", "backspace", "delete", "insert"),
    *("home", "end", "pageup", "pagedown", "up", "down", "left", "right"),
    *(f"f{number}" for number in range(1, 25)),
}
SHORT: Final = {
    "solidus": "slash",
    "reverse_solidus": "backslash",
    "commercial_at": "at",
    "hyphen_minus": "minus",
    "plus_sign": "plus",
    "low_line": "underscore",
}
"""Punctuation that is not named by its Unicode name."""
PUNCTUATION: Final = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"


def key_name(written: str) -> str:
    """The name of one key.

    Raises:
        ValueError: There is no such key; the text says what is expected.
    """
    head, key = _split(written if written.isspace() else written.strip())
    modifiers = head.lower().split("+") if head else []
    key = _of_character(key) if len(key) == 1 else key.lower()
    known = len(key) == 1 or key in NAMED or key in _PUNCTUATION_NAMES
    if not known or not set(modifiers) <= MODIFIERS:
        raise ValueError(f"{written[:40]!r} is no key; write p, P, /, f5, space or ctrl+f")
    return "+".join([*modifiers, key.lower() if "ctrl" in modifiers else key])


def as_written(name: str) -> str:
    """The reverse of `key_name`, as short as can be: `slash` → `/`."""
    head, key = _split(name)
    character = _CHARACTERS.get(key, key)
    return f"{head}+{character}" if head else character


def _split(written: str) -> tuple[str, str]:
    """`ctrl+f` → ("ctrl", "f"); the key may be `+` itself."""
    if written == "+" or written.endswith("++"):
        return written[:-2], "+"
    head, _, key = written.rpartition("+")
    return head, key


def _of_character(character: str) -> str:
    """A character's key; control characters and the unnamed stay, and are no key."""
    if character.isalnum():
        return character
    name = unicodedata.name(character, "").lower().replace("-", "_").replace(" ", "_")
    return SHORT.get(name, name) or "unknown"


_CHARACTERS: Final = {_of_character(character): character for character in PUNCTUATION}
_PUNCTUATION_NAMES: Final = frozenset(_CHARACTERS)
