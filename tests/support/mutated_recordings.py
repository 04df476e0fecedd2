"""Damage recordings in every way there is, and look at what is left: a program.

    python -m tests.support.mutated_recordings COUNT SEED

Each is opened, played at several moments, and everything of it is decoded. Prints how many were
refused and how many played, and the most memory that was used; ends with a traceback where
anything but RecordingError comes out, or one takes longer than a second.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
import zlib
from collections import Counter
from contextlib import suppress
from pathlib import Path

from stops_tui.btf import BtfError
from stops_tui.kernels.recording.error import RecordingError
from stops_tui.kernels.recording.file import Writer
from stops_tui.kernels.recording.kernel import RecordedKernel
from stops_tui.struct_ops.dump import dump_json, dump_text
from stops_tui.struct_ops.holders import by_map
from stops_tui.struct_ops.inventory import Inventory
from stops_tui.struct_ops.listing import jited_listing, xlated_listing
from stops_tui.struct_ops.scalars import DecodeError
from stops_tui.struct_ops.story import tell
from stops_tui.struct_ops.types import offered_types
from tests.support.fake_kernel import FakeKernel
from tests.support.memory import most_used
from tests.support.recorded import Tape

LONGEST = 5.0
"""Seconds for one: far more than it takes, far less than endless."""


def original(path: Path) -> bytes:
    """A recording in which all sorts of things happen."""
    kernel = FakeKernel.busy()
    tape = Tape(kernel, path)
    for step in range(6):
        kernel.set(58, refcnt=6 + step)
        if step == 2:
            kernel.add_program(60, "new_program")
            kernel.add_map(91, "young", members={"ssthresh": 60})
        if step == 4:
            kernel.remove(91)
            kernel.remove_link(22)
        tape.look(4.0)
    tape.recorder.close("enough")
    return path.read_bytes()


def payloads(data: bytes) -> list[tuple[int, bytes]]:
    """The time and the unpacked payload of each block."""
    found, at = [], 10
    while at < len(data):
        length = int.from_bytes(data[at : at + 4], "little")
        time_ms = int.from_bytes(data[at + 8 : at + 16], "little")
        found.append((time_ms, zlib.decompress(data[at + 16 : at + 16 + length])))
        at += 16 + length
    return found


def flipped(dice: random.Random, data: bytes) -> bytes:
    """Some bytes changed, some cut out, some doubled."""
    broken = bytearray(data)
    for _ in range(dice.choice((1, 1, 2, 8, 40))):
        place = dice.randrange(len(broken) or 1)
        match dice.randrange(8):
            case 0:
                del broken[place : place + dice.randrange(1, 30)]
            case 1:
                broken[place:place] = broken[place : place + dice.randrange(1, 30)]
            case 2:
                broken[place : place + 1] = bytes([dice.choice((0, 0x7F, 0x80, 0xDF, 0xDD, 0xFF))])
            case _:
                broken[place : place + 1] = bytes([dice.randrange(256)])
    return bytes(broken)


def write(path: Path, blocks: list[tuple[int, bytes]]) -> None:
    """A file with these payloads, whatever is in them, and right checksums."""
    path.unlink(missing_ok=True)
    writer = Writer(str(path))
    for time_ms, payload in blocks:
        writer.append(time_ms, zlib.compress(payload))
    writer.close()


def mutate(dice: random.Random, data: bytes, path: Path) -> None:
    """Damage the file as a disk would, or its payloads as an attacker would."""
    if dice.random() < 0.2:
        path.write_bytes(flipped(dice, data))
        return
    blocks = payloads(data)
    for _ in range(dice.choice((1, 1, 2))):
        at = dice.randrange(len(blocks))
        blocks[at] = (blocks[at][0], flipped(dice, blocks[at][1]))
    if dice.random() < 0.1:
        blocks.insert(1, dice.choice(blocks))
    if dice.random() < 0.02:
        blocks[-1] = (blocks[-1][0], bytes(200 << 20))  # a bomb
    write(path, blocks)


def play(path: Path) -> None:
    """Look at all of it, at several moments."""
    kernel = RecordedKernel(str(path))
    try:
        inventory = Inventory(kernel)
        with suppress(BtfError):
            offered_types(kernel)
        for position in (kernel.length, 0.0, kernel.length / 2):
            kernel.playback.seek(position)
            snapshot = inventory.sweep()
            by_map(kernel.holders(), snapshot)
            kernel.conditions()
            for map_ in snapshot.maps.values():
                with suppress(DecodeError):
                    list(dump_text(map_, snapshot.programs))
                    dump_json(map_, snapshot.programs, kernel.kernel_btfs()[0].btf)
        for program in inventory.programs():
            code = kernel.code(program.id)
            if code:
                btf = kernel.btf(program.raw.btf_id)
                xlated_listing(code, btf)
                jited_listing(code, btf, kernel.host.machine)
    finally:
        kernel.close()
    tell(str(path))


def main(count: int, seed: int) -> None:
    """Damage and play so many."""
    dice, results = random.Random(seed), Counter[str]()
    with tempfile.TemporaryDirectory() as folder:
        data = original(Path(folder) / "original")
        path = Path(folder) / "mutant"
        for number in range(count):
            mutate(dice, data, path)
            started = time.monotonic()
            try:
                play(path)
                results["played"] += 1
            except RecordingError:
                results["refused"] += 1
            except Exception:
                print(f"number {number} of seed {seed}")
                raise
            assert time.monotonic() - started < LONGEST, f"number {number} of seed {seed} is slow"
    print(f"{results['played']} played, {results['refused']} refused, {most_used()} MiB")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
