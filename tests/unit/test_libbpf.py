"""What is made of libbpf's answers."""

from __future__ import annotations

import os
from errno import ENOENT

import pytest

from stops_tui.bpf.errors import BpfError
from stops_tui.bpf.libbpf import _copy


def test_a_program_that_was_not_loaded_has_no_file_descriptor() -> None:
    with pytest.raises(BpfError, match="wanted was not loaded") as refused:
        _copy(-ENOENT)
    assert refused.value.errno == ENOENT


def test_a_copy_leaves_the_standard_streams_numbers_alone() -> None:
    read, write = os.pipe()
    copy = _copy(read)
    assert copy > 2
    for fd in (read, write, copy):
        os.close(fd)
