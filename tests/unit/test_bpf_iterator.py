"""Iterators that cannot be had, and what is left of them: nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from errno import EPERM
from pathlib import Path
from typing import Any

import pytest

from stops_tui.bpf import iterator as module
from stops_tui.bpf.errors import BpfError
from stops_tui.bpf.insns import R1, exit_, jmp, mov
from stops_tui.bpf.iterator import iterator, run, skip
from stops_tui.btf import Btf
from tests.support.btf_builder import BtfBuilder


class FakeBpf:
    """Gives pipes for objects, so that one left open is noticed."""

    def __init__(self, refuse: str = "") -> None:
        self.refuse = refuse
        self.given: list[int] = []

    def prog_load(self, insns: bytes, **_: Any) -> int:
        return self._give("BPF_PROG_LOAD")

    def iter_link_create(self, prog_fd: int) -> int:
        return self._give("BPF_LINK_CREATE")

    def iter_create(self, link_fd: int) -> int:
        return self._give("BPF_ITER_CREATE")

    def _give(self, command: str) -> int:
        if command == self.refuse:
            raise BpfError(command, EPERM)
        self.given.append(os.open("/dev/zero", os.O_RDONLY))
        return self.given[-1]

    @property
    def open(self) -> list[int]:
        return [fd for fd in self.given if Path(f"/proc/self/fd/{fd}").exists()]


def btf(*functions: str) -> Btf:
    builder = BtfBuilder()
    proto = builder.func_proto(builder.integer("int", 4), [])
    for name in functions:
        builder.func(name, proto)
    return builder.btf()


def test_what_is_passed_over() -> None:
    assert skip("==", R1, 0, [mov(R1, 1), exit_()]) == [jmp("==", R1, 0, 2), mov(R1, 1), exit_()]


def test_a_kernel_without_this_iterator() -> None:
    bpf: Any = FakeBpf()
    with (
        pytest.raises(BpfError, match="this kernel has no BPF iterator over tcp"),
        iterator(bpf, btf("bpf_iter_task"), "tcp", [exit_()], "x"),
    ):
        pass


@pytest.mark.parametrize("refused", ["BPF_PROG_LOAD", "BPF_LINK_CREATE", "BPF_ITER_CREATE", ""])
def test_nothing_is_left_open(refused: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bpf: Any = FakeBpf(refused)
    answers: Iterator[bytes | BlockingIOError] = iter([b"12", BlockingIOError(), b"34", b""])

    def read(fd: int, size: int) -> bytes:
        answer = next(answers)
        if isinstance(answer, BlockingIOError):
            raise answer
        return answer

    found: list[bytes] = []
    monkeypatch.setattr(module, "os", type("os", (), {"read": staticmethod(read)}))
    try:
        with iterator(bpf, btf("bpf_iter_tcp"), "tcp", [exit_()], "x") as link:
            found += run(bpf, link)
    except BpfError as error:
        assert error.command == refused
    assert found == ([] if refused else [b"12", b"34"])
    assert bpf.open == []
