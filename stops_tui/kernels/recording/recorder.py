"""Recording a kernel: what differs from the look before, block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from typing import Final, TypeVar

from stops_tui import __version__
from stops_tui.btf.subset import subset
from stops_tui.kernels.kernel import (
    Kernel,
    KernelBtf,
    RawConditions,
    RawHolders,
    RawProgram,
    RawSubsystems,
    RawSweep,
    RunCount,
)
from stops_tui.kernels.recording import convert, records
from stops_tui.kernels.recording.error import RecordingError
from stops_tui.kernels.recording.file import BLOCKS_MOST, Writer
from stops_tui.kernels.recording.records import Entry
from stops_tui.kernels.recording.redact import Whole

BEAT: Final = 10.0
"""Seconds after which a look that found nothing new is told all the same: 30 bytes. As often,
programs, pins, processes and conditions are looked at, which cost more than a sweep."""
_MAPS_AT_ONCE: Final = 2_000
_END_SIZE: Final = 128
"""Bytes kept free for the block that says why a recording ends."""

T = TypeVar("T")


class Recorder:
    """Writes one recording of a kernel, look by look. Changes nothing in the kernel.

    Attributes:
        ended: Why it takes no more looks, in words; "" while it does.
    """

    def __init__(
        self,
        kernel: Kernel,
        writer: Writer,
        wanted: Sequence[tuple[KernelBtf, Iterable[int]]],
        *,
        interval: float,
        most: int,
        keep: Whole | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        """Write what never changes: which kernel it is, and its types.

        Args:
            kernel: What is recorded.
            writer: Where to; this closes it.
            wanted: The types to carry along, by id, of the kernel's BTFs; vmlinux's first.
            interval: Seconds between two looks, for who reads it.
            most: Bytes of the file after which it ends.
            keep: Leaves out what may not be told; None: nothing.
            clock: Seconds since the epoch; the kernel's own where none is given.

        Raises:
            RecordingError: It could not be written, or its types alone take more than `most`;
                there is no file then.
        """
        self.ended = ""
        self._kernel = kernel
        self._writer = writer
        self._most = most
        self._keep = keep or Whole()
        self._clock = clock or kernel.now
        self._read = self._clock()
        self._elapsed = 0.0
        self._last_beat = float("-inf")
        self._sweep: RawSweep | None = None
        self._log: tuple[str, ...] = ()
        self._programs: dict[int, RawProgram] = {}
        self._btfs: set[int] = set()
        self._holders: RawHolders | None = None
        self._conditions: RawConditions | None = None
        try:
            first = writer.pack([self._start(interval), *self._kernel_btfs(wanted)])
            if (least := self._size_with(first)) > most:
                raise RecordingError(
                    writer.path, f"needs {least:,} bytes at least; {most:,} are allowed"
                )
            writer.append(0, first)
        except BaseException:
            writer.discard()
            raise

    @property
    def path(self) -> str:
        """Where it is written to."""
        return self._writer.path

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return self._writer.size

    def look(self, count: Iterable[int] = ()) -> bool:
        """Look at the kernel, and write what is new.

        Args:
            count: Programs whose run statistics are read, beside those that are read rarely.

        Returns:
            Whether it goes on; else `ended` says why not.

        Raises:
            RecordingError: It could not be written.
            BpfError: The kernel refused to be looked at.
        """
        sweep = self._kernel.sweep()
        self._pass()
        beat = self._elapsed - self._last_beat >= BEAT
        slow = beat or _objects(sweep) != _objects(self._sweep)
        entries = [*self._slow()] if slow else []
        entries += self._changes(sweep, self._kernel.run_counts(count))
        if beat or entries:
            self._last_beat = self._elapsed if beat else self._last_beat
            self._append(entries)
        self._sweep = sweep
        return not self.ended

    def close(self, why: str) -> None:
        """End the recording, and the file, which says why if it can be written. Idempotent."""
        with suppress(RecordingError):
            self._end(why)
        self._writer.close()

    def _start(self, interval: float) -> Entry:
        host = self._keep.host(self._kernel.host)
        return records.Start(
            self._read,
            interval,
            convert.text(host.name),
            host.release,
            host.machine,
            convert.text(host.user),
            __version__,
            self._keep.redacts,
        )

    def _kernel_btfs(self, wanted: Sequence[tuple[KernelBtf, Iterable[int]]]) -> Iterator[Entry]:
        cut = subset([found.btf for found, _ in wanted], [ids for _, ids in wanted])
        for (found, _), data in zip(wanted, cut, strict=True):
            yield records.KernelBtf(found.name, found.id, data)

    def _pass(self) -> None:
        """Time passes; where clocks are set back, it only seems not to for a moment."""
        before, self._read = self._read, self._clock()
        self._elapsed += max(0.0, self._read - before)

    # What is new

    def _slow(self) -> Iterator[Entry]:
        """Programs with what prints them, holders, conditions: those that are new or changed."""
        before, now = self._programs, {p.id: p for p in self._kernel.programs()}
        self._programs = now
        self._btfs &= {program.btf_id for program in now.values()}  # as a reader forgets them
        for program in now.values():
            known = before.get(program.id)
            if known is None:
                yield from self._new_program(program)
            elif known._replace(runs=program.runs) != program:
                yield convert.program_record(program)
        gone = sorted(before.keys() - now.keys())
        runs = [p for p in now.values() if _runs_of(before.get(p.id)) != p.runs]
        if gone or runs:
            moved = [convert.to_record(records.RunCount, p.runs, prog_id=p.id) for p in runs]
            yield records.Change([], [], None, moved, [], [], gone)
        yield from self._surroundings()

    def _new_program(self, program: RawProgram) -> Iterator[Entry]:
        yield convert.program_record(program)
        if program.btf_id and program.btf_id not in self._btfs:
            btf = self._kernel.btf(program.btf_id)
            if btf:
                self._btfs.add(program.btf_id)
                yield records.ProgramBtf(program.btf_id, self._keep.btf(btf))
        code = self._kernel.code(program.id)
        if code:
            yield convert.code_record(program.id, self._keep.code(code))

    def _surroundings(self) -> Iterator[Entry]:
        holders, conditions = self._kernel.holders(), self._kernel.conditions()
        if holders != self._holders:
            yield convert.holders_record(self._keep.holders(holders))
        if conditions != self._conditions:
            yield convert.conditions_record(self._keep.conditions(conditions))
        self._holders, self._conditions = holders, conditions

    def _changes(self, sweep: RawSweep, counts: Mapping[int, RunCount]) -> Iterator[Entry]:
        before = self._sweep or RawSweep({}, {}, RawSubsystems())
        says = None
        if self._sweep is None or sweep.subsystems != self._sweep.subsystems:
            if _scheduler(sweep.subsystems) != _scheduler(before.subsystems):
                self._log = self._kernel.users.sched_ext_log().lines  # one may have been ejected
            says = convert.subsystems_record(sweep.subsystems, self._keep.log(self._log))
        runs = [
            convert.to_record(records.RunCount, runs, prog_id=prog_id)
            for prog_id, runs in counts.items()
            if _runs_of(self._programs.get(prog_id)) != runs
        ]
        maps, gone_maps = _differ(before.maps, sweep.maps)
        links, gone_links = _differ(before.links, sweep.links)
        for first in range(0, len(maps), _MAPS_AT_ONCE):
            chunk = [convert.map_record(raw) for raw in maps[first : first + _MAPS_AT_ONCE]]
            yield records.Change(chunk, [], None, [], [], [], [])
        if links or gone_maps or gone_links or says or runs:
            shown = [convert.to_record(records.Link, link) for link in links]
            yield records.Change([], shown, says, runs, gone_maps, gone_links, [])
        for prog_id, counted in counts.items():
            if prog_id in self._programs:
                self._programs[prog_id] = self._programs[prog_id]._replace(runs=counted)

    # Writing

    def _append(self, entries: Sequence[Entry]) -> None:
        """Write them as one block if they fit, else as several.

        One that fits into none is left out: code of megabytes can be missed, a moment cannot.
        """
        try:
            payload = self._writer.pack(entries)
        except RecordingError:
            if len(entries) > 1:
                middle = len(entries) // 2
                self._append(entries[:middle])
                self._append(entries[middle:])
            return
        if full := self._full(payload):
            self._end(full)
        elif not self.ended:
            self._writer.append(round(self._elapsed * 1000), payload)

    def _full(self, payload: bytes) -> str:
        """Why there is no room for this block and one that says the end; "" if there is."""
        if self._size_with(payload) > self._most:
            return f"it reached its largest size, {self._most:,} bytes"
        if self._writer.blocks + 2 > BLOCKS_MOST:
            return f"it reached the most looks that a file holds, {BLOCKS_MOST:,}"
        return ""

    def _size_with(self, payload: bytes) -> int:
        """Bytes of the file with this block and one that says the end."""
        return self._writer.size + self._writer.size_of(payload) + _END_SIZE

    def _end(self, why: str) -> None:
        if not self.ended:
            self.ended = why
            self._writer.append(round(self._elapsed * 1000), self._writer.pack([records.End(why)]))


def _objects(sweep: RawSweep | None) -> tuple[Set[int], Set[int]] | None:
    """The ids of all maps and links."""
    return (sweep.maps.keys(), sweep.links.keys()) if sweep else None


def _scheduler(says: RawSubsystems) -> tuple[str | None, str | None]:
    """What sched_ext says, of all that subsystems say."""
    return says.sched_ext_state, says.sched_ext_ops


def _runs_of(program: RawProgram | None) -> RunCount:
    return program.runs if program else RunCount()


def _differ(before: Mapping[int, T], after: Mapping[int, T]) -> tuple[list[T], list[int]]:
    """What came or changed, and the ids of what went."""
    new = [each for key, each in after.items() if key not in before or before[key] != each]
    return new, sorted(before.keys() - after.keys())
