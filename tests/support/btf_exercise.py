"""Ask a BTF everything there is to ask: it must answer, or raise BtfError, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress

from stops_tui.btf import Btf, BtfError, BtfType, Kind
from stops_tui.btf.c import declaration, definition, prototype, type_text


def exercise(btf: Btf, ids: Iterable[int]) -> None:
    """Ask about these ids, and a little about the whole."""
    asks: list[Callable[[int], object]] = [
        btf.type,
        btf.resolve,
        btf.size_of,
        btf.func_proto,
        btf.offset_of,
        btf.string,
        lambda type_id: type_text(btf, type_id),
        lambda type_id: declaration(btf, type_id, "x"),
        lambda type_id: definition(btf, type_id),
        lambda type_id: prototype(btf, type_id),
    ]
    for type_id in ids:
        for ask in asks:
            with suppress(BtfError):
                ask(type_id)
    with suppress(BtfError):
        len(btf)
    with suppress(BtfError):
        btf.find("a", Kind.STRUCT)
    with suppress(BtfError):
        list(btf.find_prefix("a", Kind.STRUCT))


def readable(btf: Btf) -> list[BtfType]:
    """All types, those of the base too."""
    return [btf.type(type_id) for type_id in range(len(btf))]
