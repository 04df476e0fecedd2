"""A recording shows what the kernel showed, at every moment; whatever happened to its file."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from stops_tui.btf import Btf
from stops_tui.kernels.kernel import (
    Host,
    Kernel,
    KernelBtf,
    RawCode,
    RawFd,
    RawHolders,
    RawSubsystems,
)
from stops_tui.kernels.recording.convert import code_record, program_record
from stops_tui.kernels.recording.error import RecordingError
from stops_tui.kernels.recording.file import MAGIC, Reader, Writer
from stops_tui.kernels.recording.kernel import RecordedKernel
from stops_tui.kernels.recording.playback import Playback
from stops_tui.kernels.recording.recorder import BEAT
from stops_tui.kernels.recording.records import Change, End, ProgramBtf
from stops_tui.kernels.recording.redact import HIDDEN, Redacted
from stops_tui.kernels.recording.state import State
from stops_tui.kernels.writes import ReadOnly
from stops_tui.struct_ops.dump import dump_json
from stops_tui.struct_ops.events import History
from stops_tui.struct_ops.inventory import Inventory, Snapshot
from stops_tui.struct_ops.listing import jited_listing, xlated_listing
from stops_tui.struct_ops.types import offered_types
from tests.support import fake_btf
from tests.support.btf_builder import BtfBuilder
from tests.support.clock import Clock
from tests.support.fake_kernel import FakeKernel
from tests.support.recorded import START, Tape, full_after


@pytest.fixture
def kernel() -> FakeKernel:
    return FakeKernel.busy()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "story.stops"


def shown(kernel: Kernel) -> Snapshot:
    return Inventory(kernel, lambda: 0).sweep()._replace(time=0)


def test_all_that_was_shown_is_shown_again(kernel: FakeKernel, path: Path) -> None:
    tape = Tape(kernel, path)
    tape.look()
    found = tape.play()
    assert {m: (v.members, v.status, v.problem) for m, v in shown(found).maps.items()} == {
        m: (v.members, v.status, v.problem) for m, v in shown(kernel).maps.items()
    }
    assert shown(found).programs == shown(kernel).programs
    assert shown(found).links == shown(kernel).links
    assert found.programs() == kernel.programs()
    assert found.holders() == kernel.holders()
    assert found.conditions() == kernel.conditions()
    assert [found.code(p.id) for p in found.programs()] == [
        kernel.code(p.id) for p in kernel.programs()
    ]
    assert found.host == kernel.host._replace(source="recording")
    assert (found.start.time, found.length, found.ended) == (START, 1.0, "enough")


def test_types_are_carried_with_the_ids_they_have(kernel: FakeKernel, path: Path) -> None:
    def told(of: Kernel) -> list[tuple[object, ...]]:
        return [(t.name, t.btf_name, t.value_type_id, t.members) for t in offered_types(of)]

    assert told(Tape(kernel, path).play()) == told(kernel)


def test_listings_need_only_the_file(kernel: FakeKernel, path: Path) -> None:
    tape = Tape(kernel, path)
    tape.look()
    found = tape.play()
    raw, again, btf, btf_again = kernel.code(25), found.code(25), kernel.btf(1025), found.btf(1025)
    assert raw and again
    assert xlated_listing(again, btf_again) == xlated_listing(raw, btf)
    assert jited_listing(again, btf_again, "x86_64") == jited_listing(raw, btf, "x86_64")


def test_each_moment_is_as_it_was(kernel: FakeKernel, path: Path) -> None:
    tape, truth = Tape(kernel, path), []
    for step in range(40):
        kernel.set(58, refcnt=6 + step % 3)
        if step == 10:
            kernel.remove(61)
            kernel.remove_link(22)
        if step == 20:
            kernel.add_program(60, "new_program")
            kernel.add_map(91, "young", members={"ssthresh": 60})
            kernel.subsystems = RawSubsystems("enabled", "simple", None)
        if step == 30:
            kernel.remove(91)
            kernel.remove_program(60)
        tape.look()
        truth.append((kernel.sweep(), kernel.programs()))
    found = tape.play()
    for step in [*range(40), *range(39, -1, -1), 5, 33, 12]:  # back and forth
        found.playback.seek(step + 1.0)
        assert (found.sweep(), found.programs()) == truth[step], step
        assert found.now() == START + step + 1
    assert found.code(60) is None  # at the moment 13 it was not there yet


def test_events_have_the_times_they_had(kernel: FakeKernel, path: Path) -> None:
    tape, live = Tape(kernel, path), History()
    inventory = Inventory(kernel, lambda: tape.now)
    for refcnt in 6, 7, 7, 9, 6:
        kernel.set(58, refcnt=refcnt)
        tape.look(0.25)
        live.add(inventory.sweep())
    found, replayed = tape.play(), History()
    inventory = Inventory(found)
    for moment in found.moments():
        found.playback.seek(moment)
        replayed.add(inventory.sweep())
    seen = [event for event in replayed.events if event.what != "map"]
    assert seen == list(live.events)
    assert [event.time - START for event in seen] == [0.5, 1.0, 1.25]


def test_before_the_first_look_it_shows_that(kernel: FakeKernel, path: Path) -> None:
    tape = Tape(kernel, path)
    tape.look(0.4)  # as long as it took
    found = tape.play()
    found.playback.seek(0)
    assert found.sweep() == kernel.sweep()


def test_nothing_new_is_the_same_sweep(kernel: FakeKernel, path: Path) -> None:
    tape = Tape(kernel, path)
    for _ in range(30):
        tape.look()
    found = tape.play()
    found.playback.seek(3)
    before = found.sweep()
    found.playback.seek(30)
    assert found.sweep() is before


def test_an_idle_hour_costs_a_few_kilobytes(kernel: FakeKernel, path: Path) -> None:
    tape = Tape(kernel, path)
    tape.look()
    before = tape.recorder.size
    for _ in range(3600):
        tape.look()
    assert tape.recorder.size - before < 16 << 10
    assert tape.play().length == 3601


def test_clocks_that_are_set_back_hide_nothing(kernel: FakeKernel, path: Path) -> None:
    tape = Tape(kernel, path)
    tape.look()
    for step, seconds in enumerate((1, -3600, 1, 1, 1)):
        kernel.set(58, refcnt=20 + step)
        tape.look(seconds)
    found = tape.play()
    told = []
    for moment in found.moments()[1:]:
        found.playback.seek(moment)
        told.append((moment, shown(found).maps[58].refcnt))
    assert told == [(1, 6), (2, 21), (2, 21), (3, 22), (4, 23), (5, 24), (5, 24)]


def test_holders_are_recorded_as_ever_after_clocks_were_set_back(
    kernel: FakeKernel, path: Path
) -> None:
    tape = Tape(kernel, path)
    tape.look()
    tape.look(-3600)
    kernel.pin("/sys/fs/bpf/late", "map", 58)
    for _ in range(11):
        tape.look()
    assert tape.play().holders() == kernel.holders()


def test_what_a_reader_would_not_take_is_left_out(
    kernel: FakeKernel, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fds = tuple(RawFd(4000, "greedy", fd, "map", 58) for fd in range(70_000))
    monkeypatch.setattr(kernel, "holders", lambda: RawHolders((), fds))
    tape = Tape(kernel, path)
    tape.look()
    found = tape.play()
    assert found.holders() == RawHolders()
    assert shown(found).maps.keys() == shown(kernel).maps.keys()


def test_any_number_of_programs_may_come_and_go(
    kernel: FakeKernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stops_tui.kernels.recording.state.OBJECTS_MOST", 20)
    (template, *_), state = kernel.programs(), State()
    for prog_id in range(1, 50):
        program = template._replace(id=prog_id, btf_id=1000 + prog_id)
        state.take(program_record(program), prog_id)
        state.take(ProgramBtf(program.btf_id, b""), prog_id)
        state.take(code_record(prog_id, RawCode(b"", b"")), prog_id)
        state.take(Change([], [], None, [], [], [], [prog_id]), prog_id)
    assert not (state.programs or state.codes or state.btfs)


def test_a_btf_is_there_as_long_as_it_is_some_programs(kernel: FakeKernel, path: Path) -> None:
    tape, first = Tape(kernel, path), kernel.program(24)
    assert first
    btf = kernel.btf(first.btf_id)
    tape.look()
    kernel.remove_program(24)
    tape.look(BEAT)
    kernel.add_raw_program(first._replace(id=60))  # of the same object
    tape.look(BEAT)
    found = tape.play()
    assert btf
    told = found.btf(first.btf_id)
    assert told
    assert told.data == btf.data
    found.playback.seek(BEAT + 1)
    assert (found.code(24), found.programs()) == (None, kernel.programs()[:-1])


def test_modules_that_offer_nothing_are_not_carried(
    kernel: FakeKernel, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vmlinux, smc = kernel.kernel_btfs()
    idle = KernelBtf(
        "idle", 99, Btf.parse(BtfBuilder(base=fake_btf.vmlinux()[0]).data(), vmlinux.btf)
    )
    monkeypatch.setattr(kernel, "kernel_btfs", lambda: (vmlinux, idle, smc))
    found = Tape(kernel, path).play()
    assert [each.name for each in found.kernel_btfs()] == ["vmlinux", "smc"]


@pytest.mark.parametrize("writes", [0, 1])
def test_one_that_cannot_begin_leaves_nothing(
    kernel: FakeKernel, path: Path, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    disk = full_after(writes)
    before = len(list(Path("/proc/self/fd").iterdir()))
    monkeypatch.setattr(os, "write", disk)
    with pytest.raises(RecordingError, match="the disk is full"):
        Tape(kernel, path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert not path.exists()


def test_one_without_its_types_does_not_begin(
    kernel: FakeKernel, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stops_tui.kernels.recording.file.UNPACKED_MOST", 1000)
    with pytest.raises(RecordingError, match="do not fit into a block"):
        Tape(kernel, path)
    assert not path.exists()


def test_it_ends_before_it_has_more_blocks_than_are_read(
    kernel: FakeKernel, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("file", "recorder"):
        monkeypatch.setattr(f"stops_tui.kernels.recording.{module}.BLOCKS_MOST", 5)
    tape, refcnt = Tape(kernel, path), 0
    while tape.look():
        refcnt += 1
        kernel.set(58, refcnt=refcnt)
    found = tape.play()
    assert (len(found.moments()), found.problem) == (5, "")
    assert found.ended == "it reached the most looks that a file holds, 5"


def test_blocks_that_are_not_read_are_told(
    kernel: FakeKernel, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tape = Tape(kernel, path)
    for refcnt in range(6):
        kernel.set(58, refcnt=refcnt)
        tape.look()
    monkeypatch.setattr("stops_tui.kernels.recording.file.BLOCKS_MOST", 5)
    found = tape.play()
    assert (len(found.moments()), found.problem) == (5, "only its first 5 blocks are read")


def test_it_ends_at_its_largest_size(kernel: FakeKernel, path: Path) -> None:
    tape = Tape(kernel, path, most=8_000)
    refcnt = 0
    while tape.look():
        refcnt += 1
        kernel.set(58, refcnt=refcnt)
    assert path.stat().st_size <= 8_000
    found = tape.play()
    assert found.ended == "it reached its largest size, 8,000 bytes"
    assert 1 < len(found.moments()) <= refcnt + 2


def test_one_whose_types_are_more_than_its_largest_size_does_not_begin(
    kernel: FakeKernel, path: Path
) -> None:
    with pytest.raises(RecordingError, match=r"needs [\d,]+ bytes at least; 500 are allowed"):
        Tape(kernel, path, most=500)
    assert not path.exists()


def test_only_its_owner_may_read_it(kernel: FakeKernel, path: Path) -> None:
    Tape(kernel, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("euid", "sudo", "owners"),
    [
        (0, {"SUDO_UID": "1000", "SUDO_GID": "100"}, [(1000, 100)]),
        (0, {"SUDO_UID": "1000"}, []),
        (0, {"SUDO_UID": "nobody", "SUDO_GID": "100"}, []),
        (1000, {"SUDO_UID": "1001", "SUDO_GID": "100"}, []),
    ],
)
def test_who_ran_sudo_owns_what_root_recorded(
    path: Path,
    monkeypatch: pytest.MonkeyPatch,
    euid: int,
    sudo: dict[str, str],
    owners: list[tuple[int, int]],
) -> None:
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "geteuid", lambda: euid)
    monkeypatch.setattr(os, "fchown", lambda _, *owner: given.append(owner))
    for name in ("SUDO_UID", "SUDO_GID"):
        monkeypatch.delenv(name, raising=False)
    for name, value in sudo.items():
        monkeypatch.setenv(name, value)
    Writer(str(path))
    assert given == owners


def test_a_file_that_is_there_is_left_alone(kernel: FakeKernel, path: Path) -> None:
    path.write_text("precious")
    with pytest.raises(RecordingError, match="is there already; choose another name"):
        Tape(kernel, path)
    assert path.read_text() == "precious"


def test_names_and_paths_can_be_left_out(kernel: FakeKernel, path: Path) -> None:
    kernel_code = kernel.code(25)
    assert kernel_code
    tape = Tape(kernel, path, keep=Redacted())
    tape.look()
    found = tape.play()
    assert {fd.comm for fd in found.holders().fds} == {HIDDEN}
    assert {pin.path for pin in found.holders().pins} == {HIDDEN}
    assert [fd.pid for fd in found.holders().fds] == [fd.pid for fd in kernel.holders().fds]
    assert found.start.redacted
    assert found.host == Host(HIDDEN, "6.18.44", "x86_64", HIDDEN, "recording")
    code = found.code(25)
    assert code
    assert (code.xlated, code.jited, code.withheld[:23]) == (b"", b"", "left out of this record")
    assert found.program(25) == kernel.program(25)
    assert shown(found).programs[25] == shown(kernel).programs[25]  # its types are still there
    for block in range(len(Reader(str(path)))):
        said = repr(Reader(str(path)).entries(block))
        for secret in (
            *("scx_simple", "bpftool", "/sys/fs/bpf", "dctcp.bpf.c", "return 10"),
            *map(str, kernel_code.jited_ksyms),
        ):
            assert secret not in said


def test_nothing_can_be_done_to_the_past(kernel: FakeKernel, path: Path) -> None:
    found = Tape(kernel, path).play()
    with pytest.raises(ReadOnly):
        found.writes.open_map(58)
    with pytest.raises(ReadOnly):
        found.writes.armed = True
    with pytest.raises(ReadOnly):
        found.traffic("dctcp", 1)
    assert not found.writes.armed
    assert found.users.tcp({58: "dctcp"}).unseen


# A recorder that was killed, and files that are none


def blocks(path: Path) -> Iterator[int]:
    """Where each block ends."""
    data, at = path.read_bytes(), len(MAGIC) + 2
    while at < len(data):
        at += 16 + int.from_bytes(data[at : at + 4], "little")
        yield at


def test_it_is_read_up_to_its_last_whole_block(kernel: FakeKernel, path: Path) -> None:
    tape = Tape(kernel, path)
    for refcnt in range(6, 10):
        kernel.set(58, refcnt=refcnt)
        tape.look()
    data = path.read_bytes()
    ends = list(blocks(path))
    for length in range(ends[0], len(data)):
        path.write_bytes(data[:length])
        found = RecordedKernel(str(path))
        complete = sum(end <= length for end in ends) - 1
        assert found.length == complete
        assert bool(found.problem) == (length not in ends)
        assert found.ended == ""


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is no recording of stops-tui"),
        (b"\x7fELF" + bytes(100), "is no recording of stops-tui"),
        (MAGIC + b"\x02\x00" + bytes(64), "has version 2 of the format; this program reads 1"),
        (MAGIC + b"\x01\x00", "it ends before its first block"),
        (MAGIC + b"\x01\x00" + b"\xff" * 40, "it is damaged from byte 10 on"),
    ],
)
def test_what_is_no_recording_is_told(path: Path, content: bytes, says: str) -> None:
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=says):
        RecordedKernel(str(path))


def test_no_file_and_no_regular_file_are_told(path: Path) -> None:
    with pytest.raises(RecordingError, match="No such file"):
        RecordedKernel(str(path))
    os.mkfifo(path)
    with pytest.raises(RecordingError, match="is no regular file"):
        RecordedKernel(str(path))
    with pytest.raises(RecordingError, match="is no regular file"):
        RecordedKernel("/")


def test_a_recording_of_nothing_is_told(path: Path) -> None:
    writer = Writer(str(path))
    writer.append(0, writer.pack([End("at once")]))
    with pytest.raises(RecordingError, match="does not say of which kernel"):
        RecordedKernel(str(path))


def test_names_may_be_no_utf8(
    kernel: FakeKernel, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeKernel, "host", kernel.host._replace(name="vm\udcff"))
    kernel.pin("/sys/fs/bpf/\udcff", "map", 58)
    kernel.hide("pins under /mnt/\udcff: another mount covers that bpffs", "/long" * 1000)
    tape = Tape(kernel, path)
    tape.look()
    assert tape.play().host.name == "vm\\xff"
    found = tape.play().holders()
    assert found.pins == kernel.holders().pins
    assert found.unseen == (
        "pins under /mnt/\\xff: another mount covers that bpffs",
        ("/long" * 1000)[:4096],
    )


def test_what_cannot_be_written_is_told_as_such(path: Path) -> None:
    with pytest.raises(RecordingError, match="surrogates not allowed"):
        Writer(str(path)).pack([End("\udcff")])


def test_dumps_are_the_same(kernel: FakeKernel, path: Path) -> None:
    tape = Tape(kernel, path)
    tape.look()
    found = tape.play()
    live, again = shown(kernel), shown(found)
    for map_id in (58, 72, 84):
        assert dump_json(
            again.maps[map_id], again.programs, found.kernel_btfs()[0].btf
        ) == dump_json(live.maps[map_id], live.programs, kernel.kernel_btfs()[0].btf)


# Playing


def test_playback_moves_pauses_and_stops_at_the_end() -> None:
    clock = Clock(100)
    playback = Playback(60.0, clock)
    assert (playback.position, playback.playing) == (60.0, False)
    playback.play()  # at its end: from the beginning
    clock.now += 10
    assert (playback.position, playback.playing) == (10.0, True)
    playback.speed = 4
    clock.now += 5
    assert playback.position == 30.0
    playback.pause()
    clock.now += 100
    assert (playback.position, playback.playing) == (30.0, False)
    playback.play()
    playback.seek(50)
    clock.now += 1
    assert playback.position == 54.0
    clock.now += 100
    assert (playback.position, playback.playing) == (60.0, False)
    playback.seek(-5)
    assert (playback.position, playback.playing) == (0.0, True)
