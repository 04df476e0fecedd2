"""The BPF objects of the demo kernel, and who keeps them."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from stops_tui.kernels.demo.map_info import map_info
from stops_tui.kernels.demo.types import DemoType
from stops_tui.kernels.kernel import ObjectKind, RawCode, RawFd, RawPin, RawProgram, RunCount
from stops_tui.kernels.shape import Data, Shape

INIT, INUSE, TOBEFREE, READY = range(4)
"""enum bpf_struct_ops_state."""
BPF_F_LINK = 1 << 13

Key = tuple[str, int]
"""An object: its kind and id."""


@dataclass
class DemoProgram:
    """A program, and the member it was made for.

    Attributes:
        raw: What bpf(2) says of it, but its runs.
        member: The member's name.
        code: Its code.
        function: Its function's whole name.
        runs: How often it ran while that was counted.
    """

    raw: RawProgram
    member: str
    code: RawCode
    function: str
    runs: RunCount = field(default_factory=RunCount)


@dataclass
class DemoMap:
    """A struct_ops map.

    Attributes:
        value: As it was written, with program ids for functions; zero in INIT.
        state: INIT, INUSE, TOBEFREE or READY.
    """

    id: int
    name: str
    flags: int
    type: DemoType
    value: bytes
    state: int = INIT

    @property
    def shape(self) -> Shape:
        """What its value's bytes are."""
        return self.type.shape

    @cached_property
    def info(self) -> bytes:
        """Struct bpf_map_info."""
        return map_info(self.type, self.id, self.name, self.flags)

    @property
    def is_link(self) -> bool:
        """Whether a link registers it."""
        return bool(self.flags & BPF_F_LINK)

    def programs(self) -> Iterator[tuple[str, int]]:
        """Each function member that is set, and its program."""
        for at, name in self.shape.functions.items():
            (prog_id,) = struct.unpack_from("<Q", self.value, at)
            if prog_id:
                yield name, prog_id

    def data(self, name: str) -> int:
        """A number among its data members; 0 if its type has none of this name."""
        found = self._data(name)
        return int.from_bytes(found.of(self.value), "little") if found else 0

    def text(self, name: str) -> bytes:
        """A text among its data members, up to its NUL; b"" if its type has none of this name."""
        found = self._data(name)
        return found.of(self.value).split(b"\0", 1)[0] if found else b""

    def is_terminated(self, name: str) -> bool:
        """Whether a text ends within its member."""
        found = self._data(name)
        return found is None or b"\0" in found.of(self.value)

    def _data(self, name: str) -> Data | None:
        return next((data for data in self.shape.data if data.name == name), None)


@dataclass
class DemoLink:
    """A struct_ops link; `map_id` is 0 once it is detached."""

    id: int
    map_id: int


class Objects:
    """All of them, by id, and what user space holds.

    Attributes:
        pins: By path.
        fds: Those of other processes.
        handles: How many this program has of each object.
    """

    def __init__(self, last_id: int = 40) -> None:
        """None yet; the first made has the id after `last_id`."""
        self.maps: dict[int, DemoMap] = {}
        self.links: dict[int, DemoLink] = {}
        self.programs: dict[int, DemoProgram] = {}
        self.pins: dict[str, RawPin] = {}
        self.fds: list[RawFd] = []
        self.handles: Counter[Key] = Counter()
        self._last_id = last_id

    def next_id(self) -> int:
        """The id of the next object of any kind."""
        self._last_id += 1
        return self._last_id

    def add_map(self, new: DemoMap) -> DemoMap:
        """A map comes to be."""
        self.maps[new.id] = new
        return new

    def add_program(self, new: DemoProgram) -> DemoProgram:
        """A program comes to be."""
        self.programs[new.raw.id] = new
        return new

    def links_on(self, map_id: int) -> int:
        """How many links there are on a map."""
        return sum(link.map_id == map_id for link in self.links.values())

    def is_held(self, kind: ObjectKind, object_id: int) -> bool:
        """Whether a pin or an open file keeps an object."""
        key = kind, object_id
        return (
            self.handles[key] > 0
            or any((pin.kind, pin.id) == key for pin in self.pins.values())
            or any((fd.kind, fd.id) == key for fd in self.fds)
        )

    def drop_fds(self, pid: int) -> None:
        """A process ends, or closes what it had."""
        self.fds = [fd for fd in self.fds if fd.pid != pid]
