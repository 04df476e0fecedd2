"""The programs and types that the demo kernel has: real ones, recorded where they were loaded."""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from stops_tui.btf import Btf, Kind
from stops_tui.btf.header import read_header
from stops_tui.kernels.kernel import Host, RawConditions, RawHolders
from stops_tui.kernels.live.kernel import LiveKernel
from stops_tui.kernels.recording.file import Writer
from stops_tui.kernels.recording.recorder import Recorder
from stops_tui.kernels.recording.redact import Whole
from stops_tui.struct_ops.examples import EXAMPLES
from stops_tui.struct_ops.recording import types_shown
from tests.support import guest
from tests.support.live import Kit
from tests.vm.guest.stage import command, loaded

OUT = Path("/run/guest/out")
OBJECTS = ("dctcp", "cc", "scx", "qdisc", "hid")


class AskedBtf(Btf):
    """Remembers what was found in it by name."""

    def __init__(self, *what: Any) -> None:
        super().__init__(*what)
        self.asked: set[int] = set()

    def find(self, name: str, kind: Kind) -> int | None:
        """As ever, and remembered."""
        found = super().find(name, kind)
        if found:
            self.asked.add(found)
        return found


class Anonymous(Whole):
    """Leaves out whose kernel it was."""

    def host(self, host: Host) -> Host:
        """Only its release."""
        return host._replace(name="demo", user="root")

    def holders(self, holders: RawHolders) -> RawHolders:
        """Nobody."""
        return RawHolders()

    def conditions(self, conditions: RawConditions) -> RawConditions:
        """None."""
        return RawConditions()


def asked_by_examples(vmlinux: Btf) -> set[int]:
    """The types and functions that the built-in examples are assembled with."""
    data = vmlinux.data
    btf = AskedBtf(data, read_header(data, False), None)
    for name, example in EXAMPLES.items():
        if lacking := example.missing(btf):
            sys.exit(f"this kernel cannot run {name}: {lacking}")
    return btf.asked


def main() -> None:
    """Load every object, and look once."""
    if guest.kernel() is None:
        sys.exit("this runs in a guest alone: make demo-cast")
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(LiveKernel.open()) as kernel,
        ExitStack() as stack,
    ):
        bpffs, kit = Path(folder), Kit()
        command(f"mount -t bpf bpf {bpffs}")
        stack.callback(command, f"umount {bpffs}")
        for name in OBJECTS:
            stack.enter_context(loaded(name, bpffs, kit))
        wanted = types_shown(kernel)
        vmlinux, ids = wanted[0]
        ids.extend(asked_by_examples(vmlinux.btf))
        recorder = Recorder(
            kernel,
            Writer(str(OUT / "cast.stops")),
            wanted,
            interval=1.0,
            most=1 << 20,
            keep=Anonymous(),
        )
        recorder.look()
        recorder.close("all is in it")
        print(f"{len(kernel.programs())} programs, {recorder.size:,} bytes")


if __name__ == "__main__":
    main()
