"""What tests of subsystems share: a kernel, objects loaded into it, plans carried out, events."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from stops_tui.bpf.errors import BpfError
from stops_tui.bpf.syscall import opened
from stops_tui.btf import Kind
from stops_tui.kernels.live.kernel import LiveKernel
from stops_tui.struct_ops.account import Account, Accounts
from stops_tui.struct_ops.events import Event, History
from stops_tui.struct_ops.inventory import Inventory, StructOpsMap
from stops_tui.struct_ops.registration import unregister
from stops_tui.struct_ops.registration.execute import execute
from stops_tui.struct_ops.registration.facts import RegistrationFacts
from stops_tui.struct_ops.registration.outcome import Outcome
from stops_tui.struct_ops.registration.plan import Loaded, Plan, ProgramSource
from tests.support import bpftool
from tests.support.clang import bpf_object
from tests.support.command import run
from tests.support.live import Kit, eventually


@dataclass
class Stage:
    """A kernel that may be changed, and what was seen of it so far.

    Attributes:
        kit: Makes things that the product does not.
        kernel: The product's, armed.
        bpffs: A bpffs of this test alone.
    """

    kit: Kit
    kernel: LiveKernel
    bpffs: Path
    history: History = field(default_factory=History)
    _inventory: Inventory | None = None

    def needs(self, *type_names: str) -> None:
        """Skip the test on a kernel without one of these struct_ops types."""
        for name in type_names:
            if self.kit.btf.find(f"bpf_struct_ops_{name}", Kind.STRUCT) is None:
                pytest.skip(f"this kernel has no {name}")

    def facts(self) -> RegistrationFacts:
        """All that a plan is judged by, as of now."""
        return RegistrationFacts.gather(self.kernel)

    def look(self) -> list[Event]:
        """Look once, as the app does once a second; what happened since the look before."""
        self._inventory = self._inventory or Inventory(self.kernel)
        return self.history.add(self._inventory.sweep())

    def map(self, map_id: int) -> StructOpsMap:
        """A map as it is now."""
        return Inventory(self.kernel).sweep().maps[map_id]

    def becomes(self, map_id: int, status: str, seconds: float = 30) -> bool:
        """Whether a map has this status in time; every change on the way is in the history."""

        def has() -> bool:
            is_so = self.map(map_id).status == status
            self.look()  # afterwards: so it is in the history, too
            return bool(self.history.events_of(map_id)) and is_so

        return eventually(has, seconds)

    def events(self, map_id: int) -> list[str]:
        """What happened to a map, as far as it was looked at: "status attached → ejected"."""
        found = self.history.events_of(map_id)
        return [f"{event.what} {event.before} → {event.after}" for event in found]

    def told(self, *arguments: str) -> str:
        """What a verb of the command prints."""
        return run(*arguments)

    def json(self, *arguments: str) -> Any:
        """What a verb of the command prints with --json."""
        return json.loads(self.told(*arguments, "--json"))

    def listed(self, map_id: int) -> Any:
        """A map in `list --json`."""
        return next(each for each in self.json("list") if each["id"] == map_id)

    def dumped(self, map_id: int) -> Any:
        """A map's data members in `dump --json`."""
        _info, value = self.json("dump", "id", str(map_id))
        (members,) = value.values()
        return members["data"]

    def account(self, map_id: int) -> Account:
        """Who holds a map."""
        return Accounts(self.kernel).take([map_id], self.kernel.holders())[map_id]

    def told_account(self, map_id: int) -> Any:
        """The same in `holders --json`; there too the parts add up."""
        (told,) = self.json("holders", "id", str(map_id))
        assert sum(part["n"] for part in told["parts"]) + told["unexplained"] == told["refcnt"]
        return told

    @contextmanager
    def loaded(self, name: str) -> Iterator[Mapping[str, ProgramSource]]:
        """The programs of tests/bpf/NAME.c in the kernel, by their functions' names."""
        with loaded(name, self.bpffs, self.kit) as found:
            yield found

    @contextmanager
    def registered(self, plan: Plan) -> Iterator[Outcome]:
        """A plan carried out, until the end of the block."""
        outcome = self.carry_out(plan)
        try:
            assert outcome.ok, outcome.words
            yield outcome
        finally:
            self.end(outcome)

    def carry_out(self, plan: Plan) -> Outcome:
        """Register what a plan says, as the wizard does it."""
        outcome = execute(plan, self.facts(), self.kernel.writes)
        if outcome.map_id:
            self.kit.map_ids.add(outcome.map_id)
        return outcome

    def end(self, outcome: Outcome) -> None:
        """Let go of what an outcome holds, and unregister a plain map that is still there."""
        if outcome.held:
            outcome.held.close()
        self.kit.free(outcome.map_id)

    def unregister(self, outcome: Outcome) -> Outcome:
        """Unregister its map as the app does it."""
        facts = self.facts()
        wanted = unregister.plan_for(facts, map_id=outcome.map_id)
        held = (outcome.held,) if outcome.held else ()
        return unregister.execute(wanted, facts, self.kernel.writes, held=held)

    def gone(self, kind: str, object_id: int) -> bool:
        """Whether the kernel has freed an object, a moment later at the most."""
        bpf = self.kit.bpf

        def is_gone() -> bool:
            open_ = bpf.map_get_fd_by_id if kind == "map" else bpf.link_get_fd_by_id
            try:
                with opened(open_(object_id)):
                    return False
            except BpfError:
                return True

        return eventually(is_gone)


@contextmanager
def loaded(name: str, bpffs: Path, kit: Kit) -> Iterator[Mapping[str, ProgramSource]]:
    """The programs of tests/bpf/NAME.c in the kernel, by their functions' names."""
    folder, tool = bpffs / name, bpftool.newer()
    bpftool.text("prog", "loadall", str(bpf_object(name)), str(folder), bpftool=tool)
    with ExitStack() as pins:
        pins.callback(folder.rmdir)
        found = {}
        for pin in folder.iterdir():
            pins.callback(pin.unlink)
            with opened(kit.bpf.obj_get(str(pin))) as fd:
                found[pin.name] = Loaded(kit.bpf.prog_get_info_by_fd(fd).id)
        yield found


def command(line: str) -> str:
    """What a command prints, given with blanks between its words; fails with what it said."""
    done = subprocess.run(line.split(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{line}: {done.stderr}"
    return done.stdout
