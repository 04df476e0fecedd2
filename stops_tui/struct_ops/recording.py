"""What of a kernel's types a recording has to carry, for all that is shown to be shown from it."""

from __future__ import annotations

from stops_tui.btf import Btf, Kind
from stops_tui.kernels.kernel import Kernel, KernelBtf
from stops_tui.struct_ops.subsystems import of_type
from stops_tui.struct_ops.types import StructOpsType, offered_types

_OF_THE_KERNEL = (
    ("bpf_map_info", Kind.STRUCT),
    ("bpf_struct_ops_state", Kind.ENUM),
    ("bpf_struct_ops_link", Kind.STRUCT),
    ("bpf_struct_ops_map_link_detach", Kind.FUNC),
)
"""What else is asked by name: see `dump` and `registration.facts`."""


def types_shown(kernel: Kernel) -> list[tuple[KernelBtf, list[int]]]:
    """The kernel's BTFs that matter, vmlinux's first, and of each the ids of the types that do.

    Raises:
        BtfError: The BTF of vmlinux is wrong as a whole.
    """
    offered = offered_types(kernel)
    vmlinux, *modules = (
        (each, _of_types(each.btf, [t for t in offered if t.btf_id == each.id]))
        for each in kernel.kernel_btfs()
    )
    vmlinux[1].extend(_of_the_kernel(vmlinux[0].btf))
    return [vmlinux, *(module for module in modules if module[1])]


def _of_the_kernel(btf: Btf) -> list[int]:
    return [found for name, kind in _OF_THE_KERNEL if (found := btf.find(name, kind))]


def _of_types(btf: Btf, types: list[StructOpsType]) -> list[int]:
    wanted = [each.value_type_id for each in types]
    for each in types:
        for name in of_type(each.name).flags.values():
            wanted += [
                found for kind in (Kind.ENUM, Kind.ENUM64) if (found := btf.find(name, kind))
            ]
    return wanted
