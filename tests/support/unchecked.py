"""Plans carried out whatever the checks say: the kernel is asked, and answers."""

from __future__ import annotations

from collections.abc import Sequence
from unittest.mock import patch

from stops_tui.kernels.writes import Writes
from stops_tui.struct_ops.registration import execute
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.outcome import Outcome
from stops_tui.struct_ops.registration.plan import Plan


def perform(plan: Plan, facts: RegistrationFacts, writes: Writes) -> Outcome:
    """As `execute`, but for the checks."""
    return perform_all((plan,), facts, writes)[0]


def perform_all(
    plans: Sequence[Plan], facts: RegistrationFacts, writes: Writes
) -> tuple[Outcome, ...]:
    """As `execute_all`, but for the checks."""
    with patch.object(execute, "checks_together", return_value=()):
        return execute.execute_all(plans, facts, writes)
