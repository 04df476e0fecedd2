"""Leaving while links live only because this program holds them: asked, staying first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.console import Group
from rich.text import Text

from stops_tui.kernels.kernel import Kernel
from stops_tui.kernels.writes import Handle
from stops_tui.screens.ask import Answer, AskScreen
from stops_tui.screens.proposals import pinning
from stops_tui.screens.propose import Proposal
from stops_tui.struct_ops.registration import unregister
from stops_tui.struct_ops.registration.checks import failures
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.outcome import Check
from stops_tui.struct_ops.text import printable


class Leaving(NamedTuple):
    """What goes with this program.

    Attributes:
        goes: What each link that registers a map holds, in words.
        warnings: What its end does; failed where it must not be.
        pinning: Keeps them all.
    """

    goes: Sequence[str]
    warnings: Sequence[Check]
    pinning: Proposal

    def question(self, to_arm: str) -> AskScreen:
        """Gives "stay", "pin" or "unregister"; to pin is a change, and so has to be armed.

        Where unregistering one would end what nobody named, it is not among the answers.

        Args:
            to_arm: How to arm writing; "" if it is armed.
        """
        lines = [Text(f"  {printable(line)}") for line in self.goes]
        lines += [Text(f"! {printable(check.words)}", "bold") for check in self.warnings]
        if to_arm:
            lines += [Text(), Text(f"To pin instead, stay first: {to_arm}.")]
        answers = [Answer("stay", "Stay")]
        if not to_arm:
            answers.append(Answer("pin", "Pin and quit"))
        if not failures(tuple(self.warnings)):
            answers.append(Answer("unregister", "Unregister and quit"))
        count = len(self.goes)
        return AskScreen(
            f"Quitting lets go of {count} link{'s' * (count != 1)}",
            Group(Text("Only this program holds, and so keeps registered:", "bold"), "", *lines),
            answers,
        )


def leaving(kernel: Kernel, held: Sequence[Handle]) -> Leaving:
    """Look what these links hold."""
    facts = RegistrationFacts.gather(kernel)
    goes: list[str] = []
    warnings: list[Check] = []
    holding = [handle for handle in held if facts.map_in_link(handle.id)]
    for handle in holding:
        wanted = unregister.plan_for(facts, link_id=handle.id)
        users = f"{wanted.holders} use it" if wanted.holders else "nobody uses it"
        goes.append(f"link {handle.id}: {wanted.what}, {wanted.status}, {users}")
        warnings += unregister.consequences(wanted, facts)
    return Leaving(goes, warnings, pinning(kernel, facts, holding))
