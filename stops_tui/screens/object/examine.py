"""An object file beside the running kernel: read once, off the screen's thread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from stops_tui.bpf.object_file import ObjectFile
from stops_tui.kernels.kernel import Kernel
from stops_tui.screens.register.draft import Draft
from stops_tui.struct_ops.objects import Comparison, Need, comparisons, needs_of_file
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.object_checks import load_problem
from stops_tui.struct_ops.registration.object_plan import object_plan
from stops_tui.struct_ops.registration.objects import ObjectFiles


class Examined(NamedTuple):
    """What was found.

    Attributes:
        needs: What all of the object needs and this kernel has not.
        comparisons: By variable: its members beside the kernel's.
        problems: By variable: why its programs cannot be loaded; "" where they can.
        drafts: By variable: the plan to register it, as it is in the object at first.
    """

    needs: Sequence[Need]
    comparisons: Mapping[str, Comparison]
    problems: Mapping[str, str]
    drafts: Mapping[str, Draft]


def examine(kernel: Kernel, file: ObjectFile) -> Examined:
    """Compare, ask for libbpf, and make a plan of each struct_ops map. May block."""
    facts = RegistrationFacts.gather(kernel, objects=ObjectFiles(file))
    libbpf = kernel.writes.libbpf()
    needs = needs_of_file(file, kernel.kernel_btfs())
    barred = next((need.words for need in needs if need.stops), "")
    problems = {
        each.variable: barred
        or load_problem(libbpf, file, {each.variable: each.programs}, facts.types)
        for each in file.struct_ops
        if each.programs
    }
    compared = comparisons(file, facts.types)
    return Examined(
        needs,
        {found.variable.variable: found for found in compared},
        problems,
        {each.variable: _draft(file, each.variable, facts) for each in file.struct_ops},
    )


def _draft(file: ObjectFile, variable: str, facts: RegistrationFacts) -> Draft:
    made = object_plan(file, variable, facts.types)
    return Draft(facts, made.plan, variable=variable, lost=made.lost)
