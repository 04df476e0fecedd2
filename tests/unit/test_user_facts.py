"""What /proc, /sys and the kernel's log say of who uses a map, from folders laid out alike."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from errno import EPERM, EPIPE
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroute2.netlink.rtnl.tcmsg import tcmsg

from stops_tui.kernels.live import kmsg, netlink
from stops_tui.kernels.live import qdiscs as qdiscs_module
from stops_tui.kernels.live.hid import hid_device
from stops_tui.kernels.live.kmsg import line_of, lines_with
from stops_tui.kernels.live.netns import Namespaces
from stops_tui.kernels.live.owners import owners
from stops_tui.kernels.live.qdiscs import number, qdiscs
from stops_tui.kernels.live.sched_ext import policy_of, sched_ext, sched_ext_log
from stops_tui.kernels.users import RawHidDevice, RawLog, RawNetns, RawQdisc, RawQdiscs, RawSchedExt
from tests.support.netlink_messages import attribute, decoded

# owners of sockets


def process(proc: Path, pid: int, comm: str, *sockets: int) -> None:
    (proc / str(pid) / "fd").mkdir(parents=True)
    (proc / str(pid) / "comm").write_text(comm + "\n")
    (proc / str(pid) / "fd/0").symlink_to("/dev/null")
    for fd, inode in enumerate(sockets, 3):
        (proc / str(pid) / f"fd/{fd}").symlink_to(f"socket:[{inode}]")


def test_the_owner_of_a_socket_is_the_first_process_that_has_it(tmp_path: Path) -> None:
    process(tmp_path, 10, "nginx", 100, 101)
    process(tmp_path, 11, "nginx", 100, 102)
    process(tmp_path, 12, "curl", 103)
    assert owners({100, 102, 105}, tmp_path) == {100: (10, "nginx"), 102: (11, "nginx")}
    assert owners(set(), tmp_path) == {}
    assert owners({1}, tmp_path / "absent") == {}


# the kernel's log


def test_a_line_as_dmesg_prints_it() -> None:
    record = b'6,339,5140900,-,caller=T1;sched_ext: "x" disabled\n SUBSYSTEM=a\n'
    assert line_of(record) == '[    5.140900] sched_ext: "x" disabled'
    assert line_of(b"4,1,123456789012,c;a;b") == "[123456.789012] a;b"


@given(st.binary())
def test_any_record_is_one_line_or_none(record: bytes) -> None:
    assert b"\n" not in line_of(record).encode()


def log(monkeypatch: pytest.MonkeyPatch, *records: bytes | int) -> None:
    """A log of these records; a number is an errno."""
    left = iter(records)

    def read(fd: int, size: int) -> bytes:
        record = next(left, None)
        if record is None:
            raise BlockingIOError
        if isinstance(record, int):
            raise OSError(record, os.strerror(record))
        return record

    stand_in = SimpleNamespace(**{**vars(os), "read": read})
    monkeypatch.setattr(kmsg, "os", stand_in)


def test_lines_that_speak_of_one_thing(monkeypatch: pytest.MonkeyPatch) -> None:
    log(
        monkeypatch,
        b"6,1,1000000,-;a sched_ext",
        b"6,2,2,-;other",
        EPIPE,
        b"6,9,3000000,-;sched_ext",
    )
    found = ("[    1.000000] a sched_ext", "[    3.000000] sched_ext")
    assert lines_with("sched_ext", Path("/dev/null")) == (found, "")


def test_only_the_newest_lines_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    log(monkeypatch, *(b"6,%d,%d,-;word" % (n, n) for n in range(500)))
    found, _ = lines_with("word", Path("/dev/null"))
    assert len(found) == kmsg.MOST_LINES
    assert found[-1] == "[    0.000499] word"


def test_a_log_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    absent = "the kernel's log: there is no /dev/kmsg: run dmesg on the host"
    assert lines_with("x", tmp_path / "kmsg") == ((), absent)
    log(monkeypatch, EPERM)
    refused = "the kernel's log: CAP_SYSLOG is missing: run as root of the host"
    assert lines_with("x", Path("/dev/null")) == ((), refused)


# sched_ext


def stat(policy: int, comm: str = "a) b (c") -> bytes:
    fields = ["S", *("0" for _ in range(4, 41)), str(policy), *("0" for _ in range(11))]
    return f"12 ({comm}) {' '.join(fields)}\n".encode()


@given(st.text(alphabet="() 7a", max_size=15), st.integers(0, 7))
def test_the_policy_of_a_thread(comm: str, policy: int) -> None:
    assert policy_of(stat(policy, comm)) == policy


@given(st.binary(max_size=300))
def test_the_policy_in_any_bytes(data: bytes) -> None:
    found = policy_of(data)
    assert found is None or isinstance(found, int)


def write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


@pytest.fixture
def scx(tmp_path: Path) -> Path:
    """A /sys with a scheduler that runs, and a /proc with a thread of every policy beside it."""
    folder = tmp_path / "sys/kernel/sched_ext"
    files = {"state": "enabled", "switch_all": "0", "nr_rejected": "3", "enable_seq": "12"}
    for name, content in files.items():
        write(folder / name, content + "\n")
    write(folder / "root/ops", "simple\n")
    write(folder / "root/events", "SCX_EV_A 5\nSCX_EV_B 0\nodd line\n")
    for tid in range(8):
        write(tmp_path / f"proc/12/task/{tid}/stat", stat(tid).decode())
    return tmp_path


def look(folder: Path) -> RawSchedExt | None:
    return sched_ext(folder / "sys", folder / "proc")


def test_a_scheduler_that_runs(scx: Path) -> None:
    assert look(scx) == RawSchedExt(
        state="enabled",
        ops="simple",
        switch_all=False,
        nr_rejected=3,
        enable_seq=12,
        events={"SCX_EV_A": 5, "SCX_EV_B": 0},
        tasks=1,
    )


def test_with_switch_all_it_schedules_all_normal_threads(scx: Path) -> None:
    write(scx / "sys/kernel/sched_ext/switch_all", "1\n")
    found = look(scx)
    assert found and found.switch_all
    assert found.tasks == 4  # NORMAL, BATCH, IDLE, EXT; not FIFO, RR, ISO, DEADLINE


def test_a_scheduler_that_was_ejected(scx: Path) -> None:
    write(scx / "sys/kernel/sched_ext/state", "disabled\n")
    (scx / "sys/kernel/sched_ext/root/ops").unlink()
    (scx / "sys/kernel/sched_ext/root/events").unlink()
    found = look(scx)
    assert found
    assert (found.state, found.ops, found.events, found.tasks) == ("disabled", None, {}, 0)


def test_without_proc_the_number_of_tasks_is_unknown(scx: Path) -> None:
    found = sched_ext(scx / "sys", scx / "absent")
    assert found and found.tasks is None


def test_a_kernel_without_sched_ext(tmp_path: Path) -> None:
    assert look(tmp_path) is None


def test_what_the_log_says_of_sched_ext(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    absent = ("the kernel's log: there is no /dev/kmsg: run dmesg on the host",)
    assert sched_ext_log(tmp_path / "kmsg") == RawLog((), absent)
    log(monkeypatch, b"6,1,1,-;sched_ext: it", b"6,2,2,-;other")
    assert sched_ext_log(Path("/dev/null")) == RawLog(("[    0.000001] sched_ext: it",))


# HID devices


def test_a_device_that_is_there_and_one_that_is_gone(tmp_path: Path) -> None:
    uevent = "DRIVER=hid-generic\nHID_ID=0003:00001234:00005678\nHID_NAME=Mouse = [b]\n"
    write(tmp_path / "bus/hid/devices/0003:1234:5678.002A/uevent", uevent)
    write(tmp_path / "bus/hid/devices/00FF:1234:5678.0001/uevent", "")
    write(tmp_path / "bus/hid/devices/odd/uevent", "")
    assert hid_device(0x2A, tmp_path) == RawHidDevice(
        "0003:1234:5678.002A", "Mouse = [b]", "USB", "hid-generic"
    )
    assert hid_device(1, tmp_path) == RawHidDevice("00FF:1234:5678.0001", "", "bus 00FF", "")
    assert hid_device(0x2B, tmp_path) is None
    assert hid_device(0x2A, tmp_path / "absent") is None


# qdiscs


@pytest.mark.parametrize(
    ("handle", "words"),
    [(0, "0:"), (1 << 16, "1:"), (0x8001_0000, "8001:"), (0x1_000A, "1:a"), (1, ":1")],
)
def test_a_handle_as_tc_writes_it(handle: int, words: str) -> None:
    assert number(handle) == words


def qdisc(kind: str, index: int, handle: int, parent: int, waiting: tuple[int, int, int]) -> bytes:
    """struct tcmsg and its attributes, as tc_fill_qdisc() writes them."""
    stats = attribute(1, struct.pack("=QI", 1_500, 12)) + attribute(
        3, struct.pack("=5I", *waiting, 0, 0)
    )
    body = struct.pack("=B3xiIII", 0, index, handle, parent, 2)
    return (
        body
        + attribute(1, kind.encode() + b"\0")
        + attribute(12, b"\0")
        + attribute(7 | 1 << 15, stats)
    )


class OneNamespace(Namespaces):
    def everywhere(
        self, look: Callable[[RawNetns], Any], seconds: float = 1.0
    ) -> tuple[list[Any], list[str]]:
        return [(RawNetns(7), look(RawNetns(7)))], []


def test_instances_of_some_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    bodies = [
        qdisc("bpf_fifo", 1, 0x8001_0000, 0xFFFF_FFFF, (3, 4_000, 9)),
        qdisc("noqueue", 1, 0, 0xFFFF_FFFF, (0, 0, 0)),
        qdisc("bpf_fifo", 9_999, 0, 0x1_0002, (0, 0, 0)),
    ]

    monkeypatch.setattr(netlink, "qdiscs", lambda: [decoded(tcmsg, body) for body in bodies])
    monkeypatch.setattr(qdiscs_module, "read_small", lambda _: b"fq_codel\n")
    assert qdiscs(OneNamespace(), {"bpf_fifo", "none"}) == RawQdiscs(
        (
            RawQdisc("bpf_fifo", RawNetns(7), "lo", "8001:", "root", 12, 4_000, 3, 9),
            RawQdisc("bpf_fifo", RawNetns(7), "device 9999", "0:", "1:2", 12, 0, 0, 0),
        ),
        "fq_codel",
    )


def test_a_namespace_without_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(netlink, "qdiscs", list)
    monkeypatch.setattr(qdiscs_module, "read_small", lambda _: b"")
    said = "net.core.default_qdisc: only the host's own network namespace has it"
    assert qdiscs(OneNamespace(), {"fq"}) == RawQdiscs(unseen=(said,))
