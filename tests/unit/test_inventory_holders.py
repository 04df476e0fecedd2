"""Who keeps a map alive from user space."""

from __future__ import annotations

from stops_tui.struct_ops.holders import MapHolders, Process, by_map
from stops_tui.struct_ops.inventory import Inventory
from tests.support.fake_kernel import FakeKernel


def holders_of(kernel: FakeKernel) -> dict[int, MapHolders]:
    return by_map(kernel.holders(), Inventory(kernel).sweep())


def test_a_map_is_held_by_what_holds_its_links() -> None:
    held = holders_of(FakeKernel.busy())
    assert list(held) == [72, 80, 83]
    assert [(fd.fd, fd.kind) for fd in held[72].fds] == [(4, "map"), (5, "link")]
    assert held[72].processes == (Process(812, "scx_simple"),)
    assert [pin.path for pin in held[80].pins] == ["/sys/fs/bpf/[bold]lab"]
    assert [(pin.path, pin.kind) for pin in held[83].pins] == [("/sys/fs/bpf/mouse", "link")]


def test_programs_hold_no_map() -> None:
    kernel = FakeKernel()
    kernel.add_map(5, "five")
    kernel.open_fd(1, "init", 3, "prog", 5)
    kernel.pin("/p", "prog", 5)
    assert holders_of(kernel) == {}


def test_what_is_not_in_the_snapshot_holds_nothing() -> None:
    kernel = FakeKernel()
    kernel.add_map(5, "five", state="READY")
    kernel.add_link(8, 0)
    kernel.open_fd(1, "init", 3, "link", 8)
    kernel.open_fd(1, "init", 4, "link", 9)
    kernel.open_fd(1, "init", 5, "map", 6)
    kernel.pin("/gone", "link", 8)
    assert holders_of(kernel) == {}


def test_holders_are_in_a_steady_order() -> None:
    kernel = FakeKernel()
    kernel.add_map(5, "five")
    for pid, fd in ((20, 3), (10, 9), (20, 1)):
        kernel.open_fd(pid, f"p{pid}", fd, "map", 5)
    for path in ("/b", "/a"):
        kernel.pin(path, "map", 5)
    held = holders_of(kernel)[5]
    assert [(fd.pid, fd.fd) for fd in held.fds] == [(10, 9), (20, 1), (20, 3)]
    assert [process.pid for process in held.processes] == [10, 20]
    assert [pin.path for pin in held.pins] == ["/a", "/b"]
