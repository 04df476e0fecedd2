"""Queueing disciplines: their instances, and net.core.default_qdisc."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stops_tui.kernels.users import RawQdisc, RawQdiscs
from stops_tui.struct_ops.account.account import DEFAULT_QDISC, QDISC, Found, Part
from stops_tui.struct_ops.account.asked import Asked, Known
from stops_tui.struct_ops.account.words import netns_phrase, netns_text
from stops_tui.struct_ops.text import count, printable


def look(asked: Asked) -> Mapping[int, Found]:
    """What holds each map that is held at all; the others are not looked for."""
    wanted = [known for known in asked.each() if known.map.holders]
    if not wanted:
        return {}
    seen = asked.users.qdiscs({known.name for known in wanted})
    return {known.map.id: _found(asked, known, seen) for known in wanted}


def _found(asked: Asked, known: Known, seen: RawQdiscs) -> Found:
    parts = tuple(_parts(known, seen))
    rivals = asked.rivals(known)
    if not rivals:
        return Found(parts, unseen=seen.unseen)
    maps = " or ".join(map(str, sorted((known.map.id, *rivals))))
    undecided = f"{count(len(parts), 'qdisc or default')} of map {maps}: known by name only"
    return Found(unseen=(*seen.unseen, undecided))


def _parts(known: Known, seen: RawQdiscs) -> Iterator[Part]:
    for qdisc in seen.instances:
        if qdisc.kind == known.name:
            yield _instance(qdisc)
    if seen.default == known.name:
        setting = "net.core.default_qdisc"
        yield Part(DEFAULT_QDISC, 1, detail=setting, phrase=f"{setting}, which names it")


def _instance(qdisc: RawQdisc) -> Part:
    device = printable(qdisc.device)
    which = f"{device} {qdisc.handle} {qdisc.parent}"
    facts = (
        which,
        f"{qdisc.backlog:,} bytes and {count(qdisc.qlen, 'packet')} wait",
        f"{qdisc.drops:,} dropped of {count(qdisc.packets, 'packet')}",
    )
    return Part(
        QDISC,
        1,
        netns_text(qdisc.netns),
        ", ".join(facts),
        phrase=f"qdisc {qdisc.handle} of {device} in {netns_phrase(qdisc.netns)}",
        which=which,
        place=qdisc.netns,
    )
