"""What one candidate for a member is: the text beside the list of them."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from stops_tui.bpf.disasm import insn_text
from stops_tui.bpf.insns import Insn, PseudoCall
from stops_tui.btf import Btf, BtfError
from stops_tui.struct_ops.candidates import Candidate
from stops_tui.struct_ops.examples import EXAMPLES
from stops_tui.struct_ops.inventory import Program, Snapshot, serving
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.plan import Example, InObject, Pinned, ProgramSource
from stops_tui.struct_ops.registration.sources import NoProgram, in_object
from stops_tui.struct_ops.text import printable
from stops_tui.widgets.program_facts import details


def candidate_text(candidate: Candidate, facts: RegistrationFacts) -> RenderableType:
    """Why it fits or not, and what it is."""
    verdict = Text(printable(candidate.why or f"Does not fit: {candidate.reason}"), "italic")
    if isinstance(candidate.source, Example):
        return Group(verdict, "", *_code(candidate.source, facts))
    if isinstance(candidate.source, InObject):
        return Group(*_in_object(candidate.source, verdict, facts))
    program = facts.programs.get(candidate.prog_id)
    if program is None:
        return Group(verdict, "", Text("It is gone."))
    title = Text(printable(program.prototype or program.name or "(no name)"), "bold")
    return Group(title, verdict, "", _details(program, facts.snapshot, candidate.source))


def _details(program: Program, snapshot: Snapshot, source: ProgramSource) -> Table:
    served = [
        f"{member} in map {map_id} {snapshot.maps[map_id].name}"
        for map_id, member in serving(snapshot).get(program.id, [])
    ]
    pin = [("pinned", source.path)] if isinstance(source, Pinned) else []
    rows = [("serves", ", ".join(served) or "no map"), *pin, *details(program, {})]
    grid = Table.grid(padding=(0, 2))
    for word, value in rows:
        grid.add_row(Text(word, "dim"), Text(printable(value)))
    return grid


def _in_object(source: InObject, verdict: Text, facts: RegistrationFacts) -> list[RenderableType]:
    """A program that is not loaded yet, as its object file tells of it."""
    try:
        program = in_object(source, facts)
    except NoProgram as gone:
        return [verdict, "", Text(printable(str(gone)))]
    grid = Table.grid(padding=(0, 2))
    rows = [("file", source.path), ("section", program.section)]
    rows += [("size", f"{program.insns:,} instructions, without the functions that it calls")]
    for word, value in rows:
        grid.add_row(Text(word, "dim"), Text(printable(value)))
    return [Text(printable(program.prototype or program.name), "bold"), verdict, "", grid]


def _code(source: Example, facts: RegistrationFacts) -> list[Text]:
    """The instructions of an example's program, as it will be loaded."""
    example = EXAMPLES[source.name]
    btf = facts.types[example.type_name].btf
    listed = example.programs[source.member](btf)
    head = Text(f"{example.program_name(source.member)}, {len(listed)} instructions:", "dim")
    return [head, *(Text(f"  {_insn(insn, btf)}") for insn in listed)]


def _insn(insn: Insn, btf: Btf) -> str:
    """An instruction; a kfunc is not loaded yet, so it is named by its BTF id."""
    if insn.code == 0x85 and insn.src == PseudoCall.KFUNC:
        try:
            return f"(85) call {printable(btf.type(insn.imm).name)}"
        except BtfError:
            pass
    return insn_text(insn)
