"""The words for a map's status and the holders of its reference count."""

from __future__ import annotations

import pytest

from stops_tui.struct_ops.status import holders_of, state_name, status_of


def nothing() -> str:
    return ""


@pytest.mark.parametrize(
    ("state", "refcnt", "links", "word"),
    [
        ("INIT", 0, 0, "initialised"),
        ("INUSE", 1, 0, "registered"),
        ("READY", 1, 1, "attached"),
        ("READY", 4, 1, "attached"),
        ("TOBEFREE", 2, 0, "unregistered, held"),
        ("TOBEFREE", 0, 0, "unregistered, held"),
        ("READY", 2, 0, "unregistered, held"),
        ("READY", 0, 0, "ready, not attached"),
        ("STATE_7", 3, 1, "state_7"),
    ],
)
def test_status_is_told_by_state_links_and_refcnt(
    state: str, refcnt: int, links: int, word: str
) -> None:
    assert status_of(state, refcnt, links, nothing) == word


@pytest.mark.parametrize(
    ("state", "links", "word"),
    [
        ("INIT", 0, "initialised"),
        ("INUSE", 0, "ejected"),
        ("READY", 1, "ejected"),
        ("READY", 0, "ready, not attached"),
        ("TOBEFREE", 0, "unregistered, held"),
    ],
)
def test_a_subsystem_refuses_only_what_is_registered(state: str, links: int, word: str) -> None:
    assert status_of(state, 0, links, lambda: "ejected") == word


@pytest.mark.parametrize(
    ("state", "refcnt", "links", "holders"),
    [
        ("INIT", 0, 0, 0),
        ("INIT", 5, 0, 0),
        ("INUSE", 11, 0, 10),
        ("INUSE", 0, 0, 0),
        ("TOBEFREE", 10, 0, 10),
        ("READY", 0, 0, 0),
        ("READY", 1, 1, 0),
        ("READY", 3, 1, 2),
        ("READY", 3, 0, 3),
        ("READY", 1, 2, 0),
    ],
)
def test_holders_are_the_refcnt_without_registration_and_links(
    state: str, refcnt: int, links: int, holders: int
) -> None:
    assert holders_of(state, refcnt, links) == holders


def test_a_state_is_named_by_the_kernels_enum() -> None:
    names = {1: "BPF_STRUCT_OPS_STATE_INUSE", 2: "OTHER"}
    assert [state_name(value, names) for value in (1, 2, 7)] == ["INUSE", "OTHER", "STATE_7"]
