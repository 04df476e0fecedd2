"""The running kernel's BTF, read as bpftool reads it."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

import pytest

from stops_tui.btf import (
    Array,
    Btf,
    BtfError,
    BtfType,
    Composite,
    Datasec,
    DeclTag,
    Enum,
    Float,
    Func,
    FuncProto,
    Int,
    Kind,
    Ptr,
    Ref,
    Var,
)
from stops_tui.btf.c import definition
from tests.support.bpftool import installed, newer, text
from tests.support.btf_exercise import exercise
from tests.support.guest import PATIENCE

VMLINUX = Path("/sys/kernel/btf/vmlinux")
ANON = "(anon)"


@cache
def vmlinux() -> Btf:
    return Btf.parse(VMLINUX.read_bytes())


def raw_lines(btf: Btf, found: BtfType) -> Iterator[str]:
    """A type as `bpftool btf dump … format raw` prints it."""
    head = f"[{found.id}] {found.kind.name} '{found.name or ANON}'"
    match found:
        case Int():
            yield (
                f"{head} size={found.size} bits_offset={found.bit_offset} nr_bits={found.bits} "
                + (f"encoding={_encoding(found)}")
            )
        case Array():
            yield f"{head} type_id={found.element_type_id} index_type_id={found.index_type_id} " + (
                f"nr_elems={found.length}"
            )
        case Composite():
            yield f"{head} size={found.size} vlen={len(found.members)}"
            for name, type_id, offset, bits in found.members:
                size = f" bitfield_size={bits}" if bits else ""
                yield f"\t'{name or ANON}' type_id={type_id} bits_offset={offset}{size}"
        case Enum():
            sign = "SIGNED" if found.signed else "UNSIGNED"
            yield f"{head} encoding={sign} size={found.size} vlen={len(found.values)}"
            wide = "LL" if found.kind is Kind.ENUM64 else ""
            for name, value in found.values:
                yield f"\t'{name}' val={value}{wide and ('LL' if found.signed else 'ULL')}"
        case FuncProto():
            yield f"{head} ret_type_id={found.return_type_id} vlen={len(found.params)}"
            for name, type_id in found.params:
                yield f"\t'{name or ANON}' type_id={type_id}"
        case _:
            yield from _small(btf, found, head)


def _small(btf: Btf, found: BtfType, head: str) -> Iterator[str]:
    linkage = ("static", "global", "extern")
    match found:
        case Ptr() | Ref():
            yield f"{head} type_id={found.type_id}"
        case Func() | Var():
            comma = "," if isinstance(found, Var) else ""
            yield f"{head} type_id={found.type_id}{comma} linkage={linkage[found.linkage]}"
        case Float():
            yield f"{head} size={found.size}"
        case DeclTag():
            yield f"{head} type_id={found.type_id} component_idx={found.component_index}"
        case Datasec():
            yield f"{head} size={found.size} vlen={len(found.variables)}"
            for type_id, offset, size in found.variables:
                name = btf.type(type_id).name
                yield f"\ttype_id={type_id} offset={offset} size={size} (VAR '{name}')"
        case _:
            yield f"{head} fwd_kind={'union' if getattr(found, 'union', False) else 'struct'}"


def _encoding(found: Int) -> str:
    if found.signed:
        return "SIGNED"
    if found.char:
        return "CHAR"
    return "BOOL" if found.boolean else "(none)"


def test_every_type_is_read_as_bpftool_reads_it() -> None:
    """In a guest, where it takes minutes, every tenth."""
    btf = vmlinux()
    dump = text("btf", "dump", "file", str(VMLINUX), "format", "raw")
    theirs = re.split(r"\n(?=\[)", dump.rstrip())
    assert len(theirs) == len(btf) - 1
    some = range(1, len(btf), PATIENCE)
    ours = ["\n".join(raw_lines(btf, btf.type(i))) for i in some]
    different = [
        (our, theirs[i - 1]) for i, our in zip(some, ours, strict=True) if our != theirs[i - 1]
    ]
    assert different == []


@pytest.mark.parametrize("bpftool", [installed, newer])
def test_definitions_are_worded_as_bpftool_words_them(bpftool: Callable[[], Path]) -> None:
    """All structs, unions, enums and typedefs of the kernel; in a guest every tenth type.

    bpftool numbers names that are used twice; and that an enum is one byte wide is not said by the
    libbpf 1.1 of Debian 12's.
    """
    theirs = {_plain(block) for block in _blocks(bpftool())}
    older = not any("mode(byte)" in block for block in theirs)
    btf = vmlinux()
    compared = 0
    for type_id in range(1, len(btf), PATIENCE):
        found = btf.type(type_id)
        if not _defined(found):
            continue
        ours = _plain(definition(btf, type_id) + ";")
        if older:
            ours = ours.replace(" __attribute__((mode(byte)))", "")
        assert ours in theirs, f"[{type_id}] {found.name}"
        compared += 1
    assert compared > 5000 / PATIENCE


def _blocks(bpftool: Path) -> list[str]:
    dump = text("btf", "dump", "file", str(VMLINUX), "format", "c", bpftool=bpftool)
    return dump.split("\n\n")


def _plain(block: str) -> str:
    return re.sub(r"___\d+\b", "", block.strip())


def _defined(found: BtfType) -> bool:
    """Whether bpftool defines it: what has a name, but for the compiler's own va_list."""
    shape = isinstance(found, Composite | Enum) or found.kind is Kind.TYPEDEF
    return shape and found.name not in ("", "__builtin_va_list")


def test_find_agrees_with_a_search_through_all() -> None:
    btf = vmlinux()
    kinds = (Kind.STRUCT, Kind.ENUM, Kind.TYPEDEF, Kind.FUNC)
    first: dict[tuple[str, Kind], int] = {}
    for type_id in range(1, len(btf)):
        found = btf.type(type_id)
        if found.kind in kinds:
            first.setdefault((found.name, found.kind), type_id)
    names = random.Random(1).sample(sorted(first), 60)
    assert [btf.find(name, kind) for name, kind in names] == [first[key] for key in names]
    values = [
        key for key in first if key[0].startswith("bpf_struct_ops_") and key[1] is Kind.STRUCT
    ]
    assert list(btf.find_prefix("bpf_struct_ops_", Kind.STRUCT)) == [first[key] for key in values]


def test_opening_vmlinux_is_quick() -> None:
    data = VMLINUX.read_bytes()
    start = time.process_time()
    assert sum(data[: len(data) // 4])
    summed = time.process_time() - start  # the measure: no machine is too slow for this test
    start = time.process_time()
    btf = Btf.parse(data)
    parsed = time.process_time()
    assert len(btf) > 10_000
    counted = time.process_time()
    assert parsed - start < summed, "only the header is read"
    assert counted - parsed < 10 * summed, "an index of offsets, no more (here twice as long)"


def test_a_broken_vmlinux_is_answered_or_refused() -> None:
    whole = VMLINUX.read_bytes()
    count = len(vmlinux())
    chance = random.Random(2)
    for _ in range(25):
        broken = bytearray(whole)
        for place in chance.choices(range(len(whole)), k=2000):
            broken[place] = chance.randrange(256)
        broken[:24] = whole[:24]
        start = time.process_time()
        with suppress(BtfError):
            exercise(Btf.parse(bytes(broken)), chance.choices(range(count), k=30))
        assert time.process_time() - start < 10
