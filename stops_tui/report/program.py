"""`prog`: everything about one program, its code included."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

from stops_tui.exit_codes import FINE, NOT_FOUND, PERMISSION
from stops_tui.kernels.kernel import Kernel, RawCode
from stops_tui.report.choice import Choice, chosen_programs, told
from stops_tui.report.output import note, print_json, print_line
from stops_tui.report.programs import Places, as_object, maps_of, member_of
from stops_tui.struct_ops.inventory import Inventory, Program, serving
from stops_tui.struct_ops.listing import ListingLine, jited_listing, xlated_listing
from stops_tui.struct_ops.text import printable

Form = Literal["xlated", "jited"]

WORDS: Final[dict[Form, str]] = {"xlated": "translated", "jited": "JITed"}


def report(kernel: Kernel, choice: Choice, form: Form | None, *, as_json: bool) -> int:
    """Print the programs that were asked for, whole or one form of their code; the exit code."""
    inventory = Inventory(kernel)
    places = serving(inventory.sweep())
    programs = chosen_programs(inventory.programs(), choice)
    coded = [(program, code) for program in programs if (code := kernel.code(program.id))]
    if as_json:
        print_json(
            [
                {
                    **as_object(p, inventory.attached_struct(p.raw), places.get(p.id, [])),
                    **_code_object(kernel, p, code, form),
                }
                for p, code in coded
            ]
        )
        return told(bool(coded), "struct_ops program", choice, as_json=as_json)
    exit_code = told(bool(coded), "struct_ops program", choice, as_json=as_json)
    for program, code in coded:
        if form is None:
            struct = inventory.attached_struct(program.raw)
            _print_facts(program, struct, places.get(program.id, []), code)
            _print_code(kernel, program, code)
        else:
            exit_code = max(exit_code, _print_form(kernel, program, code, form))
    return exit_code


def listing(kernel: Kernel, program: Program, code: RawCode, form: Form) -> list[ListingLine]:
    """One form of a program's code as lines; empty if the kernel withholds it."""
    btf = kernel.btf(program.raw.btf_id) if program.raw.btf_id else None
    if form == "xlated":
        return xlated_listing(code, btf)
    return jited_listing(code, btf, kernel.host.machine) if code.jited else []


def _code_object(
    kernel: Kernel, program: Program, code: RawCode, form: Form | None
) -> dict[str, Any]:
    forms = [form] if form else list(WORDS)
    return {
        **{each: [_line_object(line) for line in listing(kernel, program, code, each)]
           for each in forms},
        "withheld": code.withheld,
    }  # fmt: skip


def _line_object(line: ListingLine) -> dict[str, Any]:
    found: dict[str, Any] = {"kind": line.kind, "offset": line.offset, "text": line.text}
    if line.kind == "source":
        found |= {"file": line.file, "line": line.line, "column": line.column}
    if line.kind == "insn":
        found["code"] = line.code.hex()
    return found


def _print_form(kernel: Kernel, program: Program, code: RawCode, form: Form) -> int:
    """The code alone, as bpftool prints it; the exit code says why if there is none."""
    lines = listing(kernel, program, code, form)
    for line in lines:
        print_line(line.text)
    if code.withheld:
        note(f"program {program.id}: {code.withheld}")
    elif not lines:
        note(f"program {program.id} has no {WORDS[form]} code: the kernel made none")
    if lines:
        return FINE
    # No permission brings back what a recording or the demo does not hold.
    return PERMISSION if code.withheld and kernel.host.source == "live" else NOT_FOUND


def _print_facts(program: Program, struct: str, places: Places, code: RawCode) -> None:
    raw, runs = program.raw, program.raw.runs
    each = f", {runs.run_time_ns / runs.run_cnt:.0f} ns each" if runs.run_cnt else ""
    loaded = datetime.fromtimestamp(raw.load_time).astimezone().isoformat(" ", "seconds")
    used = [f"{map_id} {code.maps.get(map_id, '')}".rstrip() for map_id in raw.map_ids]
    facts = {
        "id": str(program.id),
        "name": program.name,
        "prototype": program.prototype or "- (it has no BTF)",
        "implements": f"{member_of(places) or 'some member'} of {struct}",
        "serves maps": " ".join(map(str, maps_of(places))) or "-",
        "uses maps": ", ".join(used) or "-",
        "tag": raw.tag,
        "loaded": f"{loaded} by uid {raw.uid}",
        "license": "GPL compatible" if raw.gpl_compatible else "not GPL compatible",
        "size": f"{raw.xlated_size} B translated, {raw.jited_size} B JITed",
        "verified": f"{raw.verified_insns} instructions" if raw.verified_insns else "-",
        "ran": f"{runs.run_cnt} times{each} (counted only while run statistics are on)",
        "missed": f"{runs.recursion_misses} runs, in recursion",
        "BTF": str(raw.btf_id or "-"),
    }
    for name, value in facts.items():
        print_line(f"{name:<12}{printable(value)}")


def _print_code(kernel: Kernel, program: Program, code: RawCode) -> None:
    for form, word in WORDS.items():
        print_line(f"\n{word} code:")
        for line in listing(kernel, program, code, form):
            print_line(f"  {line.text}")
    if code.withheld:
        note(f"program {program.id}: {code.withheld}")
    print_line("")
