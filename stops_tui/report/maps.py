"""`list`: every struct_ops map with its state and who holds it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stops_tui.kernels.kernel import Kernel, RawHolders
from stops_tui.report.choice import Choice, chosen_maps, told
from stops_tui.report.output import note, print_json, print_table
from stops_tui.struct_ops.holders import MapHolders, by_map
from stops_tui.struct_ops.inventory import Inventory, Snapshot, StructOpsMap

TITLES = ("ID", "NAME", "TYPE", "STATE", "STATUS", "REFCNT", "HOLDERS", "MEMBERS", "LINKS")
NUMBERS = "ID REFCNT HOLDERS"


def report(kernel: Kernel, choice: Choice, *, with_holders: bool, as_json: bool) -> int:
    """Print the maps; the exit code.

    Args:
        kernel: Whose maps.
        choice: Which ones.
        with_holders: Whether to look up the account of each.
        as_json: Whether to print JSON.
    """
    snapshot = Inventory(kernel).sweep()
    maps = chosen_maps(snapshot, choice)
    raw = kernel.holders() if maps else RawHolders()  # walks over /proc: only if one may hold
    if with_holders:
        found = _with_accounts(kernel, maps, snapshot, raw, as_json=as_json)
    else:
        found = _without(maps, snapshot, raw, as_json=as_json)
    return told(found, "struct_ops map", choice, as_json=as_json)


def _without(
    maps: Sequence[StructOpsMap], snapshot: Snapshot, raw: RawHolders, *, as_json: bool
) -> bool:
    """Print the maps; whether there are any."""
    holders = by_map(raw, snapshot)
    nobody = MapHolders()
    if as_json:
        print_json([as_object(m, snapshot, holders.get(m.id, nobody)) for m in maps])
    elif maps:
        rows = [[*_row(m), _held_by(holders.get(m.id, nobody))] for m in maps]
        print_table((*TITLES, "HELD BY"), rows, NUMBERS)
        for unseen in raw.unseen:
            note(f"not seen: {unseen}")
    return bool(maps)


def _with_accounts(
    kernel: Kernel,
    maps: Sequence[StructOpsMap],
    snapshot: Snapshot,
    raw: RawHolders,
    *,
    as_json: bool,
) -> bool:
    """Print the maps as they were when their accounts were taken; whether there are any left."""
    from stops_tui.report.account import account_object, tell_unseen  # most lists need none of it
    from stops_tui.struct_ops.account import Accounts

    accounts = Accounts(kernel).take([map_.id for map_ in maps], raw).values()
    if as_json:
        print_json([as_object(a.map, snapshot, a.keepers) | account_object(a) for a in accounts])
    elif accounts:
        print_table(
            (*TITLES, "WHY IT IS THERE"), [[*_row(a.map), a.sentence] for a in accounts], NUMBERS
        )
        tell_unseen(raw, accounts)
    return bool(accounts)


def as_object(map_: StructOpsMap, snapshot: Snapshot, holders: MapHolders) -> dict[str, Any]:
    """One map of `list --json`.

    `pins` and `pids` are the map's own, as bpftool's; those of links on it stand apart.
    """
    return {
        "id": map_.id,
        "name": map_.name,
        "kernel_struct_ops": map_.type_name,
        "btf": map_.type.btf_name if map_.type else "",
        "state": map_.state,
        "status": map_.status,
        "refcnt": map_.refcnt,
        "holders": map_.holders,
        "map_flags": map_.raw.flags,
        "links": list(map_.links),
        "pins": [pin.path for pin in holders.pins if pin.kind == "map"],
        "pids": _processes(holders, "map"),
        "link_pins": [pin.path for pin in holders.pins if pin.kind == "link"],
        "link_pids": _processes(holders, "link"),
        "members": {
            value.member.name: {
                "prog_id": value.prog_id,
                "prog_name": _program_name(value.prog_id, snapshot),
            }
            for value in map_.members
            if value.prog_id
        },
        "problem": map_.problem,
    }


def _processes(holders: MapHolders, kind: str) -> list[dict[str, Any]]:
    """Each process once, by pid."""
    commands = {fd.pid: fd.comm for fd in holders.fds if fd.kind == kind}
    return [{"pid": pid, "comm": comm} for pid, comm in commands.items()]


def _program_name(prog_id: int, snapshot: Snapshot) -> str:
    """The whole C function name; "" if the program went away meanwhile."""
    program = snapshot.programs.get(prog_id)
    return program.name if program else ""


def _row(map_: StructOpsMap) -> list[str]:
    """What stands in its line before who holds it."""
    functions = [value for value in map_.members if value.member.kind == "func"]
    return [
        str(map_.id),
        map_.name,
        map_.type_name,
        map_.state,
        map_.problem or map_.status,
        str(map_.refcnt),
        str(map_.holders),
        f"{sum(1 for value in functions if value.prog_id)}/{len(functions)}",
        " ".join(map(str, map_.links)) or "-",
    ]


def _held_by(holders: MapHolders) -> str:
    held = [pin.path for pin in holders.pins]
    held += [f"{process.comm} {process.pid}" for process in holders.processes]
    return ", ".join(held) or "-"
