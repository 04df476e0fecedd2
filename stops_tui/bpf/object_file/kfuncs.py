"""The kernel's functions that an object calls (libbpf's bpf_object__collect_externs())."""

from __future__ import annotations

from typing import Final

from stops_tui.bpf.object_file.elf import Elf, ElfError
from stops_tui.bpf.object_file.records import ObjectKfunc
from stops_tui.bpf.object_file.struct_ops import essential_name
from stops_tui.btf import Btf, Datasec, Func, Kind

_MOST: Final = 512  # the largest schedulers call some sixty


def read_kfuncs(elf: Elf, btf: Btf) -> tuple[ObjectKfunc, ...]:
    """The functions that the BTF has in section .ksyms, by name.

    Raises:
        ElfError: They are too many.
        BtfError: The BTF contradicts itself.
    """
    type_id = btf.find(".ksyms", Kind.DATASEC)
    datasec = btf.type(type_id) if type_id else None
    if not isinstance(datasec, Datasec):
        return ()
    if len(datasec.variables) > _MOST:
        raise ElfError(f"it calls more than {_MOST} functions of the kernel")
    weak = {symbol.name for symbol in elf.symbols if symbol.is_weak}
    functions = [btf.type(entry.type_id) for entry in datasec.variables]
    found = (
        ObjectKfunc(essential_name(each.name)[0], each.name in weak)
        for each in functions
        if isinstance(each, Func)
    )
    return tuple(sorted(found))
