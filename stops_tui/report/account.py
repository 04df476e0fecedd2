"""`holders`: why maps are there: the reference count as a sum, and who keeps them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from stops_tui.kernels.kernel import Kernel, RawHolders
from stops_tui.report.choice import Choice, chosen_maps, told
from stops_tui.report.output import note, print_json, print_line, print_table
from stops_tui.struct_ops.account import Account, Accounts
from stops_tui.struct_ops.holders import MapHolders
from stops_tui.struct_ops.inventory import Inventory
from stops_tui.struct_ops.text import printable


def report(kernel: Kernel, choice: Choice, *, as_json: bool) -> int:
    """Print the accounts of maps; the exit code."""
    wanted = [map_.id for map_ in chosen_maps(Inventory(kernel).sweep(), choice)]
    raw = kernel.holders() if wanted else RawHolders()
    accounts = Accounts(kernel).take(wanted, raw).values()
    if as_json:
        print_json([as_object(account) for account in accounts])
    else:
        for nth, account in enumerate(accounts):
            if nth:
                print_line("")
            _print(account)
        tell_unseen(raw, accounts)
    return told(bool(accounts), "struct_ops map", choice, as_json=as_json)


def tell_unseen(raw: RawHolders, accounts: Iterable[Account]) -> None:
    """Tell on standard error what could not be looked at, each thing once."""
    for unseen in raw.unseen:
        note(f"not seen: {unseen}")
    lines = (line for account in accounts for line in account.not_looked_at)
    for line in dict.fromkeys(lines):
        note(f"not looked at: {line}")


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


def _print(account: Account) -> None:
    map_ = account.map
    print_line(printable(f"{map_.id} {map_.name}  {map_.type_name}  {map_.status}"))
    print_line(printable(account.sentence, 1000))
    print_line("")
    print_table(("COUNT", "WHAT", "NETNS", "DETAIL"), _sum(account), "COUNT")
    if account.subsystem:
        print_line("")
        print_table(("SUBSYSTEM", "SAYS", "DETAIL"), account.subsystem)
    if rows := list(_keepers(account.keepers)):
        print_line("")
        print_table(("KEPT BY", "AT", "OF"), rows)


def _sum(account: Account) -> Iterator[Sequence[str]]:
    for part in account.parts:
        yield f"{part.n:,}", part.what, part.netns or "-", part.detail
    if account.unexplained:
        yield f"{account.unexplained:,}", "unexplained", "-", ""
    moved = "" if account.settled else "it moved while it was looked at"
    yield f"{account.refcnt:,}", "refcnt", "-", moved


def _keepers(keepers: MapHolders) -> Iterator[Sequence[str]]:
    for fd in keepers.fds:
        yield f"{fd.comm} {fd.pid}", f"fd {fd.fd}", f"{fd.kind} {fd.id}"
    for pin in keepers.pins:
        yield "pin", pin.path, f"{pin.kind} {pin.id}"
