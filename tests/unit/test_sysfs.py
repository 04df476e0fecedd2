"""What subsystems say, from folders laid out as /sys is."""

from __future__ import annotations

from pathlib import Path

from stops_tui.kernels.kernel import RawSubsystems
from stops_tui.kernels.live.sysfs import subsystems


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def test_a_kernel_without_either_subsystem(tmp_path: Path) -> None:
    assert subsystems(tmp_path) == RawSubsystems()


def test_a_scheduler_that_runs_and_one_that_was_ejected(tmp_path: Path) -> None:
    write(tmp_path / "kernel/sched_ext/state", b"enabled\n")
    write(tmp_path / "kernel/sched_ext/root/ops", b"simple\n")
    assert subsystems(tmp_path) == RawSubsystems(sched_ext_state="enabled", sched_ext_ops="simple")
    write(tmp_path / "kernel/sched_ext/state", b"disabled\n")
    (tmp_path / "kernel/sched_ext/root/ops").unlink()
    assert subsystems(tmp_path) == RawSubsystems(sched_ext_state="disabled")


def test_a_scheduler_names_itself_as_it_likes(tmp_path: Path) -> None:
    write(tmp_path / "kernel/sched_ext/root/ops", b"a\xffb\n")
    assert subsystems(tmp_path).sched_ext_ops == "a\\xffb"


def test_hid_devices_by_the_id_behind_the_dot(tmp_path: Path) -> None:
    for name in ("0003:046D:C52B.0001", "0018:04F3:0C6E.00AB", "no-device"):
        (tmp_path / "bus/hid/devices" / name).mkdir(parents=True)
    assert subsystems(tmp_path).hid_ids == frozenset({0x1, 0xAB})


def test_a_hid_bus_without_devices_is_not_no_bus(tmp_path: Path) -> None:
    (tmp_path / "bus/hid/devices").mkdir(parents=True)
    assert subsystems(tmp_path).hid_ids == frozenset()
