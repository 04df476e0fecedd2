"""`dump`: the whole value of maps, as C or as the JSON of `bpftool struct_ops dump`."""

from __future__ import annotations

from stops_tui.exit_codes import FINE, UNSUPPORTED
from stops_tui.kernels.kernel import Kernel
from stops_tui.report.choice import Choice, chosen_maps, told
from stops_tui.report.output import note, print_json, print_line
from stops_tui.struct_ops.dump import Json, dump_json, dump_text
from stops_tui.struct_ops.inventory import Inventory, Snapshot, StructOpsMap
from stops_tui.struct_ops.scalars import DecodeError


def report(kernel: Kernel, choice: Choice, *, as_json: bool) -> int:
    """Print the maps that were asked for; the exit code."""
    snapshot = Inventory(kernel).sweep()
    maps = chosen_maps(snapshot, choice)
    exit_code = told(bool(maps), "struct_ops map", choice, as_json=as_json)
    if as_json:
        return max(exit_code, _print_json(kernel, snapshot, maps))
    for index, map_ in enumerate(maps):
        if index:
            print_line("")
        for line in dump_text(map_, snapshot.programs):
            print_line(line)
    return exit_code


def _print_json(kernel: Kernel, snapshot: Snapshot, maps: list[StructOpsMap]) -> int:
    """All maps that can be decoded; the exit code tells whether that was all."""
    vmlinux = kernel.kernel_btfs()[0].btf
    exit_code = FINE
    parts: list[Json] = []
    for map_ in maps:
        try:
            parts += dump_json(map_, snapshot.programs, vmlinux)
        except DecodeError as error:
            note(f"map {map_.id} is left out: {error}")
            exit_code = UNSUPPORTED
    print_json(parts)
    return exit_code
