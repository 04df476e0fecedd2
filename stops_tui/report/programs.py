"""`progs`: every struct_ops program, the member it implements and the maps it serves."""

from __future__ import annotations

from typing import Any

from stops_tui.kernels.kernel import Kernel
from stops_tui.report.choice import told
from stops_tui.report.output import print_json, print_table
from stops_tui.struct_ops.inventory import Inventory, Program, serving

Places = list[tuple[int, str]]
"""The (map id, member name) that a program serves."""

TITLES = ("ID", "NAME", "STRUCT", "MEMBER", "MAPS", "TAG", "RUNS", "NS/RUN")


def report(kernel: Kernel, *, as_json: bool) -> int:
    """Print the programs by id; the exit code."""
    inventory = Inventory(kernel)
    places = serving(inventory.sweep())
    programs = [
        (program, inventory.attached_struct(program.raw), places.get(program.id, []))
        for program in inventory.programs()
    ]
    if as_json:
        print_json([as_object(*each) for each in programs])
    elif programs:
        print_table(TITLES, [_row(*each) for each in programs], "ID RUNS NS/RUN")
    return told(bool(programs), "struct_ops program", None, as_json=as_json)


def as_object(program: Program, struct: str, places: Places) -> dict[str, Any]:
    """One program of `progs --json`; keys that `bpftool prog list` has too mean the same.

    `maps` are the struct_ops maps it serves, `map_ids` those its instructions use.
    """
    raw = program.raw
    return {
        "id": program.id,
        "name": program.name,
        "tag": raw.tag,
        "struct": struct,
        "member": member_of(places),
        "maps": maps_of(places),
        "prototype": program.prototype,
        "gpl_compatible": raw.gpl_compatible,
        "loaded_at": int(raw.load_time),
        "uid": raw.uid,
        "bytes_xlated": raw.xlated_size,
        "bytes_jited": raw.jited_size,
        "verified_insns": raw.verified_insns,
        "map_ids": list(raw.map_ids),
        "btf_id": raw.btf_id,
        "run_cnt": raw.runs.run_cnt,
        "run_time_ns": raw.runs.run_time_ns,
        "recursion_misses": raw.runs.recursion_misses,
    }


def member_of(places: Places) -> str | None:
    """The member it implements; the kernel takes a program for one member of one struct only."""
    return places[0][1] if places else None


def maps_of(places: Places) -> list[int]:
    """The struct_ops maps it serves, each once."""
    return list(dict.fromkeys(map_id for map_id, _ in places))


def _row(program: Program, struct: str, places: Places) -> list[str]:
    runs = program.raw.runs
    return [
        str(program.id),
        program.name,
        struct,
        member_of(places) or "-",
        " ".join(map(str, maps_of(places))) or "-",
        program.raw.tag,
        str(runs.run_cnt),
        str(runs.run_time_ns // runs.run_cnt) if runs.run_cnt else "-",
    ]
