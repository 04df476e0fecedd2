"""The running kernel."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Collection, Iterable, Sequence
from errno import ENOENT
from functools import cached_property
from typing import TYPE_CHECKING

from stops_tui.bpf.errors import BpfError
from stops_tui.bpf.syscall import Bpf
from stops_tui.btf import Btf
from stops_tui.kernels.kernel import (
    Host,
    KernelBtf,
    KernelUnreadable,
    RawCode,
    RawConditions,
    RawHolders,
    RawLink,
    RawMap,
    RawProgram,
    RawSubsystems,
    RawSweep,
    RunCount,
)
from stops_tui.kernels.live import objects
from stops_tui.kernels.live.access import obstacles
from stops_tui.kernels.live.btfs import Btfs
from stops_tui.kernels.live.host import this_host
from stops_tui.kernels.live.sysfs import subsystems
from stops_tui.record import Record

if TYPE_CHECKING:
    from stops_tui.kernels.live.pins import Pins
    from stops_tui.kernels.live.processes import Processes
    from stops_tui.kernels.live.users import LiveUsers
    from stops_tui.kernels.live.writes import LiveWrites
    from stops_tui.kernels.traffic import Traffic


class Memory(Record):
    """What a live kernel remembers of the last sweep; it can be told to another process."""

    maps: objects.Watched[RawMap]
    links: objects.Watched[RawLink]
    sweep: RawSweep
    btfs: Btfs


class LiveKernel:
    """The running kernel, read by bpf(2), /proc, /sys and bpffs. Keeps the protocol `Kernel`.

    Safe for several threads: each has its own `Bpf`, and what remembers the look before is locked.
    Methods raise BpfError where the kernel refuses to list objects at all.
    """

    def __init__(self) -> None:
        self._host = this_host()
        self._local = threading.local()
        self._objects = threading.Lock()
        self._maps = objects.watched_maps()
        self._links = objects.watched_links()
        self._programs = objects.watched_programs()
        self._sweep = RawSweep({}, {}, RawSubsystems())
        self._holders = threading.Lock()
        self._seen_holders = RawHolders()
        self._btfs = Btfs()
        self._stats = threading.Lock()
        self._stats_fd = -1

    @classmethod
    def open(cls) -> LiveKernel:
        """The kernel of this host; KernelUnreadable if it cannot be read."""
        if found := obstacles():
            raise KernelUnreadable(found)
        return cls()

    @property
    def host(self) -> Host:
        """Which kernel this is."""
        return self._host

    @cached_property
    def writes(self) -> LiveWrites:
        """What changes this kernel; not armed at the start."""
        # Not at the top: who only looks does not need it.
        from stops_tui.kernels.live.writes import LiveWrites

        return LiveWrites(lambda: self._bpf, self._kernel_btf)

    @cached_property
    def users(self) -> LiveUsers:
        """Who in this kernel holds a map: asked by a person or a script, never swept."""
        from stops_tui.kernels.live.users import LiveUsers

        return LiveUsers(lambda: self._btfs.vmlinux(self._bpf).btf)

    def now(self) -> float:
        """The time of day."""
        return time.time()

    def sweep(self, resting: Collection[int] = ()) -> RawSweep:
        """All struct_ops maps and links; the sweep before, if nothing changed."""
        with self._objects:
            links = self._links.look(self._bpf)
            linked = {link.map_id for link in links.values()}
            maps = self._maps.look(self._bpf, frozenset(resting) - linked)
            sweep = RawSweep(maps, links, subsystems() if maps else RawSubsystems())
            if sweep != self._sweep:
                self._sweep = sweep
            return self._sweep

    @property
    def memory(self) -> Memory:
        """What the next sweep goes on from."""
        return Memory(self._maps, self._links, self._sweep, self._btfs)

    @memory.setter
    def memory(self, memory: Memory) -> None:
        with self._objects:
            self._maps, self._links, self._sweep, self._btfs = memory

    def program(self, prog_id: int) -> RawProgram | None:
        """One struct_ops program; None if it is gone, or is of another type."""
        try:
            return objects.read_program(self._bpf, prog_id)
        except BpfError as error:
            if error.errno == ENOENT:
                return None
            raise

    def programs(self) -> list[RawProgram]:
        """All struct_ops programs, by id."""
        with self._objects:
            return [program for _, program in sorted(self._programs.look(self._bpf).items())]

    def run_counts(self, prog_ids: Iterable[int]) -> dict[int, RunCount]:
        """Run statistics of these programs; those gone are left out."""
        read = ((prog_id, objects.read_run_count(self._bpf, prog_id)) for prog_id in prog_ids)
        return {prog_id: runs for prog_id, runs in read if runs}

    def count_runs(self, on: bool) -> None:
        """Switch run statistics on, or release them; others may still keep them on."""
        with self._stats:
            if on and self._stats_fd < 0:
                self._stats_fd = self._bpf.enable_stats()
            elif not on and self._stats_fd >= 0:
                os.close(self._stats_fd)
                self._stats_fd = -1

    def code(self, prog_id: int) -> RawCode | None:
        """A program's code; None if it is gone."""
        # Not at the top: what prints instructions is not needed to list maps.
        from stops_tui.kernels.live.code import program_code

        return program_code(self._bpf, prog_id, self._btfs.vmlinux(self._bpf).btf)

    def btf(self, btf_id: int) -> Btf | None:
        """The BTF object of this id; None if it is gone."""
        return self._btfs.by_id(self._bpf, btf_id)

    def kernel_btfs(self) -> Sequence[KernelBtf]:
        """vmlinux, then every module with BTF; each is read when it is reached."""
        return self._btfs.kernel(self._bpf)

    def holders(self) -> RawHolders:
        """Pins in every bpffs of this mount namespace, and the open fds of all processes.

        The same object as before, if nothing changed.
        """
        with self._holders:
            pins, unseen_pins = self._pins.look()
            fds, unseen_fds = self._processes.look()
            seen = RawHolders(pins, fds, (*unseen_pins, *unseen_fds))
            if seen != self._seen_holders:
                self._seen_holders = seen
            return self._seen_holders

    def conditions(self) -> RawConditions:
        """What else decides whether something can be registered; read anew."""
        from stops_tui.kernels.live.conditions import conditions

        return conditions()

    def traffic(self, name: str, connections: int) -> Traffic:
        """TCP connections over loopback under a congestion control; raises ReadOnly."""
        from stops_tui.kernels.live.traffic import LiveTraffic
        from stops_tui.kernels.writes import ReadOnly

        if not self.writes.armed:
            raise ReadOnly("read-only: no connection was opened")
        return LiveTraffic(name, connections)

    def close(self) -> None:
        """Release run statistics."""
        self.count_runs(False)

    @cached_property
    def _processes(self) -> Processes:
        # Not at the top, as `_pins`: nobody walks over /proc before the first frame.
        from stops_tui.kernels.live.processes import Processes

        return Processes()

    @cached_property
    def _pins(self) -> Pins:
        from stops_tui.kernels.live.pins import Pins

        return Pins()

    def _kernel_btf(self, btf_id: int) -> Btf | None:
        """As `btf`; before 6.9 a map says 0 for vmlinux."""
        return self.btf(btf_id) if btf_id else self._btfs.vmlinux(self._bpf).btf

    @property
    def _bpf(self) -> Bpf:
        """This thread's own: its buffers are used again by every call."""
        try:
            bpf: Bpf = self._local.bpf
        except AttributeError:
            bpf = self._local.bpf = Bpf()
        return bpf
