"""BPF iterators: a program that the kernel runs on each object of a kind, and what it writes.

Since Linux 5.9 for sockets. Source: kernel/bpf/bpf_iter.c, Documentation/bpf/bpf_iterators.rst.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from enum import IntEnum
from functools import lru_cache

from stops_tui.bpf.errors import ENOTSUPP, BpfError
from stops_tui.bpf.info import PROG_TYPE_TRACING
from stops_tui.bpf.insns import Insn, Reg, encode, jmp
from stops_tui.bpf.syscall import BPF_TRACE_ITER, Bpf, opened
from stops_tui.btf import Btf, Kind

_CHUNK = 1 << 16
"""Bytes asked for at once: what the kernel gathers before it hands anything over is 32 KB."""


class Helper(IntEnum):
    """Those of enum bpf_func_id that iterators call (include/uapi/linux/bpf.h)."""

    MAP_LOOKUP_ELEM = 1
    GET_SOCKET_COOKIE = 46
    SEQ_WRITE = 127
    SKC_TO_TCP_SOCK = 137
    GET_CURRENT_TASK_BTF = 158
    SOCK_FROM_FILE = 162


def skip(op: str, reg: Reg, value: Reg | int, body: Sequence[Insn]) -> list[Insn]:
    """`body`, passed over where `reg op value` holds."""
    return [jmp(op, reg, value, len(body)), *body]


@contextmanager
def iterator(bpf: Bpf, btf: Btf, kind: str, insns: Iterable[Insn], name: str) -> Iterator[int]:
    """The link of a program on an iterator; nothing of it is left after the block.

    Args:
        bpf: The system call.
        btf: vmlinux.
        kind: What it walks over: "tcp", "bpf_map", "task_file".
        insns: The program. Its context holds 8 bytes for each parameter of bpf_iter_KIND().
        name: The program's, at most 15 bytes.

    Raises:
        BpfError: The kernel has no such iterator, or refuses the program.
    """
    walked = _walker(btf, kind)
    if walked is None:
        raise BpfError("BPF_PROG_LOAD", ENOTSUPP, f"this kernel has no BPF iterator over {kind}")
    with ExitStack() as stack:
        prog_fd = bpf.prog_load(
            encode(insns),
            prog_type=PROG_TYPE_TRACING,
            expected_attach_type=BPF_TRACE_ITER,
            attach_btf_id=walked,
            name=name,
        )
        stack.enter_context(opened(prog_fd))
        yield stack.enter_context(opened(bpf.iter_link_create(prog_fd)))


@lru_cache(maxsize=8)  # finding a name in vmlinux takes some ms
def _walker(btf: Btf, kind: str) -> int | None:
    return btf.find(f"bpf_iter_{kind}", Kind.FUNC)


def run(bpf: Bpf, link_fd: int) -> Iterator[bytes]:
    """Walk once; what the program writes, in chunks of whole records.

    Raises:
        BpfError: The walk could not begin.
        OSError: It broke off.
    """
    with opened(bpf.iter_create(link_fd)) as fd:
        while True:
            try:
                chunk = os.read(fd, _CHUNK)
            except BlockingIOError:
                continue  # a million objects passed without a word: the kernel takes a breath
            if not chunk:
                return
            yield chunk
