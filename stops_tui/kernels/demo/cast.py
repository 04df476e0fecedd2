"""The programs and types of the demo kernel: recorded in a real one (`make demo-cast`)."""

from __future__ import annotations

from pathlib import Path

from stops_tui.btf import Btf
from stops_tui.kernels.demo.types import types_of
from stops_tui.kernels.kernel import Host, KernelBtf, RawCode, RawProgram
from stops_tui.kernels.recording.kernel import RecordedKernel

_FILE = Path(__file__).with_name("cast.stops")


class Cast:
    """What the recording holds.

    Attributes:
        vmlinux: The kernel's BTF, as far as it was recorded.
        types: What can be implemented, by the ids of their value types.
        programs: By struct and name, "tcp_congestion_ops" and "dctcp_init".
    """

    def __init__(self) -> None:
        self._recorded = RecordedKernel(str(_FILE))
        self.vmlinux: KernelBtf = self._recorded.kernel_btfs()[0]
        self.types = types_of((self.vmlinux,))
        structs = {of.shape.type_id: of.shape.type_name for of in self.types.values()}
        self.programs = {
            (structs[raw.attach_btf_id], self.function_of(raw)): raw
            for raw in self._recorded.programs()
        }

    @property
    def host(self) -> Host:
        """The machine that the demo kernel claims to run on."""
        return self._recorded.host._replace(source="demo")

    def program_btf(self, btf_id: int) -> Btf | None:
        """The BTF object of a program."""
        return self._recorded.btf(btf_id)

    def code(self, prog_id: int) -> RawCode | None:
        """The code of a program of the recording, by the id it had there."""
        return self._recorded.code(prog_id)

    def function_of(self, raw: RawProgram) -> str:
        """The whole name of a program's function."""
        btf = self._recorded.btf(raw.btf_id)
        return btf.type(raw.func_type_id).name if btf else raw.name
