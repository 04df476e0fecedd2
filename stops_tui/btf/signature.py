"""Functions in the words of `bpftool prog dump` and `bpftool struct_ops dump` (btf_dumper.c).

It writes types from left to right as they are nested: `char * [4]` for an array of pointers.
"""

from __future__ import annotations

from stops_tui.btf.btf import Btf
from stops_tui.btf.chain import QUALIFIER, chain
from stops_tui.btf.text import Text
from stops_tui.btf.types import Array, BtfType, Composite, Enum, FuncProto, Fwd, Kind, Ptr, Ref


def signature(btf: Btf, proto: FuncProto, name: str) -> str:
    """`u32 name(struct sock * sk)`; without a name `u32 (struct sock *)`."""
    text = Text(btf.offset_of(proto.id))
    _function(btf, text, proto, name)
    return str(text)


def _function(btf: Btf, text: Text, proto: FuncProto, name: str) -> None:
    with text.deeper():
        _type(btf, text, proto.return_type_id)
        text.add(name + "(")
        for place, param in enumerate(proto.params):
            text.add(", " if place else "")
            if not param.type_id:
                text.add("...")
                continue
            _type(btf, text, param.type_id)
            if param.name:
                text.add(param.name)
            else:
                text.drop_space()
        text.add(")")


def _type(btf: Btf, text: Text, type_id: int) -> None:
    after: list[str] = []
    for found in chain(btf, type_id):
        match found:
            case FuncProto():
                _function(btf, text, found, "")
                break
            case Ptr():
                after.append("* ")
            case Array():
                after.append(f"[{found.length}]")
            case Ref(kind=Kind.TYPE_TAG):
                pass
            case Ref(kind=kind) if kind in QUALIFIER:
                text.add(QUALIFIER[kind] + " ")
            case _:
                text.add(f"{_keyword(found)}{found.name} ")
    for piece in reversed(after):
        text.add(piece)


def _keyword(found: BtfType) -> str:
    match found:
        case Composite():
            return f"{found.kind.name.lower()} "
        case Enum():
            return "enum "
        case Fwd():
            return "union " if found.union else "struct "
    return ""
