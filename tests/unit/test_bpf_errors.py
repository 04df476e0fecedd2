"""What a failed bpf(2) call says."""

from __future__ import annotations

from errno import EACCES, EAGAIN, EBUSY, EEXIST, EINPROGRESS, EINVAL, EMFILE, ENOENT, EOPNOTSUPP

import pytest

from stops_tui.bpf.errors import ENOTSUPP, BpfError, cause_of, errno_name, verifier_cause


@pytest.mark.parametrize(
    ("errno", "name"), [(EEXIST, "EEXIST"), (524, "ENOTSUPP"), (95, "EOPNOTSUPP"), (4711, "4711")]
)
def test_errno_by_name(errno: int, name: str) -> None:
    assert errno_name(errno) == name


@pytest.mark.parametrize(
    ("command", "errno", "words"),
    [
        ("BPF_MAP_UPDATE_ELEM", EEXIST, "already has one of this name"),
        ("BPF_MAP_UPDATE_ELEM", EBUSY, "past INIT"),
        ("BPF_MAP_DELETE_ELEM", EOPNOTSUPP, "detach its link"),
        ("BPF_MAP_DELETE_ELEM", EINPROGRESS, "TOBEFREE"),
        ("BPF_MAP_DELETE_ELEM", ENOENT, "INIT"),
        ("BPF_PROG_LOAD", ENOTSUPP, "no program for this member"),
        ("BPF_LINK_GET_FD_BY_ID", EAGAIN, "being made"),
        ("BPF_BTF_GET_NEXT_ID", EMFILE, "too many open files"),
        ("BPF_MAP_LOOKUP_ELEM", EINVAL, ""),
    ],
)
def test_cause(command: str, errno: int, words: str) -> None:
    assert words in cause_of(command, errno)
    assert bool(cause_of(command, errno)) == bool(words)


def test_error_tells_command_errno_and_cause() -> None:
    error = BpfError("BPF_MAP_UPDATE_ELEM", EEXIST)
    assert (error.command, error.errno, error.errno_name) == ("BPF_MAP_UPDATE_ELEM", 17, "EEXIST")
    assert str(error) == "BPF_MAP_UPDATE_ELEM: EEXIST (the subsystem already has one of this name)"
    assert str(BpfError("BPF_MAP_LOOKUP_ELEM", EINVAL)) == "BPF_MAP_LOOKUP_ELEM: EINVAL"


def test_the_verifiers_own_words_come_first() -> None:
    log = "0: R1=ctx() R10=fp0\n0: (95) exit\nR0 !read_ok\nprocessed 1 insns (limit 1000000)\n"
    error = BpfError("BPF_PROG_LOAD", EACCES, log=log)
    assert error.cause == "R0 !read_ok"
    assert error.log == log


def test_a_log_of_nothing_but_statistics_is_no_cause() -> None:
    log = "processed 0 insns (limit 1000000) max_states_per_insn 0\nstack depth 0\n"
    assert verifier_cause(log) == verifier_cause("") == ""
    assert "struct_ops type" in BpfError("BPF_PROG_LOAD", ENOTSUPP, log=log).cause
