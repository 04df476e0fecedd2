"""Which maps a person wants to see: a few words, each matched somewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from stops_tui.struct_ops.inventory import StructOpsMap

FIELDS: Mapping[str, Callable[[StructOpsMap], str]] = {
    "id": lambda m: str(m.id),
    "name": lambda m: m.name,
    "type": lambda m: m.type_name,
    "state": lambda m: m.state,
    "status": lambda m: m.status,
}
"""What may stand before a colon."""


def matcher(text: str) -> Callable[[StructOpsMap], bool]:
    """A filter's text → whether a map passes it.

    Words between blanks must all match, whatever their case. `type:tcp` looks in one field, a
    bare word in the name, type and status; `id:58` and a bare number also match a whole id.
    A word before a colon that is no field's name is looked for as it stands.
    """
    words = [_word(word) for word in text.lower().split()]
    return lambda map_: all(word(map_) for word in words)


def _word(word: str) -> Callable[[StructOpsMap], bool]:
    field, colon, wanted = word.partition(":")
    if field == "id" and colon:
        return lambda m: not wanted or str(m.id) == wanted
    if field in FIELDS and colon:
        return lambda m: wanted in FIELDS[field](m).lower()
    return lambda m: (
        str(m.id) == word
        or any(word in FIELDS[name](m).lower() for name in ("name", "type", "status"))
    )
