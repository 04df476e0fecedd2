"""What a recording knows of a kernel at one of its moments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypeVar

from stops_tui.kernels.kernel import (
    RawConditions,
    RawHolders,
    RawLink,
    RawMap,
    RawProgram,
    RawSubsystems,
    RawSweep,
    RunCount,
)
from stops_tui.kernels.recording import convert
from stops_tui.kernels.recording.records import (
    Change,
    Code,
    Conditions,
    Entry,
    Holders,
    Program,
    ProgramBtf,
)

T = TypeVar("T", RawMap, RawLink)

OBJECTS_MOST: Final = 50_000
"""Maps, links, programs, their code and BTF at one moment: no host has as many."""


class TooMuchError(ValueError):
    """More objects than any kernel has."""


class State:
    """The state that the records up to some block come to.

    Attributes:
        sweep: Maps, links, subsystems; the same object while these do not change.
        log: The kernel's log of schedulers, when last sched_ext said something else.
        programs: By id.
        codes: The block that has a program's code, by program id.
        btfs: The block that has a BTF, by BTF id, as long as it is some program's.
        holders: The last that was recorded.
        conditions: The last that was recorded, with the subsystems of the moment.
    """

    def __init__(self) -> None:
        self.sweep = RawSweep({}, {}, RawSubsystems())
        self.log: tuple[str, ...] = ()
        self.programs: dict[int, RawProgram] = {}
        self.codes: dict[int, int] = {}
        self.btfs: dict[int, int] = {}
        self.holders = RawHolders()
        self._conditions: Conditions | None = None

    def copy(self) -> State:
        """Another one, which may go on by itself."""
        other = State()
        other.sweep = self.sweep  # replaced, never changed
        other.log = self.log
        other.programs = dict(self.programs)
        other.codes = dict(self.codes)
        other.btfs = dict(self.btfs)
        other.holders = self.holders
        other._conditions = self._conditions
        return other

    @property
    def conditions(self) -> RawConditions:
        """What decides whether something can be registered; nothing where it was not recorded."""
        if self._conditions is None:
            return RawConditions(subsystems=self.sweep.subsystems)
        return convert.raw_conditions(self._conditions, self.sweep.subsystems)

    def take(self, entry: Entry, block: int) -> None:
        """Take in one record of a block.

        Raises:
            TooMuchError: It adds up to more objects than any kernel has.
        """
        match entry:
            case Change():
                self._change(entry)
            case Program():
                before = self.programs.get(entry.id)
                runs = before.runs if before else RunCount()
                self.programs[entry.id] = convert.raw_program(entry, runs)
            case Code():
                self.codes[entry.prog_id] = block
            case ProgramBtf():
                self.btfs[entry.id] = block
            case Holders():
                self.holders = convert.raw_holders(entry)
            case Conditions():
                self._conditions = entry
            case _:
                pass
        sizes = (self.sweep.maps, self.sweep.links, self.programs, self.codes, self.btfs)
        if sum(map(len, sizes)) > OBJECTS_MOST:
            raise TooMuchError("it has more objects than any kernel")

    def _change(self, change: Change) -> None:
        for runs in change.runs:
            program = self.programs.get(runs.prog_id)
            if program:
                counts = RunCount(**convert.fields(runs, "prog_id"))
                self.programs[runs.prog_id] = program._replace(runs=counts)
        if change.gone_programs:
            self._forget(change.gone_programs)
        maps, links, says = self.sweep.maps, self.sweep.links, self.sweep.subsystems
        if change.maps or change.gone_maps:
            maps = _changed(maps, map(convert.raw_map, change.maps), change.gone_maps)
        if change.links or change.gone_links:
            links = _changed(links, map(convert.raw_link, change.links), change.gone_links)
        if change.subsystems:
            says = convert.raw_subsystems(change.subsystems)
            self.log = tuple(change.subsystems.log)
        if (maps, links, says) != (self.sweep.maps, self.sweep.links, self.sweep.subsystems):
            self.sweep = RawSweep(maps, links, says)

    def _forget(self, gone: Iterable[int]) -> None:
        """Programs went, with their code, and the BTF that no other has."""
        for prog_id in gone:
            self.programs.pop(prog_id, None)
            self.codes.pop(prog_id, None)
        used = {program.btf_id for program in self.programs.values()}
        self.btfs = {btf_id: block for btf_id, block in self.btfs.items() if btf_id in used}


def _changed(before: Mapping[int, T], new: Iterable[T], gone: Iterable[int]) -> dict[int, T]:
    """The objects of one kind after a change, by id."""
    after = {**before, **{each.id: each for each in new}}
    for object_id in gone:
        after.pop(object_id, None)
    return after
