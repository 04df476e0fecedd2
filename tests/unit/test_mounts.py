"""mountinfo as the kernel writes it, with every byte that a path may hold."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from stops_tui.kernels.live.mounts import Mount, mounts, parse_mountinfo

TEXT = rb"""23 27 0:22 / /sys rw,relatime - sysfs sysfs rw
36 23 0:33 / /sys/fs/bpf rw,nosuid,nodev,noexec,relatime shared:11 - bpf bpf rw,mode=700
99 27 0:33 /tc /mnt/a\040b\134c rw master:1 propagate_from:2 - bpf none ro
22 27 0:21 / /proc rw,relatime - proc proc rw,hidepid=invisible
this line - bpf is broken
7 8 x:y / /nowhere rw - bpf bpf rw
"""

# fs/seq_file.c: what mangle() in fs/proc_namespace.c escapes.
ESCAPED = b" \t\n\\#"


def escape(path: bytes) -> bytes:
    return b"".join(b"\\%03o" % byte if byte in ESCAPED else bytes([byte]) for byte in path)


def test_mounts_of_one_type() -> None:
    assert list(parse_mountinfo(TEXT, "bpf")) == [
        Mount(
            device=os.makedev(0, 33),
            root="/",
            point="/sys/fs/bpf",
            options=frozenset({"rw", "nosuid", "nodev", "noexec", "relatime", "mode=700"}),
        ),
        Mount(
            device=os.makedev(0, 33),
            root="/tc",
            point="/mnt/a b\\c",
            options=frozenset({"rw", "ro"}),
        ),
    ]
    (proc,) = parse_mountinfo(TEXT, "proc")
    assert "hidepid=invisible" in proc.options


@given(st.binary(min_size=1).filter(lambda path: 0 not in path))
def test_any_path_comes_back_as_it_was(path: bytes) -> None:
    line = b"36 23 0:33 / /" + escape(path) + b" rw shared:1 - bpf bpf rw\n"
    (mount,) = parse_mountinfo(line, "bpf")
    assert os.fsencode(mount.point) == b"/" + path


@given(st.binary())
def test_no_text_makes_it_fail(text: bytes) -> None:
    list(parse_mountinfo(text, "bpf"))
    list(parse_mountinfo(b"1 2 0:3 " + text + b" - bpf bpf rw", "bpf"))


def test_this_host_has_a_proc() -> None:
    assert "/proc" in [mount.point for mount in mounts("proc")]
