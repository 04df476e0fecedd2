"""BTF types as C text, in the words of bpftool.

bpftool has two wordings, kept here both: `bpftool btf dump … format c` (libbpf's btf_dump.c) for
declarations and definitions, and `bpftool prog dump`, `bpftool struct_ops dump` (bpftool's
btf_dumper.c) for functions: "u32 f(struct sock * sk)", with a space after every pointer.

All raise BtfError for types that no compiler could have made: without end, or of endless text.
"""

from __future__ import annotations

from weakref import WeakKeyDictionary

from stops_tui.btf.btf import Btf
from stops_tui.btf.declare import Declaration
from stops_tui.btf.signature import signature
from stops_tui.btf.types import BtfError, Composite, Enum, Func, FuncProto, Kind, Ref, Var

# What `type_text` said before: each of a thousand maps of one type asks for the same words.
_TEXTS: WeakKeyDictionary[Btf, dict[int, str]] = WeakKeyDictionary()


def type_text(btf: Btf, type_id: int) -> str:
    """A type on one line: `struct sock *`, `char[16]`; `u32 (struct sock *)` for a function.

    A pointer to a function, too, is worded as the function, as `bpftool struct_ops dump` does.
    The bodies of nameless structs, unions and enums are left out: `struct {...}`.
    """
    known = _TEXTS.setdefault(btf, {})
    if type_id not in known:
        proto = btf.func_proto(type_id)
        known[type_id] = (
            signature(btf, proto, "")
            if proto is not None
            else Declaration(btf, type_id, inline=False).text()
        )
    return known[type_id]


def declaration(btf: Btf, type_id: int, name: str) -> str:
    """The declaration of a member, variable or parameter: `int (*name)(struct sock *)`.

    Nameless structs, unions and enums are written out, over several lines.
    """
    return Declaration(btf, type_id).text(name)


def definition(btf: Btf, type_id: int) -> str:
    """What defines a type, without the semicolon: `struct x {…}`, `enum y {…}`, `typedef …`.

    A function or variable is declared; any other type is named.
    """
    match found := btf.type(type_id):
        case Composite() | Enum():
            return Declaration(btf, type_id).body()
        case Ref(kind=Kind.TYPEDEF):
            return "typedef " + Declaration(btf, found.type_id).text(found.name)
        case Func() | Var():
            return Declaration(btf, found.type_id).text(found.name)
    return Declaration(btf, type_id).text()


def prototype(btf: Btf, func_id: int) -> str:
    """A function's signature: `u32 dctcp_ssthresh(struct sock * sk)`.

    Args:
        btf: The program's own BTF, or the kernel's.
        func_id: A FUNC.
    """
    func = btf.type(func_id)
    proto = btf.resolve(func.type_id) if isinstance(func, Func) else func
    if not isinstance(func, Func) or not isinstance(proto, FuncProto):
        raise BtfError(f"type {func_id} is no function", btf.offset_of(func_id))
    return signature(btf, proto, func.name)
