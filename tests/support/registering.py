"""Plans for the running kernel, carried out there, and what is left of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from stops_tui.bpf.errors import BpfError
from stops_tui.kernels.live.kernel import LiveKernel
from stops_tui.struct_ops.examples import example_plan
from stops_tui.struct_ops.registration.execute import execute
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.outcome import Outcome
from stops_tui.struct_ops.registration.plan import Plan
from tests.support.live import Kit, eventually


def example(kit: Kit, facts: RegistrationFacts, name: str, *, link: bool = False) -> Plan:
    """An example under a name that nobody has; with `link` the test is skipped where none are."""
    if link:
        kit.need_links()
    ours = kit.name()
    plan = example_plan(name, facts.types, link=link)
    return replace(plan, map_name=ours, data={**plan.data, "name": ours})


@contextmanager
def registered(kit: Kit, plan: Plan, facts: RegistrationFacts) -> Iterator[Outcome]:
    """A plan carried out by the kernel of these facts, until the end of the block."""
    outcome = execute(plan, facts, facts.kernel.writes)
    kit.map_ids.add(outcome.map_id)
    try:
        yield outcome
    finally:
        if outcome.held:
            outcome.held.close()
        kit.free(outcome.map_id)


def nothing_is_left(kernel: LiveKernel, outcome: Outcome) -> bool:
    """Whether everything that the steps say they made is gone."""
    made = [found.groups() for step in outcome.steps
            if (found := re.fullmatch(r"(program|map|link) (\d+)", step.message))]  # fmt: skip
    opens = {
        "program": kernel.writes.open_program,
        "map": kernel.writes.open_map,
        "link": kernel.writes.open_link,
    }

    def gone(kind: str, object_id: str) -> bool:
        try:
            opens[kind](int(object_id)).close()
        except BpfError:
            return True
        return False

    loaded = {s.message for s in outcome.steps if s.step.call == "BPF_PROG_GET_FD_BY_ID"}
    ours = [(kind, id_) for kind, id_ in made if f"{kind} {id_}" not in loaded]
    assert outcome.left == ()
    return eventually(lambda: all(gone(*each) for each in ours))
