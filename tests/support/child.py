"""Work in a forked child: what it gives up, closes or mounts there is not so here."""

from __future__ import annotations

import ctypes
import json
import os
import struct
from collections.abc import Callable
from traceback import format_exc
from typing import Any

_LIBC = ctypes.CDLL(None, use_errno=True)
_CAPSET_VERSION = 0x20080522  # include/uapi/linux/capability.h: each set is of two words
_NEW_MOUNTS = 1 << 17  # CLONE_NEWNS
_ALL_PRIVATE = 1 << 14 | 1 << 18  # MS_REC | MS_PRIVATE


def in_child(work: Callable[[], Any]) -> Any:
    """What `work` returns there, by way of JSON; an exception there is a failed assertion here.

    The child ends with its work, whatever comes of it: no test goes on in it.
    """
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(write, _told(work))
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read) as told:
        text = told.read()
    os.waitpid(pid, 0)
    assert text, "the child ended without an answer"
    answer, failure = json.loads(text)
    assert not failure, failure
    return answer


def _told(work: Callable[[], Any]) -> bytes:
    try:
        return json.dumps([work(), ""]).encode()
    except BaseException:
        return json.dumps([None, format_exc()]).encode()


def keep_capabilities(*numbers: int) -> None:
    """Give up all but these (uapi/linux/capability.h), in this process alone."""
    kept = sum(1 << number for number in numbers)
    low, high = kept & 0xFFFFFFFF, kept >> 32
    sets = struct.pack("=6I", *(low, low, 0), *(high, high, 0))  # effective, permitted, inheritable
    _done(_LIBC.capset(struct.pack("=Ii", _CAPSET_VERSION, 0), sets))


def own_mounts() -> None:
    """Let what is mounted from now on be seen by this process alone."""
    _done(_LIBC.unshare(_NEW_MOUNTS))
    _done(_LIBC.mount(b"none", b"/", None, _ALL_PRIVATE, None))


def _done(result: int) -> None:
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
