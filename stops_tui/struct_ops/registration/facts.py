"""All that a plan is judged by, read once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from stops_tui.btf import Btf, Kind
from stops_tui.kernels.kernel import Kernel, RawConditions, RawHolders
from stops_tui.struct_ops.inventory import Inventory, Program, Snapshot, serving
from stops_tui.struct_ops.registration.objects import ObjectFiles
from stops_tui.struct_ops.types import StructOpsType, offered_types


@dataclass(frozen=True, slots=True)
class RegistrationFacts:
    """What the kernel offers, runs and holds at one moment.

    Attributes:
        types: Every struct_ops type by name.
        snapshot: Maps and links.
        programs: Every struct_ops program by id, those in no map too.
        holders: Pins and open file descriptors.
        conditions: Capabilities, subsystems, mounts.
        served: Program id → the (map id, member name) it serves.
        vmlinux: The kernel's own BTF.
        kernel: Where to read again.
        inventory: What reads snapshots of it, of every map each time; no other thread may use it
            meanwhile.
        objects: The object files that plans take programs from.
    """

    types: Mapping[str, StructOpsType]
    snapshot: Snapshot
    programs: Mapping[int, Program]
    holders: RawHolders
    conditions: RawConditions
    served: Mapping[int, Sequence[tuple[int, str]]]
    vmlinux: Btf = field(repr=False, compare=False)
    kernel: Kernel = field(repr=False, compare=False)
    inventory: Inventory = field(repr=False, compare=False)
    objects: ObjectFiles = field(default_factory=ObjectFiles, repr=False, compare=False)

    @classmethod
    def gather(cls, kernel: Kernel, objects: ObjectFiles | None = None) -> RegistrationFacts:
        """Read them all: a sweep, all programs, and a walk over /proc and every bpffs.

        Args:
            kernel: Where to read.
            objects: Files that were read already; others are read as they are needed.
        """
        inventory = Inventory(kernel, thorough=True)
        snapshot = inventory.sweep()
        return cls(
            types={type_.name: type_ for type_ in reversed(offered_types(kernel))},
            snapshot=snapshot,
            programs={program.id: program for program in inventory.programs()},
            holders=kernel.holders(),
            conditions=kernel.conditions(),
            served=serving(snapshot),
            vmlinux=kernel.kernel_btfs()[0].btf,
            kernel=kernel,
            inventory=inventory,
            objects=objects or ObjectFiles(),
        )

    def now(self) -> RegistrationFacts:
        """The same, with what a write depends on read again: maps, links, holders, conditions."""
        holders, conditions = self.kernel.holders(), self.kernel.conditions()
        snapshot = self.inventory.sweep()  # last: a write is to find what it says
        return replace(self, snapshot=snapshot, holders=holders, conditions=conditions)

    def map_in_link(self, link_id: int) -> int:
        """The map that a link registers; 0 if it is detached, or not there."""
        link = self.snapshot.links.get(link_id)
        return link.map_id if link else 0

    @property
    def links_supported(self) -> bool:
        """Whether this kernel has BPF_F_LINK (6.4): its links have a struct of their own."""
        return self.vmlinux.find("bpf_struct_ops_link", Kind.STRUCT) is not None

    @property
    def detach_supported(self) -> bool:
        """Whether BPF_LINK_DETACH takes struct_ops links (6.11)."""
        return self.vmlinux.find("bpf_struct_ops_map_link_detach", Kind.FUNC) is not None
