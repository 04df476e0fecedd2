"""BTF bytes → types: the kernel's compact type information (Documentation/bpf/btf.rst).

This floor knows no kernel and no file descriptor: whoever has the bytes can read them.
"""

from stops_tui.btf.btf import Btf
from stops_tui.btf.place import place_of
from stops_tui.btf.types import (
    Array,
    BtfError,
    BtfType,
    Composite,
    Datasec,
    DatasecVar,
    DeclTag,
    Enum,
    EnumValue,
    Field,
    Float,
    Func,
    FuncProto,
    Fwd,
    Int,
    Kind,
    Param,
    Ptr,
    Ref,
    Var,
    Void,
)

__all__ = [
    "Array",
    "Btf",
    "BtfError",
    "BtfType",
    "Composite",
    "Datasec",
    "DatasecVar",
    "DeclTag",
    "Enum",
    "EnumValue",
    "Field",
    "Float",
    "Func",
    "FuncProto",
    "Fwd",
    "Int",
    "Kind",
    "Param",
    "Ptr",
    "Ref",
    "Var",
    "Void",
    "place_of",
]
