"""What is in a BPF object file (.bpf.o): no kernel, no root and no libbpf is needed to tell.

What libbpf makes of sections, symbols and BTF is told by its src/libbpf.c; the formats are ELF's
(elf(5)) and include/uapi/linux/btf.h.
"""

from stops_tui.bpf.object_file.reading import parse, read
from stops_tui.bpf.object_file.records import (
    ObjectFile,
    ObjectFileError,
    ObjectKfunc,
    ObjectMap,
    ObjectMember,
    ObjectProgram,
    ObjectStructOps,
)

__all__ = [
    "ObjectFile",
    "ObjectFileError",
    "ObjectKfunc",
    "ObjectMap",
    "ObjectMember",
    "ObjectProgram",
    "ObjectStructOps",
    "parse",
    "read",
]
