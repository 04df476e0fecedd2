"""Which object an fd is, by texts that Linux 6.18 writes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stops_tui.kernels.kernel import ObjectKind
from stops_tui.kernels.live.fdinfo import FDINFO_BYTES, OBJECTS, object_of

HEAD = b"pos:\t0\nflags:\t02000002\nmnt_id:\t17\nino:\t1038\n"
MAP = HEAD + (
    b"map_type:\t26\nkey_size:\t4\nvalue_size:\t256\nmax_entries:\t1\nmap_flags:\t0x2000\n"
    b"map_extra:\t0x0\nmemlock:\t4432\nmap_id:\t58\nfrozen:\t0\n"
)
PROG_ARRAY = MAP + b"owner_prog_type:\t27\nowner_jited:\t1\n"
PROG = HEAD + (
    b"prog_type:\t27\nprog_jited:\t1\nprog_tag:\ta04f5eef06a7f555\nmemlock:\t4096\nprog_id:\t83\n"
    b"run_time_ns:\t0\nrun_cnt:\t0\nrecursion_misses:\t0\nverified_insns:\t2\n"
)
LINK = HEAD + b"link_type:\tstruct_ops\nlink_id:\t22\nmap_id:\t58\n"
TRACING_LINK = HEAD + b"link_type:\ttracing\nlink_id:\t7\nprog_tag:\t00\nprog_id:\t83\n"


@pytest.mark.parametrize(
    ("link", "fdinfo", "found"),
    [
        ("anon_inode:bpf-map", MAP, ("map", 58)),
        ("anon_inode:bpf-map", PROG_ARRAY, ("map", 58)),
        ("anon_inode:bpf-prog", PROG, ("prog", 83)),
        ("anon_inode:bpf_link", LINK, ("link", 22)),
        ("anon_inode:bpf_link", TRACING_LINK, ("link", 7)),
        ("anon_inode:bpf-link", LINK, ("link", 22)),
        ("anon_inode:bpf_link", HEAD, None),
        ("anon_inode:bpf-map", b"", None),
        ("anon_inode:[eventpoll]", MAP, None),
        ("/tmp/anon_inode:bpf-map", MAP, None),
        ("", MAP, None),
    ],
)
def test_objects(link: str, fdinfo: bytes, found: tuple[ObjectKind, int] | None) -> None:
    assert object_of(link, fdinfo) == found


@given(st.text() | st.sampled_from(sorted(OBJECTS)), st.binary())
def test_no_text_makes_it_fail(link: str, fdinfo: bytes) -> None:
    found = object_of(link, fdinfo)
    assert found is None or link in OBJECTS


def test_the_id_is_within_what_is_read() -> None:
    assert len(MAP) < FDINFO_BYTES / 4
