"""Network namespaces of a test."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.vm.guest.stage import command

_CLONE_NEWNET = 0x40000000
_DEFAULT = Path("/proc/sys/net/ipv4/tcp_congestion_control")


@contextmanager
def namespaces(*names: str) -> Iterator[None]:
    """Named network namespaces with loopback up, until the end of the block."""
    with ExitStack() as stack:
        for name in names:
            command(f"ip netns add {name}")
            stack.callback(command, f"ip netns del {name}")
            command(f"ip -n {name} link set lo up")
        yield


@contextmanager
def inside(name: str) -> Iterator[None]:
    """This thread in a named network namespace: what it opens there stays there."""
    libc = ctypes.CDLL(None, use_errno=True)
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{name}", os.O_RDONLY)
    try:
        assert libc.setns(there, _CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
        yield
    finally:
        assert libc.setns(here, _CLONE_NEWNET) == 0
        os.close(here)
        os.close(there)


@contextmanager
def default_congestion_control(name: str) -> Iterator[None]:
    """The default of this namespace, which those made meanwhile inherit."""
    before = _DEFAULT.read_text()
    _DEFAULT.write_text(name)
    try:
        yield
    finally:
        _DEFAULT.write_text(before)
