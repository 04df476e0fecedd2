"""Pinning, unpinning and mounting, in a bpffs that only a private mount namespace has."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.live import Kit

# Runs in the private mount namespace. `attempt()` prints how a call ended, one JSON line each.
PROLOGUE = """
import json, os, subprocess, sys
from pathlib import Path
from stops_tui.bpf.errors import BpfError
from stops_tui.bpf.info import LINK_TYPE_STRUCT_OPS
from stops_tui.bpf.syscall import Bpf
from stops_tui.kernels.live.handles import LiveHandle
from stops_tui.kernels.live.mounts import mounts
from stops_tui.kernels.live.pins import Pins
from stops_tui.kernels.live.writes import LiveWrites
from stops_tui.kernels.writes import Refused
root, map_fd, map_id, prog_fd, prog_id, link_fd, link_id = sys.argv[1:]
bpf, calls = Bpf(), []
writes = LiveWrites(lambda: bpf, lambda _: None)
writes.armed, writes.listen = True, calls.append
ops = LiveHandle("map", int(map_id), int(map_fd))
prog = LiveHandle("prog", int(prog_id), int(prog_fd))
link = LiveHandle("link", int(link_id), int(link_fd))
def attempt(call, *args):
    try:
        call(*args)
    except (BpfError, Refused, OSError) as error:
        print(json.dumps([type(error).__name__, str(error)]))
    else:
        print(json.dumps(["", ""]))
def pins():
    print(json.dumps([[p.path, p.kind, p.id] for p in Pins().look()[0]]))
def told():
    print(json.dumps([[c.command, dict(c.arguments), c.result, c.error] for c in calls]))
"""

PRIVATE = ("unshare", "--mount", "--propagation", "private")


class Host:
    """A map, a program and a link, to be pinned by a script in a private mount namespace."""

    def __init__(self, kit: Kit, root: Path, ids: dict[str, tuple[int, int]]) -> None:
        self.kit = kit
        self.root = root
        self.map, self.prog, self.link = (ids[kind][1] for kind in ("map", "prog", "link"))
        self._ids = ids

    def run(self, script: str) -> list[Any]:
        """What the script printed, each line as JSON."""
        arguments = [str(number) for pair in self._ids.values() for number in pair]
        answer = subprocess.run(
            [*PRIVATE, sys.executable, "-c", PROLOGUE + script, str(self.root), *arguments],
            capture_output=True,
            text=True,
            check=False,
            pass_fds=[fd for fd, _ in self._ids.values()],
        )
        assert answer.returncode == 0, answer.stderr
        return [json.loads(line) for line in answer.stdout.splitlines() if line]


@pytest.fixture
def host(kit: Kit, tmp_path: Path) -> Iterator[Host]:
    with kit.program() as prog, kit.tcp_map(link=True) as ops, ops.link() as link:
        ids = {
            "map": (ops.fd, ops.id),
            "prog": (prog, kit.bpf.prog_get_info_by_fd(prog).id),
            "link": (link.fd, link.id),
        }
        yield Host(kit, tmp_path, ids)


def test_a_pin_comes_and_goes(host: Host) -> None:
    script = """
writes.mount_bpffs(f"{root}/bpf")
print(json.dumps([oct(os.stat(f"{root}/bpf").st_mode & 0o777), sorted(mounts("bpf")[-1].options)]))
for handle in (ops, prog, link):
    writes.pin(handle, f"{root}/bpf/{handle.kind}")
pins()
for handle in (ops, prog, link):
    opened = writes.open_pin(f"{root}/bpf/{handle.kind}")
    print(json.dumps([opened.kind, opened.id]))
    opened.close()
    writes.unpin(f"{root}/bpf/{handle.kind}", handle.kind, handle.id)
pins()
told()
"""
    mounted, pinned, *opened, left, told = host.run(script)
    folder = f"{host.root}/bpf"
    assert mounted[0] == "0o700"
    assert {"nosuid", "nodev", "noexec"} <= set(mounted[1])
    ids = {"map": host.map, "prog": host.prog, "link": host.link}
    assert sorted(pinned) == sorted([f"{folder}/{kind}", kind, ids[kind]] for kind in ids)
    assert opened == [[kind, ids[kind]] for kind in ids]
    assert left == []
    assert told == [
        ["mount", {"type": "bpf", "path": folder}, 0, ""],
        *(["BPF_OBJ_PIN", {"path": f"{folder}/{kind}", kind: ids[kind]}, 0, ""] for kind in ids),
        *(["unlink", {"path": f"{folder}/{kind}", kind: ids[kind]}, 0, ""] for kind in ids),
    ]


def test_why_a_path_takes_no_pin(host: Host) -> None:
    script = """
writes.mount_bpffs(f"{root}/bpf")
Path(root, "file").touch()
writes.pin(ops, f"{root}/bpf/x")
for path in ("x", "no/x", "file/x", "bpf/no/x", "bpf/a.b", "bpf/x", "bpf"):
    attempt(writes.pin, ops, f"{root}/{path}")
pins()
"""
    *ends, pinned = host.run(script)
    root = host.root
    assert [words for _, words in ends] == [
        f"BPF_OBJ_PIN: EPERM ({root} is not in a bpffs: mount one, or choose a folder in one)",
        f"BPF_OBJ_PIN: ENOENT (the folder {root}/no does not exist)",
        f"BPF_OBJ_PIN: ENOTDIR ({root}/file is no folder)",
        f"BPF_OBJ_PIN: ENOENT (the folder {root}/bpf/no does not exist)",
        "BPF_OBJ_PIN: EPERM (a bpffs takes no name with a dot in it)",
        f"BPF_OBJ_PIN: EEXIST ({root}/bpf/x exists already)",
        f"BPF_OBJ_PIN: EEXIST ({root}/bpf exists already)",
    ]
    assert pinned == [[f"{root}/bpf/x", "map", host.map]]


def test_only_the_expected_object_is_unpinned(host: Host) -> None:
    script = """
