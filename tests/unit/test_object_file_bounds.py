"""The most that a hostile object can ask for: it takes a few seconds at worst, and little memory.

Each is measured in a process of its own, with as much memory as a small machine has to spare.
"""

from __future__ import annotations

import struct
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from stops_tui.bpf.object_file.reading import LARGEST
from stops_tui.kernels.kernel import KernelBtf
from stops_tui.report.object_file import report
from tests.support.btf_builder import BtfBuilder
from tests.support.elf_builder import EXECINSTR, FUNC, NOBITS, REL, ElfBuilder
from tests.support.memory import most_used

SECONDS, MEBIBYTES = 20, 300


def most_sections() -> bytes:
    """As many as the header can count, all with the same long name."""
    elf = ElfBuilder()
    name = elf.string("." + "x" * 511)
    for _ in range(0xFEF0):
        elf.header(name, NOBITS, 0, 1)
    return elf.data()


def most_of_both() -> bytes:
    """As many symbols as there may be, in none of as many sections."""
    elf = ElfBuilder()
    name = elf.string("x" * 511)
    for _ in range(0xFEF0):
        elf.header(name, NOBITS, 0, 1)
    for _ in range(65534):
        elf.symbol(name, FUNC, 0xFFF1, 0, 8)  # SHN_ABS
    return elf.data()


def most_functions() -> bytes:
    """As many symbols as there may be, far too many of them programs, with long names."""
    return programs(65534)


def most_programs() -> bytes:
    """As many programs of one instruction as there may be."""
    return programs(4096)


def programs(count: int) -> bytes:
    """Programs whose names are tails of one long one."""
    elf = ElfBuilder()
    code = elf.section("socket", bytes(8 * count), flags=EXECINSTR)
    names = elf.string("x" * 511)
    for number in range(count):
        elf.symbol(names + number % 500, FUNC, code, 8 * number, 8)
    return elf.data()


def wide(count: int, longest: int) -> bytes:
    """A struct whose members' names are all tails of one string."""
    btf = BtfBuilder()
    number = btf.integer("int", 4)
    tail = btf.string("x" * longest)
    members = b"".join(struct.pack("<III", tail + i % longest, number, 0) for i in range(count))
    struct_id = btf.raw(4, "wide", 4, members, vlen=count)
    return with_struct_ops(btf, struct_id, bytes(4))


def wide_struct() -> bytes:
    """As many members as there may be."""
    return wide(1 << 20, 40)


def tails_in_types() -> bytes:
    """As long names as there may be, but for so many members."""
    return wide(40000, 1000)


def most_members() -> bytes:
    """Variables in one place, all of whose members are the whole struct as an array of arrays."""
    btf = BtfBuilder()
    byte = btf.integer("unsigned char", 1)
    empty = btf.struct("empty", 0, [])
    none = btf.array(empty, 0xFFFFFF)
    all_of_it = btf.array(btf.array(btf.array(byte, 16), 32), 32)
    fields = [(f"member{i}", (all_of_it, none)[i % 2], 0) for i in range(256)]
    ops = btf.struct("some_ops", 1 << 14, fields)
    return with_struct_ops(btf, ops, b"\1" * (1 << 14), variables=32)


def long_words() -> bytes:
    """Functions with very long prototypes."""
    btf = BtfBuilder()
    long = btf.struct("s" * 900, 4, [])
    params = b"".join(struct.pack("<II", 0, long) for _ in range(60000))
    proto = btf.raw(13, "", 0, params, vlen=60000)
    fields = [(f"member{i}", btf.ptr(proto), 64 * i) for i in range(256)]
    ops = btf.struct("some_ops", 8 * 256, fields)
    return with_struct_ops(btf, ops, bytes(8 * 256))


def tables_of_relocations() -> bytes:
    """Many for one section, all the same."""
    btf = BtfBuilder()
    ops = btf.struct("some_ops", 8, [("x", btf.integer("long", 8), 0)])
    return with_struct_ops(btf, ops, bytes(8), tables=60000)


def names_of_sections() -> bytes:
    """.BTF.ext with long names for very many sections."""
    btf = BtfBuilder()
    btf.integer("int", 4)
    tail = btf.string("x" * (1 << 22))
    each = b"".join(struct.pack("<IIII", tail + i, 1, 0, 0) for i in range(1 << 18))
    part = struct.pack("<I", 8) + each
    ext = struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(part), 0, 0) + part
    elf = ElfBuilder()
    elf.section(".BTF", btf.data())
    elf.section(".BTF.ext", ext)
    return elf.data()


def largest() -> bytes:
    """A file of the largest size, all of it a struct_ops section."""
    btf = BtfBuilder()
    ops = btf.struct("some_ops", 8, [("x", btf.integer("long", 8), 0)])
    whole = with_struct_ops(btf, ops, bytes(8))
    return with_struct_ops(btf, ops, bytes(LARGEST - len(whole) - 2048))


def with_struct_ops(
    btf: BtfBuilder, struct_id: int, content: bytes, variables: int = 1, tables: int = 0
) -> bytes:
    """An object with a struct_ops section."""
    ids = [btf.var(f"v{number}", struct_id) for number in range(variables)]
    btf.datasec(".struct_ops", 0, [(each, 0, 0) for each in ids])
    elf = ElfBuilder()
    elf.section(".BTF", btf.data())
    section = elf.section(".struct_ops", content)
    code = elf.section("struct_ops/x", bytes(8), flags=EXECINSTR)
    symbol = elf.symbol(elf.string("x"), FUNC, code, 0, 8)
    relocations = struct.pack("<QII", 0, 2, symbol) * (1 << 16)
    start = 64 + len(elf.contents)
    elf.contents += relocations
    for _ in range(tables):
        elf.header(0, REL, start, len(relocations), info=section, entsize=16)
    return elf.data()


FILES: dict[str, Callable[[], bytes]] = {
    each.__name__: each
    for each in (
        most_sections,
        most_of_both,
        most_functions,
        most_programs,
        wide_struct,
        tails_in_types,
        most_members,
        long_words,
        tables_of_relocations,
        names_of_sections,
        largest,
    )
}


def some_kernel() -> list[KernelBtf]:
    """One that has no struct_ops type."""
    btf = BtfBuilder()
    btf.integer("int", 4)
    return [KernelBtf("vmlinux", 1, btf.btf())]


def describe(path: str) -> None:
    """All that people and scripts are told of it; prints what that took."""
    before, started = most_used(), time.process_time()
    with redirect_stdout(StringIO()):
        for as_json in (False, True):
            assert report(path, some_kernel, as_json=as_json) in (0, 1)
    print(time.process_time() - started, most_used() - before)


@pytest.mark.parametrize("name", FILES)
def test_what_a_hostile_object_takes_is_bounded(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(FILES[name]())
    done = subprocess.run(
        [sys.executable, "-c", f"import {__name__} as it; it.describe({str(path)!r})"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    seconds, memory = map(float, done.stdout.split())
    print(f"{seconds:.2f} s, {memory:.0f} MiB")
    assert seconds < SECONDS
    assert memory < MEBIBYTES
