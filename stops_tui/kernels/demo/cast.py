"""The programs and types of the demo kernel: recorded in a real one (`make demo-cast`)."""

from __future__ import annotations

from pathlib import Path

from stops_tui.btf import Btf, Composite, Kind
from stops_tui.kernels.kernel import Host, KernelBtf, RawCode, RawProgram
from stops_tui.kernels.recording.kernel import RecordedKernel
from stops_tui.kernels.shape import Shape, shape_of

_FILE = Path(__file__).with_name("cast.stops")
_VALUE = "bpf_struct_ops_"


class Cast:
    """What the recording holds.

    Attributes:
        btf: The kernel's BTF, as far as it was recorded.
        shapes: What may be implemented, by the id of its value type.
        programs: By struct and name, "tcp_congestion_ops" and "dctcp_init".
    """

    def __init__(self) -> None:
        self._recorded = RecordedKernel(str(_FILE))
        self.vmlinux: KernelBtf = self._recorded.kernel_btfs()[0]
        self.btf: Btf = self.vmlinux.btf
        self.shapes = dict(self._shapes())
        structs = {shape.type_id: shape.type_name for shape in self.shapes.values()}
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

    def member_names(self, type_id: int) -> tuple[str, ...]:
        """The names of a struct's members, in order."""
        struct = self.btf.resolve(type_id)
        return tuple(m.name for m in struct.members) if isinstance(struct, Composite) else ()

    def size_of(self, type_id: int) -> int:
        """Bytes of a type."""
        return self.btf.size_of(type_id)

    def _shapes(self) -> list[tuple[int, Shape]]:
        found = []
        for type_id in self.btf.find_prefix(_VALUE, Kind.STRUCT):
            value = self.btf.resolve(type_id)
            if isinstance(value, Composite) and any(m.name == "data" for m in value.members):
                found.append((type_id, shape_of(self.btf, type_id)))
        return found
