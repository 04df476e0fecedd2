"""`holders`: why maps are there: the reference count as a sum, and who keeps them."""

from __future__ import annotations

from typing import Any

from stops_tui.struct_ops.account import Account


def as_object(account: Account) -> dict[str, Any]:
    """One map of `holders --json`."""
    map_ = account.map
    return {
        "id": map_.id,
        "name": map_.name,
        "kernel_struct_ops": map_.type_name,
        "state": map_.state,
        "status": map_.status,
        "refcnt": account.refcnt,
        **account_object(account),
        "pins": [pin._asdict() for pin in account.keepers.pins],
        "fds": [fd._asdict() for fd in account.keepers.fds],
    }


def account_object(account: Account) -> dict[str, Any]:
    """What `list --holders --json` has more of each map than `list --json`.

    The parts' `n` and `unexplained` add up to `refcnt`.
    """
    return {
        "sentence": account.sentence,
        "parts": [
            {"what": part.what, "n": part.n, "netns": part.netns, "detail": part.detail}
            for part in account.parts
        ],
        "unexplained": account.unexplained,
        "settled": account.settled,
        "not_looked_at": list(account.not_looked_at),
        "reason": account.reason,
        "subsystem": [said._asdict() for said in account.subsystem],
    }