writes.mount_bpffs(f"{root}/bpf")
writes.pin(link, f"{root}/bpf/x")
os.symlink("x", f"{root}/bpf/s")
Path(root, "file").touch()
os.mkdir(f"{root}/bpf/folder")
attempt(writes.unpin, f"{root}/bpf/x", "link", link.id + 1)
attempt(writes.unpin, f"{root}/bpf/x", "map", link.id)
attempt(writes.unpin, f"{root}/bpf/s", "link", link.id)
attempt(writes.unpin, f"{root}/bpf/gone", "link", link.id)
attempt(writes.unpin, f"{root}/file", "link", link.id)
attempt(writes.unpin, f"{root}/bpf/folder", "link", link.id)
pins()
print(json.dumps(sorted(os.listdir(root)) + sorted(os.listdir(f"{root}/bpf"))))
told()
"""
    *ends, pinned, files, told = host.run(script)
    pin, link = f"{host.root}/bpf/x", host.link
    there = f"{pin} is a pin of link {link}"
    assert ends == [
        ["Refused", f"unlink was not sent: {there}, not of link {link + 1}"],
        ["Refused", f"unlink was not sent: {there}, not of map {link}"],
        ["Refused", f"unlink was not sent: {host.root}/bpf/s is a symbolic link, no pin"],
        ["BpfError", "BPF_OBJ_GET: ENOENT (nothing is pinned there)"],
        *[
            ["BpfError", f"BPF_OBJ_GET: EACCES ({words})"]
            for words in ["the path is no pinned object, or may not be read"] * 2
        ],
    ]
    assert pinned == [[pin, "link", link]]
    assert {"bpf", "file", "folder", "s", "x"} <= set(files)
    assert told[2][3] == f"not sent: {there}, not of link {link + 1}"


def test_a_mount_hides_nothing(host: Host) -> None:
    script = """
os.makedirs(f"{root}/full/inside")
os.mkdir(f"{root}/empty")
Path(root, "file").touch()
for path in ("new", "new", "empty", "full", "no/new", "file"):
    attempt(writes.mount_bpffs, f"{root}/{path}")
os.mkdir(f"{root}/new/folder")
attempt(writes.mount_bpffs, f"{root}/new/folder")
print(json.dumps([m.point for m in mounts("bpf")]))
print(json.dumps(sorted(os.listdir(root))))
"""
    *ends, mounted, files = host.run(script)
    root = host.root
    assert ends == [
        ["", ""],
        ["Refused", f"mount was not sent: {root}/new is in a bpffs already: "
         "another would hide its pins"],
        ["", ""],
        ["Refused", f"mount was not sent: {root}/full is not empty: "
         "the mount would hide what is in it"],
        ["FileNotFoundError", f"[Errno 2] No such file or directory: '{root}/no/new'"],
        ["NotADirectoryError", f"[Errno 20] Not a directory: '{root}/file'"],
        ["Refused", f"mount was not sent: {root}/new/folder is in a bpffs already: "
         "another would hide its pins"],
    ]  # fmt: skip
    assert {f"{root}/new", f"{root}/empty"} <= set(mounted)
    assert f"{root}/new/folder" not in mounted
    assert files == ["empty", "file", "full", "new"]


def test_a_folder_made_for_a_mount_that_fails_goes_again(host: Host) -> None:
    script = """
from stops_tui.bpf import mount
def fail(folder):
    raise OSError(19, "this kernel has no bpffs", folder)
mount.mount_bpffs = fail
attempt(writes.mount_bpffs, f"{root}/new")
print(json.dumps(os.listdir(root)))
told()
"""
    end, files, told = host.run(script)
    assert end[0] == "OSError"
    assert files == []
    assert told[0][3] == "ENODEV: this kernel has no bpffs"


def test_the_usual_place_is_mounted(host: Host) -> None:
    """/sys/fs/bpf is an empty folder where nobody mounted a bpffs."""
    script = """
if any(m.point == "/sys/fs/bpf" for m in mounts("bpf")):
    subprocess.run(["umount", "/sys/fs/bpf"], check=True)
attempt(writes.mount_bpffs, "/sys/fs/bpf")
attempt(writes.pin, ops, "/sys/fs/bpf/x")
attempt(writes.unpin, "/sys/fs/bpf/x", "map", ops.id)
"""
    assert host.run(script) == [["", ""]] * 3


def test_a_pin_keeps_what_nobody_holds(host: Host) -> None:
    script = """
fd = bpf.map_create(map_type=2, value_size=4, name="t_pinned")
made = LiveHandle("map", bpf.map_get_info_by_fd(fd).id, fd)
writes.mount_bpffs(f"{root}/bpf")
writes.pin(made, f"{root}/bpf/x")
made.close()
again = writes.open_map(made.id)
again.close()
writes.unpin(f"{root}/bpf/x", "map", made.id)
import time
for _ in range(200):
    try:
        writes.open_map(made.id).close()
    except BpfError as error:
        print(json.dumps(error.errno_name))
        break
    time.sleep(0.01)
"""
    assert host.run(script) == ["ENOENT"]
