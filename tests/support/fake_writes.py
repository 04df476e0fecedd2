"""Changes to the fake kernel: the demo's, which keep the real one's rules, and failures on demand.

    kernel.writes.armed = True
    kernel.writes.refuse("BPF_LINK_CREATE", ENOMEM)     # the next such call fails so
    ...
    assert [call.command for call in kernel.writes.calls] == ["BPF_BTF_LOAD", ...]

What calls do to objects is in `fake_calls`.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from errno import EACCES
from threading import RLock

from stops_tui.bpf.errors import BpfError
from stops_tui.bpf.insns import exit_
from stops_tui.kernels.demo.calls import Calls
from stops_tui.kernels.demo.writes import Change, DemoWrites
from stops_tui.kernels.writes import Call, Handle, Libbpf, LoadedObject, NewObject, NewProgram


@dataclass
class FakeObject:
    """Keeps `LoadedObject`."""

    programs: dict[str, Handle]
    messages: tuple[str, ...]

    def close(self) -> None:
        for program in self.programs.values():
            program.close()


class FakeWrites(DemoWrites):
    """Keeps `Writes` for a FakeKernel.

    Attributes:
        calls: Every call that `listen` was, or would have been, told of.
        library: What `libbpf` finds.
        variables: The type of each struct_ops variable in objects; tcp_congestion_ops if not here.
        messages: What is said of the next objects as they are loaded.
        refused_program: The program of objects that the verifier refuses.
    """

    def __init__(self, calls: Calls, lock: RLock) -> None:
        super().__init__(calls, lock, lambda: None)
        self.calls: list[Call] = []
        self.library = Libbpf("libbpf.so.1", "1.4", (1, 4))
        self.variables: dict[str, str] = {}
        self.messages: tuple[str, ...] = ()
        self.refused_program = ""
        self._refusals: defaultdict[str, list[BpfError | OSError]] = defaultdict(list)

    def refuse(self, command: str, errno: int, cause: str = "", log: str = "") -> None:
        """The next call of this command that gets as far as the kernel fails so."""
        if command.startswith(("BPF_", "bpf_")):
            self._refusals[command].append(BpfError(command, errno, cause, log))
        else:
            self._refusals[command].append(OSError(errno, os.strerror(errno)))

    @property
    def open_handles(self) -> list[str]:
        """What nobody closed, as "link 201"."""
        return [f"{kind} {object_id}" for kind, object_id in self._objects.handles.elements()]

    def libbpf(self) -> Libbpf:
        return self.library

    def load_object(self, new: NewObject) -> LoadedObject:
        loaded = FakeObject({}, self.messages)
        with self._change("bpf_object__load", path=new.path):
            try:
                for variable, members in new.programs.items():
                    for member, name in members.items():
                        loaded.programs[name] = self._load_of_object(variable, member, name)
            except BpfError:
                loaded.close()
                raise
        return loaded

    def _load_of_object(self, variable: str, member: str, name: str) -> Handle:
        if name == self.refused_program:
            log = "; return 0; @ a.c:7\n3: (95) exit\nR0 !read_ok\nprocessed 4 insns\n"
            raise BpfError("BPF_PROG_LOAD", EACCES, log=log, program=name)
        wanted = self.variables.get(variable, "tcp_congestion_ops")
        of = next(t for t in self._calls.types.values() if t.shape.type_name == wanted)
        index = of.members.index(member)
        return self.load_program(NewProgram(name[:15], (exit_(),), of.shape.type_id, index))

    @contextmanager
    def _change(self, command: str, **arguments: str | int) -> Iterator[Change]:
        with super()._change(command, **arguments) as change:
            if self._refusals[command]:
                error = self._refusals[command].pop(0)
                if isinstance(error, OSError):  # of mount(2), unlink(2): the demo's never fail so
                    self._tell(command, change, str(error.strerror))
                raise error
            yield change

    def _tell(self, command: str, change: Change, error: str = "") -> None:
        now = self._calls.now()
        self.calls.append(Call(now, command, change.arguments, change.result, error))
        if self.listen:
            self.listen(self.calls[-1])
