"""An object file beside the running kernel: read once, off the screen's thread."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from stops_tui.bpf.object_file import ObjectFile
from stops_tui.kernels.kernel import Kernel
from stops_tui.screens.register.draft import Draft
from stops_tui.struct_ops.objects import Comparison, comparisons
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.object_checks import load_problem
from stops_tui.struct_ops.registration.object_plan import object_plan
from stops_tui.struct_ops.registration.objects import ObjectFiles


class Examined(NamedTuple):
    """What was found.

    Attributes:
        comparisons: By variable: its members beside the kernel's.
        problems: By variable: why libbpf cannot load its programs; "" where it can.
        drafts: By variable: the plan to register it, as it is in the object at first.
    """

    comparisons: Mapping[str, Comparison]
    problems: Mapping[str, str]
    drafts: Mapping[str, Draft]


def examine(kernel: Kernel, file: ObjectFile) -> Examined:
    """Compare, ask for libbpf, and make a plan of each struct_ops map. May block."""
    facts = RegistrationFacts.gather(kernel, objects=ObjectFiles(file))
    libbpf = kernel.writes.libbpf()
    problems = {
        each.variable: load_problem(libbpf, file, {each.variable: each.programs}, facts.types)
        for each in file.struct_ops
        if each.programs
    }
    compared = comparisons(file, facts.types)
    return Examined(
        {found.variable.variable: found for found in compared},
        problems,
        {each.variable: _draft(file, each.variable, facts) for each in file.struct_ops},
    )


def _draft(file: ObjectFile, variable: str, facts: RegistrationFacts) -> Draft:
    made = object_plan(file, variable, facts.types)
    return Draft(facts, made.plan, variable=variable, lost=made.lost)
