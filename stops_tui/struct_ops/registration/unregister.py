"""Ending a registration: BPF_MAP_DELETE_ELEM for a plain map, detach and unpin for links."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unregistration:
    """What is to be ended, as it was when a person looked at it.

    Attributes:
        map_id: The map; 0 for a link that is detached already.
        map_name: Its name.
        type_name: The struct it implements.
        state: Its state then.
        status: Its status then.
        holders: Who held it besides registration and links.
        plain: Registered by BPF_MAP_UPDATE_ELEM: no link is about it.
        link_ids: The links that are detached.
        pins: The paths that are removed: those of these links, and one that was named itself.
        users: Processes that have the map or such a link open, "scx_simple 812".
    """

    map_id: int
    map_name: str
    type_name: str
    state: str
    status: str
    holders: int
    plain: bool
    link_ids: tuple[int, ...] = ()
    pins: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
