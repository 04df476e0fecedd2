"""What a recording leaves out, for those who may send a map's life but not their host's names."""

from __future__ import annotations

from collections.abc import Iterable

from stops_tui.btf import Btf
from stops_tui.btf.subset import subset
from stops_tui.kernels.kernel import Host, RawBpffs, RawCode, RawConditions, RawHolders

HIDDEN = "(redacted)"
_NO_CODE = "left out of this recording: code tells addresses of the kernel that it ran in"


class Whole:
    """Leaves out nothing."""

    redacts = False

    def host(self, host: Host) -> Host:
        """Which kernel it is."""
        return host

    def holders(self, holders: RawHolders) -> RawHolders:
        """Pins and file descriptors."""
        return holders

    def log(self, lines: Iterable[str]) -> Iterable[str]:
        """What the kernel's log says of schedulers."""
        return lines

    def conditions(self, conditions: RawConditions) -> RawConditions:
        """What decides whether something can be registered."""
        return conditions

    def btf(self, btf: Btf) -> bytes:
        """The BTF of a program."""
        return btf.data

    def code(self, code: RawCode) -> RawCode:
        """The code of a program."""
        return code


class Redacted(Whole):
    """Leaves out names of the host, users and processes, paths, the lines of source, and code."""

    redacts = True

    def host(self, host: Host) -> Host:
        """Its kernel's release and machine."""
        return host._replace(name=HIDDEN, user=HIDDEN)

    def holders(self, holders: RawHolders) -> RawHolders:
        """Without the names of processes and the paths of pins."""
        return RawHolders(
            tuple(pin._replace(path=HIDDEN) for pin in holders.pins),
            tuple(fd._replace(comm=HIDDEN) for fd in holders.fds),
            (HIDDEN,) if holders.unseen else (),
        )

    def log(self, lines: Iterable[str]) -> Iterable[str]:
        """Without the details: which process was starved."""
        return (line for line in lines if 'BPF scheduler "' in line)

    def conditions(self, conditions: RawConditions) -> RawConditions:
        """Without where a bpffs is mounted and what is in it."""
        return conditions._replace(
            bpffs=tuple(RawBpffs(HIDDEN, frozenset()) for _ in conditions.bpffs)
        )

    def btf(self, btf: Btf) -> bytes:
        """Its types: what else is among its strings are file names and source."""
        return subset([btf], [range(1, len(btf))])[0]

    def code(self, code: RawCode) -> RawCode:
        """The maps it uses.

        Where KASLR put the kernel is in its symbols, in JITed code, and in translated code too:
        `r1 = 0xffff888006aad800`, which nothing tells from a number of the program's own.
        """
        return RawCode(b"", b"", maps=code.maps, withheld=_NO_CODE)
