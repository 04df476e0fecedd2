"""Keys: as a person writes them (`/`, `ctrl+f`, `PageUp`) → as the terminal library names them.

And back: as they are written in the configuration, and as the screen shows them (`^f`, `⇧←`).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Final

from stops_tui.actions import Action

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
SENT_AS: Final = {
    "ctrl+h": "backspace",
    "ctrl+i": "tab",
    "ctrl+m": "enter",
    "ctrl+left_square_bracket": "escape",
}
"""What most terminals send as another key, for it is the same byte."""
SHOWN: Final = {
    "enter": "Enter",
    "escape": "Esc",
    "space": "Space",
    "tab": "Tab",
    "left": "←",
    "right": "→",
    "up": "↑",
    "down": "↓",
}
SHOWN_MODIFIERS: Final = {"ctrl": "^", "shift": "⇧"}
PUNCTUATION: Final = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"


def key_name(written: str) -> str:
    """The name of one key; modifiers stand in the order of the alphabet.

    Raises:
        ValueError: There is no such key, or no terminal sends it so; the text says what is
            expected.
    """
    head, key = _split(written if written.isspace() else written.strip())
    modifiers = set(head.lower().split("+")) if head else set()
    key = _of_character(key) if len(key) == 1 else key.lower()
    is_character = len(key) == 1 or key in _PUNCTUATION_NAMES
    if not (is_character or key in NAMED) or not modifiers <= MODIFIERS:
        raise ValueError(f"{written[:40]!r} is no key; write p, P, /, f5, space or ctrl+f")
    if modifiers == {"shift"} and is_character:
        raise ValueError(f"{written[:40]!r} gives another character: write that one, as in P or ?")
    if modifiers and key.isupper():
        key = key.lower()
        if "ctrl" not in modifiers:  # ctrl+F is but another way to write ctrl+f
            modifiers.add("shift")
    name = "+".join([*sorted(modifiers), key])
    if name in SENT_AS:
        raise ValueError(f"{written[:40]!r} is the same as {SENT_AS[name]!r} to most terminals")
    return name


def as_written(name: str) -> str:
    """The reverse of `key_name`, as short as can be: `slash` → `/`."""
    head, key = _split(name)
    character = _CHARACTERS.get(key, key)
    return f"{head}+{character}" if head else character


def key_text(action: Action, keys: Mapping[str, str]) -> str:
    """The first key of an action as the screen writes it, in few cells: `/`, `^p`, `Enter`.

    Args:
        action: The action.
        keys: Configured keys by action id; they replace the default.
    """
    head, key = _split(keys.get(action.id, action.keys).split(",")[0])
    modifiers = head.split("+") if head else []
    before = "".join(SHOWN_MODIFIERS.get(each, f"{each}+") for each in modifiers)
    return before + (SHOWN.get(key) or _CHARACTERS.get(key, key))


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
