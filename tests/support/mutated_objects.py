"""Damage BPF objects in every way there is, and describe what is left: a program.

    python -m tests.support.mutated_objects COUNT SEED

Each is read, compared with the running kernel's types and reported as people and scripts get it.
Of one in ten that is described, LLVM must tell the same programs and license, where it finds
nothing wrong. Prints how many were described, compared and refused, the longest time one took, and
the most memory that was used; ends with a traceback where anything but ObjectFileError comes out,
or one takes longer than a second.
"""

from __future__ import annotations

import json
import random
import struct
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

from stops_tui.bpf.object_file import ObjectFile, ObjectFileError, parse
from stops_tui.kernels.live.sysfs_btf import sysfs_btfs
from stops_tui.report.object_file import as_object, lines, needs_lines
from stops_tui.struct_ops.objects import by_name, comparisons
from stops_tui.struct_ops.types import StructOpsType, types_of
from tests.support.clang import bpf_object
from tests.support.elf_editor import ElfEditor
from tests.support.elf_peers import told_by_llvm
from tests.support.memory import most_used

LONGEST = 1.0
"""Seconds of this process for one: far more than it takes, far less than endless."""

ORIGINALS = (
    "odd",
    "kfuncs",
    "dctcp",
    "dctcp_optional",
    "dctcp_big_endian",
    "pair_link",
    "suffixed_set",
    "plain",
    "cc",
)

# Where it matters; most of a file is debug information.
SECTIONS = (
    ".struct_ops",
    ".struct_ops.link",
    "?.struct_ops",
    ".rel.struct_ops",
    ".rel.struct_ops.link",
    ".BTF",
    ".BTF.ext",
    ".maps",
    "license",
    ".symtab",
    ".strtab",
)
NUMBERS = (0, 1, 2, 3, 8, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 1 << 24, 1 << 31, (1 << 32) - 1, 1 << 63)


def spans(original: bytes) -> list[slice]:
    """The places of a file that are damaged."""
    editor = ElfEditor(bytearray(original))
    headers = editor.header("shoff")
    found = [slice(0, 64), slice(headers, headers + 64 * editor.header("shnum"))]
    for name in SECTIONS:
        with suppress(KeyError):
            found.append(editor.place(name))
    return found


def mutate(dice: random.Random, original: bytes, places: Sequence[slice]) -> bytes:
    """Some bytes or numbers changed, some cut out, some doubled, or the end lost."""
    broken = bytearray(original)
    if dice.random() < 0.03:
        return bytes(broken[: dice.randrange(len(broken))])
    for _ in range(dice.choice((1, 1, 1, 2, 4, 30))):
        place = dice.choice(places)
        at = dice.randrange(place.start, max(place.stop, place.start + 1))
        match dice.randrange(12):
            case 0:
                del broken[at : at + dice.randrange(1, 30)]
            case 1:
                broken[at:at] = broken[at : at + dice.randrange(1, 30)]
            case 2 | 3 | 4:
                broken[at : at + 1] = bytes([dice.randrange(256)])
            case 5 | 6:
                broken[at : at + 1] = bytes([broken[min(at, len(broken) - 1)] ^ 1 << at % 8])
            case size:
                layout = dice.choice("<>") + "HIIQQ"[size - 7]
                number = dice.choice((*NUMBERS, len(broken), dice.randrange(1 << 20)))
                number &= (1 << 8 * struct.calcsize(layout)) - 1
                at -= at % 4
                broken[at : at + struct.calcsize(layout)] = struct.pack(layout, number)
    return bytes(broken)


def describe(data: bytes, types: dict[str, StructOpsType]) -> ObjectFile:
    """All that people and scripts are told of it."""
    file = parse(data, "mutant.o")
    needs = [need for each in comparisons(file, types) for need in each.needs]
    json.dumps(as_object(file, needs))
    for line in (*lines(file), *needs_lines(file, needs, "")):
        assert line.replace("\t", "").isprintable()
    return file


def compare(file: ObjectFile) -> bool:
    """Hold it against what LLVM tells; whether that was possible, for it finds more wrong."""
    try:
        told = told_by_llvm(file.data)
    except ValueError:
        return False
    if "\ufffd" in str(told):  # its own way with bytes that are no UTF-8
        return False
    ours = [(each.name, each.section, each.insns) for each in file.programs]
    assert (ours, file.license) == told, (ours, file.license, told)
    return True


def main(count: int, seed: int) -> None:
    """Damage and describe so many."""
    dice, results, longest = random.Random(seed), Counter[str](), 0.0
    types = by_name(types_of(sysfs_btfs()))
    originals = [bpf_object(name).read_bytes() for name in ORIGINALS]
    places = [spans(original) for original in originals]
    before = most_used()
    for number in range(count):
        chosen = dice.randrange(len(originals))
        data = mutate(dice, originals[chosen], places[chosen])
        started = time.process_time()
        try:
            file = describe(data, types)
            longest = max(longest, time.process_time() - started)
            results["described"] += 1
            if number % 10 == 0:
                results["compared"] += compare(file)
        except ObjectFileError as error:
            longest = max(longest, time.process_time() - started)
            results["refused"] += 1
            assert error.reason
        except Exception:
            print(f"number {number} of seed {seed}")
            raise
        assert longest < LONGEST, f"number {number} of seed {seed} is slow"
    memory = most_used() - before
    print(
        f"{results['described']} described, {results['compared']} of them compared, "
        f"{results['refused']} refused, the longest in {1000 * longest:.0f} ms, {memory} MiB"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
