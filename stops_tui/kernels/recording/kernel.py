"""A recorded kernel: the protocol `Kernel`, at any moment of the recording."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from threading import RLock
from typing import TYPE_CHECKING, Final

from stops_tui.btf import Btf, BtfError
from stops_tui.kernels.kernel import (
    Host,
    KernelBtf,
    RawCode,
    RawConditions,
    RawHolders,
    RawProgram,
    RawSweep,
    RunCount,
)
from stops_tui.kernels.recording import convert, records
from stops_tui.kernels.recording.error import RecordingError
from stops_tui.kernels.recording.file import Reader
from stops_tui.kernels.recording.past import PastUsers, PastWrites
from stops_tui.kernels.recording.playback import Playback
from stops_tui.kernels.recording.records import Entry
from stops_tui.kernels.recording.state import State, TooMuchError
from stops_tui.kernels.writes import ReadOnly

if TYPE_CHECKING:
    from stops_tui.kernels.traffic import Traffic

_CHECKPOINTS: Final = 8
"""States kept on the way: to go back, the blocks since the nearest one are taken in again."""


class RecordedKernel:
    """A kernel as it was where its playback is. Safe for several threads; needs no privilege.

    Methods raise RecordingError where the file turns out to be wrong.

    Attributes:
        path: The file.
        start: How it began.
        ended: Why it ends, in words; "" if its recorder was killed.
        problem: What of the file could not be read, in words; "" if all could.
        length: Seconds from its beginning to the last look.
        playback: Where it is looked at.
        writes: Refuses everything.
        users: Knows what subsystems said of themselves.
    """

    def __init__(self, path: str) -> None:
        """Open a recording, paused at its end.

        Raises:
            RecordingError: It is none.
        """
        self.path = path
        self._reader = Reader(path)
        self.problem = self._reader.problem
        self.start, self._kernel_btfs = self._begin(self._reader.entries(0))
        last = len(self._reader) - 1
        self.length = self._reader.time_of(last) / 1000
        self._first_look = self._reader.time_of(min(1, last))  # before it, nothing is known
        ends = [e.why for e in self._reader.entries(last) if isinstance(e, records.End)]
        self.ended = ends[0] if ends else ""
        self.writes = PastWrites()
        self.users = PastUsers(self._now)
        self._lock = RLock()
        self._program_btfs: dict[int, Btf] = {}
        self._state = State()
        self._next = 0
        self._checkpoints: dict[int, State] = {0: State()}
        self.playback = Playback(self.length)

    def now(self) -> float:
        """The time where the playback is, in seconds since the epoch."""
        return self.start.time + self.playback.position

    def moments(self) -> list[float]:
        """The positions at which something was recorded, in order."""
        return [self._reader.time_of(block) / 1000 for block in range(len(self._reader))]

    @property
    def host(self) -> Host:
        """Which kernel it was."""
        start = self.start
        return Host(start.name, start.release, start.machine, start.user, "recording")

    def sweep(self, resting: Collection[int] = ()) -> RawSweep:
        """All maps and links at the moment; the same object while nothing differs. None rests."""
        return self._now().sweep

    def program(self, prog_id: int) -> RawProgram | None:
        """One program; None if it was not there."""
        return self._now().programs.get(prog_id)

    def programs(self) -> list[RawProgram]:
        """All programs, by id."""
        return [program for _, program in sorted(self._now().programs.items())]

    def run_counts(self, prog_ids: Iterable[int]) -> dict[int, RunCount]:
        """Run statistics as they were last recorded."""
        programs = self._now().programs
        return {prog_id: programs[prog_id].runs for prog_id in prog_ids if prog_id in programs}

    def count_runs(self, on: bool) -> None:
        """Nothing: what was not counted then cannot be counted now."""

    def code(self, prog_id: int) -> RawCode | None:
        """A program's code; None if it was not there, or its code was not recorded."""
        block = self._now().codes.get(prog_id)
        if block is None:
            return None
        for entry in self._reader.entries(block):
            if isinstance(entry, records.Code) and entry.prog_id == prog_id:
                return convert.raw_code(entry)
        return None

    def btf(self, btf_id: int) -> Btf | None:
        """A kernel's BTF, as far as it was recorded, or a program's."""
        for each in self._kernel_btfs:
            if each.id == btf_id:
                return each.btf
        with self._lock:
            if btf_id not in self._program_btfs and btf_id in self._now().btfs:
                self._read_program_btfs(self._now().btfs[btf_id])
            return self._program_btfs.get(btf_id)

    def kernel_btfs(self) -> Sequence[KernelBtf]:
        """The BTFs of vmlinux and the modules, with the types that were recorded."""
        return self._kernel_btfs

    def holders(self) -> RawHolders:
        """Pins and file descriptors, as they were last looked at."""
        return self._now().holders

    def conditions(self) -> RawConditions:
        """What decided then whether something could be registered."""
        return self._now().conditions

    def traffic(self, name: str, connections: int) -> Traffic:
        """None can be opened in the past; raises ReadOnly."""
        raise ReadOnly("a recording: no connection can be opened in it")

    def close(self) -> None:
        """Close the file. Idempotent."""
        self._reader.close()

    def _begin(self, entries: list[Entry]) -> tuple[records.Start, list[KernelBtf]]:
        """How it began, and the kernel's types, which the first block holds."""
        start = next((e for e in entries if isinstance(e, records.Start)), None)
        btfs: list[KernelBtf] = []
        try:
            for entry in entries:
                if isinstance(entry, records.KernelBtf):
                    base = btfs[0].btf if btfs else None
                    btfs.append(KernelBtf(entry.name, entry.id, Btf.parse(entry.data, base)))
        except BtfError as error:
            raise RecordingError(self._reader.path, str(error)) from None
        if start is None or not btfs:
            raise RecordingError(self._reader.path, "it does not say of which kernel it is")
        return start, btfs

    def _now(self) -> State:
        """The state where the playback is."""
        with self._lock:
            moment = max(self._first_look, round(self.playback.position * 1000))
            wanted = self._reader.last_before(moment) + 1
            if wanted < self._next:
                self._next = max(each for each in self._checkpoints if each <= wanted)
                self._state = self._checkpoints[self._next].copy()
            step = max(1, len(self._reader) // _CHECKPOINTS)
            while self._next < wanted:
                self._take(self._next)
                self._next += 1
                if self._next % step == 0 and self._next not in self._checkpoints:
                    self._checkpoints[self._next] = self._state.copy()
            return self._state

    def _take(self, block: int) -> None:
        try:
            for entry in self._reader.entries(block):
                self._state.take(entry, block)
        except TooMuchError as error:
            raise RecordingError(self._reader.path, str(error)) from None

    def _read_program_btfs(self, block: int) -> None:
        """Those of one block; what is no BTF is as if it were not there."""
        for entry in self._reader.entries(block):
            if isinstance(entry, records.ProgramBtf):
                try:
                    self._program_btfs[entry.id] = Btf.parse(entry.data)
                except BtfError:
                    continue
