"""Which BTF of a kernel is read, when, and on what base."""

from __future__ import annotations

import os
from errno import EMFILE, ENOENT, EPERM
from pathlib import Path

import pytest

from stops_tui.bpf.errors import BpfError
from stops_tui.bpf.info import BtfInfo
from stops_tui.bpf.syscall import Bpf
from stops_tui.btf import Kind
from stops_tui.kernels.live.btfs import Btfs
from tests.support.btf_builder import BtfBuilder

VMLINUX = BtfBuilder()
U32 = VMLINUX.integer("u32", 4)


def module(name: str) -> bytes:
    split = BtfBuilder(base=VMLINUX)
    split.struct(f"{name}_ops", 4, [("flags", U32, 0)])
    return split.data()


def program(name: str) -> bytes:
    own = BtfBuilder()
    own.struct(name, 4, [("x", own.integer("int", 4), 0)])
    return own.data()


class FakeBpf(Bpf):
    """BTF objects by id: name, whether the kernel's, bytes."""

    def __init__(self) -> None:
        self.objects: dict[int, tuple[str, bool, bytes]] = {1: ("vmlinux", True, VMLINUX.data())}
        self.read: list[int] = []
        self.refuse = 0
        self._held: dict[int, int] = {}

    def btf_get_next_id(self, after: int) -> int | None:
        return min((btf_id for btf_id in self.objects if btf_id > after), default=None)

    def btf_get_fd_by_id(self, btf_id: int) -> int:
        if self.refuse or btf_id not in self.objects:
            raise BpfError("BPF_BTF_GET_FD_BY_ID", self.refuse or ENOENT)
        fd = os.open("/dev/null", os.O_RDONLY)
        self._held[fd] = btf_id
        return fd

    def btf_get_info_by_fd(self, fd: int) -> BtfInfo:
        name, kernel, data = self.objects[self._held[fd]]
        return BtfInfo(self._held[fd], len(data), name, kernel)

    def btf_get_data_by_fd(self, fd: int) -> bytes:
        self.read.append(self._held[fd])
        return self.objects[self._held[fd]][2]


@pytest.fixture
def bpf() -> FakeBpf:
    return FakeBpf()


@pytest.fixture
def btfs(tmp_path: Path) -> Btfs:
    (tmp_path / "vmlinux").write_bytes(VMLINUX.data())
    return Btfs(tmp_path)


def test_vmlinux_comes_from_sysfs(bpf: FakeBpf, btfs: Btfs) -> None:
    (vmlinux,) = btfs.kernel(bpf)
    assert (vmlinux.name, vmlinux.id) == ("vmlinux", 1)
    assert btfs.by_id(bpf, 1) is vmlinux.btf
    assert bpf.read == []


def test_vmlinux_has_no_id_before_5_11(bpf: FakeBpf, btfs: Btfs) -> None:
    bpf.objects = {3: ("", False, program("a"))}
    (vmlinux,) = btfs.kernel(bpf)
    assert vmlinux.id == 0
    assert btfs.by_id(bpf, 3) is not vmlinux.btf


def test_modules_are_split_on_vmlinux_and_read_when_reached(
    bpf: FakeBpf, btfs: Btfs, tmp_path: Path
) -> None:
    bpf.objects[4] = ("", False, program("a"))
    bpf.objects[5] = ("smc", True, module("smc"))
    bpf.objects[9] = ("tls", True, module("tls"))
    (tmp_path / "smc").touch()
    kernel = btfs.kernel(bpf)
    assert kernel[0].name == "vmlinux"
    assert bpf.read == []
    assert kernel[1].name == "smc"
    assert bpf.read == [5]
    assert [(each.name, each.id) for each in kernel] == [("vmlinux", 1), ("smc", 5), ("tls", 9)]
    assert len(kernel) == 3
    assert kernel[-1] is kernel[2]
    assert kernel[2].btf.find("tls_ops", Kind.STRUCT) == len(kernel[0].btf)
    assert kernel[2].btf.find("u32", Kind.INT) == U32
    assert bpf.read == [5, 9]
    assert [each.btf for each in btfs.kernel(bpf)] == [each.btf for each in kernel]
    assert bpf.read == [5, 9]


def test_a_module_of_unreadable_btf_hides_no_other(
    bpf: FakeBpf, btfs: Btfs, tmp_path: Path
) -> None:
    (tmp_path / "smc").touch()
    bpf.objects[5] = ("new", True, b"from the future")
    bpf.objects[6] = ("smc", True, module("smc"))
    assert [each.id for each in btfs.kernel(bpf)] == [1, 6]


def test_a_module_whose_opening_fails_once_is_not_forgotten(
    bpf: FakeBpf, btfs: Btfs, tmp_path: Path
) -> None:
    (tmp_path / "smc").touch()
    bpf.objects[5] = ("smc", True, module("smc"))
    bpf.objects[9] = ("tls", True, module("tls"))
    assert btfs.vmlinux(bpf).id == 1
    bpf.refuse = EMFILE
    with pytest.raises(BpfError, match="EMFILE"):
        len(btfs.kernel(bpf))
    bpf.refuse = 0
    assert [each.id for each in btfs.kernel(bpf)] == [1, 5, 9]


def test_a_module_that_is_loaded_again(bpf: FakeBpf, btfs: Btfs, tmp_path: Path) -> None:
    (tmp_path / "smc").touch()
    bpf.objects[5] = ("smc", True, module("smc"))
    assert [each.id for each in btfs.kernel(bpf)] == [1, 5]
    del bpf.objects[5]
    assert [each.id for each in btfs.kernel(bpf)] == [1]
    bpf.objects[6] = ("smc", True, module("smc"))
    assert [each.id for each in btfs.kernel(bpf)] == [1, 6]
    assert btfs.by_id(bpf, 5) is None


def test_programs_are_kept_in_bounds(bpf: FakeBpf, btfs: Btfs) -> None:
    for btf_id in range(10, 110):
        bpf.objects[btf_id] = ("", False, program(f"p{btf_id}"))
        first = btfs.by_id(bpf, 10)
        assert btfs.by_id(bpf, btf_id)
        assert btfs.by_id(bpf, 10) is first
    assert bpf.read == list(range(10, 110))  # 10 was asked for again and again, and kept
    btfs.by_id(bpf, 11)
    assert bpf.read[-1] == 11


def test_gone_and_refused(bpf: FakeBpf, btfs: Btfs) -> None:
    assert btfs.by_id(bpf, 77) is None
    bpf.refuse = EPERM
    with pytest.raises(BpfError, match="EPERM"):
        btfs.by_id(bpf, 77)
